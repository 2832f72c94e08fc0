"""The wine example: its stream, and its models as committed against its models as trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelError, ModelFormatError, VerificationError
from headrace.loading.checking import check
from headrace.loading.options import LoadOptions
from headrace.records import Descriptor, GoldenRecord, Signature


@pytest.fixture(scope="module")
def wine(project: Path) -> Path:
    return project / "examples/wine"


def run(project: Path, module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"examples.wine.{module}", *arguments]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout


def read_golden(path: Path) -> list[dict[str, Any]]:
    golden: list[dict[str, Any]] = json.loads(path.read_text())
    return golden


def test_the_stream_has_every_wine_once_with_rising_times(project: Path) -> None:
    records = [json.loads(line) for line in run(project, "records", "--interval", "5").splitlines()]
    assert [f"red-{number:04}" for number in range(1, 1600)] == [record["id"] for record in records]
    assert [1_767_225_600_000 + 5 * index for index in range(1599)] == [record["time"] for record in records]
    first = {"fixed_acidity": 7.4, "pH": 3.51, "alcohol": 9.4, "dataType": "wine"}
    assert first == {name: records[0][name] for name in first}
    assert all("quality" not in record for record in records)


def test_the_labels_are_kept_by_id(project: Path) -> None:
    labels = json.loads(run(project, "records", "--labels"))
    assert (1599, 5, 6) == (len(labels), labels["red-0001"], labels["red-1599"])


@pytest.mark.slow
def test_training_again_gives_the_committed_models(project: Path, wine: Path, tmp_path: Path) -> None:
    run(project, "train", str(tmp_path))
    committed = wine / "models"
    assert sorted(path.name for path in committed.iterdir()) == sorted(path.name for path in tmp_path.iterdir())
    for path in sorted(committed.glob("*.golden.json")):
        trained = read_golden(tmp_path / path.name)
        assert [record["inputs"] for record in read_golden(path)] == [record["inputs"] for record in trained]
        for expected, actual in zip(read_golden(path), trained, strict=True):
            assert expected["outputs"] == pytest.approx(actual["outputs"], rel=1e-6, abs=1e-9)
    assert (committed / "forest.pmml").read_text() == (tmp_path / "forest.pmml").read_text()


def test_the_index_names_every_model_and_its_golden_records(wine: Path) -> None:
    models = wine / "models"
    index = json.loads((models / "models.json").read_text())
    named = {entry["file"] for entry in index} | {entry["golden"] for entry in index} | {"models.json"}
    assert {path.name for path in models.iterdir()} == named


def test_the_truncated_model_is_half_of_the_forest(wine: Path) -> None:
    forest = (wine / "models/forest.pmml").read_bytes()
    assert forest[: len(forest) // 2] == (wine / "models/truncated.pmml").read_bytes()


def examine(wine: Path, file: str) -> Signature:
    (entry,) = (entry for entry in json.loads((wine / "models/models.json").read_text()) if entry["file"] == file)
    descriptor = Descriptor(
        name=entry["name"],
        data_type=entry["data_type"],
        slot=entry["slot"],
        golden=tuple(GoldenRecord(**record) for record in read_golden(wine / "models" / entry["golden"])),
        mapping={name: tuple(fields) for name, fields in entry["mapping"].items()},
    )
    content = (wine / "models" / file).read_bytes()
    return check(content, descriptor, LoadOptions(), lambda _: None).signature


def test_the_classifiers_pass_and_fit_one_slot(wine: Path) -> None:
    forest, network = (examine(wine, file).outputs for file in ("forest.pmml", "network.onnx"))
    assert [("quality", "int64"), *((f"probability({label})", "double") for label in range(3, 9))] == [
        (output.name, output.type) for output in forest
    ]
    assert forest == network


def test_the_regression_passes(wine: Path) -> None:
    assert [("quality", "double")] == [(output.name, output.type) for output in examine(wine, "ridge.pmml").outputs]


@pytest.mark.parametrize(
    ("file", "verdict"), [("truncated.pmml", ModelFormatError), ("shuffled.pmml", VerificationError)]
)
def test_the_bad_models_are_refused(wine: Path, file: str, verdict: type[ModelError]) -> None:
    with pytest.raises(verdict):
        examine(wine, file)
