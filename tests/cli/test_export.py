"""``headrace export``: a trained model to files that ``headrace publish`` takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.app.model_files import read_golden
from tests.cli.conftest import Cli

PROGRAM = """
import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

ROWS = np.arange(20.0).reshape(10, 2)
line = Ridge().fit(ROWS, ROWS.sum(axis=1))
broken = Ridge()


def classes():
    return LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 8, "high", "low"))


def keras():
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])


def fails():
    raise ValueError("no data")
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A program that trains models, and beside it the rows."""
    (tmp_path / "rows.csv").write_text("a;b;y\n" + "".join(f"{2 * row};{2 * row + 1};x\n" for row in range(10)))
    path = tmp_path / "training.py"
    path.write_text(PROGRAM)
    return path


def given(source: Path, output: str, *more: str | Path) -> list[str | Path]:
    folder = source.parent
    return ["--rows", folder / "rows.csv", "--target", "y", "--data-type", "t", "-o", folder / output, *more]


@pytest.mark.parametrize(("exporter", "file"), [("sklearn-pmml", "m.pmml"), ("sklearn-onnx", "m.onnx")])
def test_a_model_golden_records_and_a_descriptor_are_written(cli: Cli, source: Path, exporter: str, file: str) -> None:
    result = cli("export", exporter, f"{source}:classes", *given(source, file, "--golden-rows", "4", "--json"))
    assert (0, "") == (result.exit_code, result.stderr)
    told = json.loads(result.stdout)
    golden = read_golden(Path(told["golden"]))
    described = json.loads(Path(told["descriptor"]).read_text())
    assert (4, file, "m", "t") == (len(golden), described["file"], described["name"], described["data_type"])
    model = headrace.load(source.parent / file)
    for record in golden:
        fed = record.inputs if exporter == "sklearn-pmml" else {"features": list(record.inputs.values())}
        assert record.outputs == pytest.approx(model.score_one(fed))


def test_the_command_that_publishes_is_told(cli: Cli, source: Path) -> None:
    told = cli("export", "sklearn-onnx", f"{source}:line", *given(source, "m.onnx")).stdout.splitlines()[1]
    assert told.startswith("headrace publish ")
    assert "--map features=a,b --tolerance 1e-06 --data-type t --log DIR" in told


def test_a_log_is_published_to(cli: Cli, source: Path) -> None:
    log = source.parent / "log"
    result = cli("export", "sklearn-pmml", f"{source}:line", *given(source, "m.pmml", "--log", log, "--version", "7"))
    assert f"published to {log} at position 0" in result.stdout
    checked = cli("publish", source.parent / "m.pmml", "--log", log, "--data-type", "t", "--dry-run")
    assert 0 == checked.exit_code


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("training.py:nothing", 2, "has no 'nothing'"),
        ("absent.py:line", 2, "there is no program"),
        ("training.py:fails", 2, "fails: ValueError: no data"),
        ("training.py:broken", 1, "Ridge is not fitted"),
        ("model.joblib", 2, "is a pickle, a program that reading would run"),
        ("numpy", 2, "names no part"),
    ],
)
def test_what_cannot_be_exported_is_told(cli: Cli, source: Path, name: str, code: int, message: str) -> None:
    result = cli("export", "sklearn-pmml", f"{source.parent}/{name}" if "." in name else name, *given(source, "m.pmml"))
    assert code == result.exit_code
    assert message in result.stderr
    assert not (source.parent / "m.pmml").exists()


def test_features_that_are_no_columns_are_named(cli: Cli, source: Path) -> None:
    result = cli("export", "sklearn-pmml", f"{source}:line", *given(source, "m.pmml", "--features", "a,c"))
    assert (2, True) == (result.exit_code, "the rows have no column c; they have a, b" in result.stderr)


@pytest.mark.slow
@pytest.mark.xdist_group("tensorflow")
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras', where it saves
@pytest.mark.parametrize(("exporter", "file"), [("keras-graph", "m.pb"), ("keras-savedmodel", "m.zip")])
def test_a_keras_file_is_written_as_tensorflow(cli: Cli, source: Path, exporter: str, file: str) -> None:
    import tensorflow as tf

    keras = tf.keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    model.save(source.parent / "m.keras")
    result = cli("export", exporter, source.parent / "m.keras", *given(source, file, "--classes", "0,1", "--json"))
    assert (0, "") == (result.exit_code, result.stderr)
    golden = read_golden(Path(json.loads(result.stdout)["golden"]))
    loaded = headrace.load(source.parent / file)
    for record in golden:
        scored = loaded.score_one({"features": list(record.inputs.values())})
        assert record.outputs["y"] == scored["y"]
        assert record.outputs["probabilities"] == pytest.approx(scored["probabilities"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.xdist_group("tensorflow")
@pytest.mark.timeout(300)
def test_tensorflow_says_nothing_of_its_own(source: Path) -> None:
    arguments = ["keras-graph", f"{source}:keras", *given(source, "m.pb", "--classes", "0,1")]
    run = subprocess.run(
        [sys.executable, "-m", "headrace", "export", *arguments], capture_output=True, text=True, check=False
    )
    assert (0, "") == (run.returncode, run.stderr)
    assert run.stdout.startswith(f"{source.parent}/m.pb: tensorflow")
