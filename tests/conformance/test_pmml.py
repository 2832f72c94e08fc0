"""Models of real producers give what their training programs gave; and the rule by which that is decided."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conformance.agreement import Table, Tolerance, compare, read_tolerance
from tests.conformance.pmml import FREE, Case, check_case, find_cases, main, read_exceptions

LARGE = 100_000
CASES = {case.name: case for case in find_cases([FREE])}
SMALL = FREE / "cPMML__cPMML__IrisTree"


def _mark(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if (case.folder / "model.pmml.xz").stat().st_size > LARGE else []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=_mark(case)) for name, case in CASES.items() if name not in read_exceptions()]
)
def test_a_model_gives_what_its_training_program_gave(name: str) -> None:
    assert check_case(CASES[name]).agreement.problem == ""


@pytest.mark.parametrize("name", sorted(CASES.keys() & read_exceptions().keys()))
def test_an_exception_does_not_match(name: str) -> None:
    assert not check_case(CASES[name]).agreement.match


def copy_case(folder: Path, expected: str) -> Path:
    """Copy a small case, with another table of expected results."""
    shutil.copytree(SMALL, folder)
    (folder / "expected.csv").write_text(expected)
    return folder


def test_the_table_counts_models_rows_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SMALL)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["element", "producer", "models", "rows", "fields"],
        ["TreeModel", "Rattle", "PMML", "1/1", "100/100", "4/4"],
        ["all", "1/1", "100/100", "4/4"],
    ]


def test_an_unexplained_difference_is_shown_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (SMALL / "expected.csv").read_text().splitlines()
    folder = copy_case(tmp_path / "case", "\n".join([lines[0], "nothing like it", *lines[2:]]) + "\n")
    assert main([str(folder), "--json"]) == 1
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["match"], entry["rows"], entry["rows_matched"]) == (False, 100, 99)
    assert "the first is row 1: expected 'nothing like it'" in entry["problem"]


def test_a_folder_named_in_the_environment_is_scored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_case(tmp_path / "cases" / "another", (SMALL / "expected.csv").read_text())
    monkeypatch.setattr("tests.conformance.pmml.FREE", SMALL)
    monkeypatch.setenv("CASES", str(tmp_path / "cases"))
    assert main([]) == 0
    assert "200/200" in capsys.readouterr().out


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no case in it"):
        main([str(tmp_path)])


def test_exceptions_have_reasons() -> None:
    assert [name for name, reason in read_exceptions().items() if len(reason) < 20] == []


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("1.0", "1.0000000005", True),
        ("1.0", "1.000000002", False),
        ("0", "1e-10", True),
        ("0", "1e-8", False),
        ("true", "1", True),
        ("NA", "", True),
        ("NA", "0", False),
        ("1", "", False),
        ("setosa", "setosa", True),
        ("setosa", "Setosa", False),
    ],
)
def test_cells_agree(expected: str, actual: str, same: bool) -> None:
    assert Tolerance(1e-9, 1e-9).agree(expected, actual) is same


def test_the_tolerance_is_what_the_case_says() -> None:
    assert read_tolerance({}) == Tolerance(1e-6, 1e-6)
    assert read_tolerance({"precision": 1e-13, "zero": 1e-3}) == Tolerance(1e-9, 1e-3)
    assert read_tolerance({"ulps": 10}) == Tolerance(2.4e-6, 2.4e-6)


def test_columns_are_those_that_the_case_names_or_both_have() -> None:
    expected = Table(["a", "b"], [["1", "2"], ["3", "4"]])
    scored = Table(["b", "c"], [["2", "0"], ["5", "0"]])
    assert compare(expected, scored, {}).fields == {"b": False}
    assert compare(expected, scored, {}).rows_matched == 1
    assert compare(expected, scored, {"columns": ["a"]}).problem.startswith("a: 2 rows differ")
    assert compare(expected, scored, {"exclude": ["b"]}).problem.startswith("no column to compare")
    assert "1 rows came out, not 2" in compare(expected, Table(["b"], [["2"]]), {}).problem
