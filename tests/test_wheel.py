"""The wheel, as a user gets it: what it holds, and that it runs with its plain dependencies and no extra."""

from __future__ import annotations

import csv
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("wheel")]

MODEL = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
  <Header/>
  <DataDictionary>
    <DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="y" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="regression">
    <MiningSchema>
      <MiningField name="x"/>
      <MiningField name="y" usageType="target"/>
    </MiningSchema>
    <RegressionTable intercept="1">
      <NumericPredictor name="x" coefficient="2"/>
    </RegressionTable>
  </RegressionModel>
</PMML>
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and give what it printed; its errors are shown where it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the sources as they stand."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=project)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(project: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; gives the folder of that environment's programs."""
    folder = tmp_path_factory.mktemp("environment")
    uv = Path(sys.executable).parent / "uv"
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=project)
    bin_folder = folder / "venv" / "bin"
    pinned = project / "requirements" / "runtime.txt"
    run(uv, "pip", "install", "--quiet", "--python", bin_folder / "python", "-c", pinned, wheel, cwd=project)
    return bin_folder


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"headrace", f"headrace-{version('headrace')}.dist-info"}


@pytest.mark.parametrize("name", ["headrace/py.typed", "licenses/LICENSE", "licenses/NOTICE"])
def test_wheel_holds(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert [found for found in archive.namelist() if found.endswith(name)] != []


def test_no_extra_is_installed(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print([n for n in ('fastavro', 'onnxruntime', 'sklearn') if u.find_spec(n)])"
    assert run(installed / "python", "-c", code, cwd=tmp_path) == "[]\n"


def test_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert version("headrace") in run(installed / "headrace", "--version", cwd=tmp_path)


def test_command_scores(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pmml").write_text(MODEL)
    (tmp_path / "in.csv").write_text("x\n1\n2.5\n")
    run(installed / "headrace", "score", "model.pmml", "in.csv", "-o", "out.csv", cwd=tmp_path)
    with (tmp_path / "out.csv").open(newline="") as lines:
        assert [float(row["y"]) for row in csv.DictReader(lines)] == [3.0, 6.0]
