"""The examples of the exporters run, and what they write scores as their golden records say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.app.model_files import read_golden, read_model
from headrace.loading.checking import check
from headrace.loading.options import LoadOptions
from headrace.records import Descriptor


def examine(folder: Path, file: str) -> list[str]:
    """Check a written model as an engine would, and name its outputs."""
    described = json.loads((folder / file).with_suffix(".descriptor.json").read_text())
    descriptor = Descriptor(
        described["name"],
        described["data_type"],
        model_type=described["format"],
        golden=read_golden(folder / described["golden"]),
        golden_tolerance=described["golden_tolerance"],
        mapping={name: tuple(fields) for name, fields in described["mapping"].items()},
    )
    checked = check(read_model(folder / file), descriptor, LoadOptions(), lambda _: None)
    return [output.name for output in checked.signature.outputs]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("tensorflow")
@pytest.mark.parametrize(
    ("program", "files", "outputs"),
    [
        (
            "sklearn_model",
            ["boosting-onnx.onnx", "boosting.pmml"],
            ["quality", *(f"probability({n})" for n in range(3, 9))],
        ),
        ("keras_model", ["network-saved.zip", "network.pb"], ["quality", "probabilities"]),
    ],
)
def test_the_program_writes_models_that_pass(
    project: Path, tmp_path: Path, program: str, files: list[str], outputs: list[str]
) -> None:
    command = [sys.executable, "-m", f"examples.exporters.{program}", str(tmp_path)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    assert files == sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json")
    for file in files:
        assert sorted(outputs) == sorted(examine(tmp_path, file))


def test_what_spark_wrote_passes(project: Path) -> None:
    outputs = examine(project / "examples/exporters/models", "spark-forest.pmml")
    assert {"quality", *(f"probability({label})" for label in range(3, 9))} <= set(outputs)
