"""The fuzzer: what it makes, what it sees, and that the formats stand up to it."""

from pathlib import Path

import pytest

from headrace.testing import fuzz as fuzzing
from headrace.testing.fuzz import fuzz, is_explained, limit_seconds, main, read_seeds
from headrace.testing.mutants import make_mutant

pytestmark = pytest.mark.slow

DOCUMENT = (
    b'<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><DataDictionary>'
    b'<DataField name="x" optype="continuous" dataType="double"/></DataDictionary>'
    b'<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>'
    b'<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>'
    b"</PMML>"
)


@pytest.mark.timeout(240)
def test_two_hundred_mutants_of_real_models_do_no_harm(project: Path) -> None:
    report = fuzz(read_seeds([project / fuzzing.SEEDS["pmml"]], "pmml"), "pmml", 200)
    assert report.defects == {}
    assert report.outcomes.keys() == {"refused", "served"}
    assert report.outcomes.total() == 200


@pytest.mark.timeout(240)
def test_mutants_of_a_graph_do_no_harm(project: Path) -> None:
    report = fuzz(read_seeds([project / "examples/wine/models"], "onnx"), "onnx", 50)
    assert report.defects == {}
    assert report.outcomes.total() == 50


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "folder", "asked"),
    [("tensorflow", "", {}), ("savedmodel", "saved_keras", {}), ("savedmodel", "saved_tf2", {"signature": "price"})],
)
def test_mutants_of_tensorflow_models_do_no_harm(project: Path, kind: str, folder: str, asked: dict[str, str]) -> None:
    count = 100 if folder else 200
    report = fuzz(read_seeds([project / fuzzing.SEEDS[kind] / folder], kind), kind, count, asked=asked)
    assert report.defects == {}
    assert report.outcomes.total() == count


def test_the_folders_of_saved_models_are_seeds(project: Path) -> None:
    assert len(read_seeds([project / fuzzing.SEEDS["savedmodel"]], "savedmodel")) == 3
    assert len(read_seeds([project / fuzzing.SEEDS["tensorflow"]], "tensorflow")) == 3


def test_a_mutant_is_told_by_its_seed_and_number() -> None:
    made = [make_mutant([DOCUMENT], 0, number) for number in range(300)]
    assert made == [make_mutant([DOCUMENT], 0, number) for number in range(300)]
    assert made[:20] != [make_mutant([DOCUMENT], 1, number) for number in range(20)]
    assert len(set(made)) > 280
    assert all(isinstance(make_mutant([b"", b"\x00\xff"], 0, number), bytes) for number in range(100))


@pytest.mark.parametrize(
    ("message", "kind", "explained"),
    [
        ("Node, line 7: it holds no predicate", "pmml", True),
        ("not well-formed XML, line 3: syntax error", "pmml", True),
        ("it is wrong", "pmml", False),
        ("model 'm' cannot be used: KeyError: 'x' (line 3)", "pmml", False),
        ("model 'm' crashed the process that checked it, twice", "onnx", False),
        ("not a sound ONNX model", "onnx", True),
    ],
)
def test_a_refusal_says_where(message: str, kind: str, explained: bool) -> None:
    assert is_explained(message, kind) is explained


def test_a_failure_in_serving_is_a_defect_and_its_mutant_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("lost")

    seed = tmp_path / "model.pmml"
    seed.write_bytes(DOCUMENT)
    monkeypatch.setattr(fuzzing, "_serve", fail)
    number = next(n for n in range(100) if b"coefficient=" in (made := make_mutant([DOCUMENT], 0, n)) and sound(made))
    arguments = [str(seed), "--mutants", "1", "--first", str(number), "--keep", str(tmp_path / "kept")]
    assert main(arguments) == 1
    assert (tmp_path / "kept" / f"0-{number}.pmml").read_bytes() == make_mutant([DOCUMENT], 0, number)
    assert "in serving: KeyError: 'lost'" in capsys.readouterr().out


def sound(content: bytes) -> bool:
    """Tell whether a mutant is still a model."""
    from headrace.errors import HeadraceError
    from headrace.formats.pmml.format import PmmlFormat

    try:
        PmmlFormat().prepare(content)
    except HeadraceError:
        return False
    return True


def test_scoring_that_does_not_end_is_ended() -> None:
    def score_for_ever() -> None:
        with limit_seconds(0.05):
            while True:
                pass

    with pytest.raises(fuzzing.LateError):
        score_for_ever()


def test_without_seeds_nothing_is_checked(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no onnx model of up to 60,000 bytes"):
        read_seeds([tmp_path], "onnx")
