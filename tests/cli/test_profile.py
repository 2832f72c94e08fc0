"""``headrace profile``, and drift from it: published with a model, measured, kept and shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from headrace.records import FieldProfile
from headrace.wire.profile import read_profile
from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli
from tests.monitor.conftest import configure, serve


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Training data of 100 rows; a row cannot be scored."""
    file = tmp_path / "training.csv"
    colours = ("red", "white")
    rows = [f"{number},{colours[number % 3 == 0]},name {number}\n" for number in range(100)]
    file.write_text("x,colour,label\n" + "".join(rows) + "wrong,red,\n")
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "line.pmml"
    file.write_bytes(linear())
    return file


def make_profile(cli: Cli, *arguments: Path) -> tuple[FieldProfile, ...]:
    file = arguments[0].parent / "profile.json"
    result = cli("profile", *arguments, "-o", file)
    assert 0 == result.exit_code, result.stderr
    return read_profile(file.read_bytes())


def test_a_model_s_inputs_and_outputs(cli: Cli, table: Path, model: Path) -> None:
    table.write_text(table.read_text().replace("wrong,red,\n", ""))
    inputs, outputs = make_profile(cli, table, model)
    assert ("x", False, "y", True) == (inputs.name, inputs.output, outputs.name, outputs.output)
    assert (10,) * 10 + (0,) == inputs.counts == outputs.counts
    assert np.allclose(np.array(inputs.edges) * 2 + 1, outputs.edges)


def test_columns_alone(cli: Cli, table: Path) -> None:
    found = make_profile(cli, table)
    assert ["x", "colour"] == [each.name for each in found]
    assert (10, 1) == (found[0].counts[0], found[0].counts[-1])
    assert (("red", "white"), (67, 34, 0, 0)) == (found[1].values, found[1].counts)


@pytest.mark.parametrize(("rows", "why"), [(0, "has no rows"), (30, "nothing to tell")])
def test_tables_that_tell_nothing(cli: Cli, tmp_path: Path, rows: int, why: str) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("label\n" + "".join(f"name {number}\n" for number in range(rows)))
    result = cli("profile", file, "-o", tmp_path / "profile.json")
    assert 3 == result.exit_code
    assert why in result.stderr


def publish(cli: Cli, project: Project, table: Path, model: Path) -> None:
    make_profile(cli, table, model)
    sent = cli(
        "publish", model, "--log", project.log, "--data-type", "wine", "--profile", table.parent / "profile.json"
    )
    assert 0 == sent.exit_code, sent.stderr


def drift(told: dict[str, object]) -> Sequence[float]:
    found = told["drift"]
    assert isinstance(found, dict)
    return found["inputs"]["x"], found["outputs"]["y"]


def test_drift_is_measured_kept_and_shown(cli: Cli, table: Path, model: Path, tmp_path: Path) -> None:
    project = Project(tmp_path)
    publish(cli, project, table, model)
    configure(project)
    project.write_records(*range(100))
    with serve(project) as served:
        (steady,) = served.until_scored(100)["versions"]
        assert (0.0, 0.0) == pytest.approx(drift(steady), abs=0.01)
        found = served.get("/v1/models/0")["distributions"]
        assert [("x", False, 100, 11), ("y", True, 100, 11)] == [
            (each["name"], each["output"], each["records"], len(each["bins"])) for each in found
        ]
        assert pytest.approx(1.0) == sum(each["found"] for each in found[0]["bins"])
    project.write_records(*range(100), *([5_000] * 400))
    with serve(project) as served:
        (drifted,) = served.until_scored(500)["versions"]
        assert min(drift(drifted)) > 0.25
        metrics = served.client.get("/metrics").text
        for side, shift in zip(("inputs", "outputs"), drift(drifted), strict=True):
            assert f'headrace_serving_drift{{data_type="wine",side="{side}",slot=""}} {shift}' in metrics
        results = [each["outputs"]["y"] for each in project.read()]
        last = served.get("/v1/models/0")["distributions"][1]["bins"][-2]
        assert sum(each >= float(last["name"].split()[1]) for each in results) == last["records"] == 410
    told = json.loads(cli("stats", "--state", project.state, "--json").stdout)
    assert drift(drifted) == drift(told["versions"][0])
    heads, row, *_ = cli("stats", "--state", project.state).stdout.splitlines()
    assert ("drift", f"{max(drift(drifted)):.2f}") == (heads.split()[-1], row.split()[-1])


def test_a_profile_that_is_none_is_refused(cli: Cli, model: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "profile.json"
    wrong.write_text("{}")
    result = cli("publish", model, "--log", tmp_path / "models", "--data-type", "wine", "--profile", wrong)
    assert 3 == result.exit_code
    assert "no profile as headrace profile makes it" in result.stderr
    assert (
        3 == cli("publish", model, "--log", tmp_path / "m", "--data-type", "w", "--profile", tmp_path / "x").exit_code
    )


def test_without_a_profile_stats_have_no_column_for_drift(cli: Cli, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.configure(RECORDS + REST)
    project.write_records(1)
    project.publish(linear())
    project.run()
    assert "drift" not in cli("stats", "--state", project.state).stdout
