"""Regular expressions of models: what they find, and that none of them takes long."""

from __future__ import annotations

import pytest

from headrace.errors import UnsupportedError
from headrace.formats.pmml.expressions.patterns import explain_pattern, match_texts, replace_texts
from tests.formats.pmml.building import COLOUR, apply, derive, load
from tests.formats.pmml.expressions.test_text_index import index, table

EVIL = "(a+)+$"
LONG = "a" * 100_000 + "!"


def test_a_pattern_that_would_backtrack_for_ages_does_not() -> None:
    assert [False, True] == match_texts([LONG, "aa"], EVIL)
    assert [LONG, "b"] == replace_texts([LONG, "aa"], EVIL, "b")


def test_such_a_row_of_a_table_does_not_either() -> None:
    row = f"<row><string>{EVIL}</string><stem>b</stem><regex>true</regex></row>"
    assert [0.0, 1.0] == index("b", [LONG, "aa"], "", table(row))


@pytest.mark.parametrize(
    ("pattern", "replacement", "replaced"),
    [
        (r"(\w+) (\w+)", "$2 $1", "Doe John"),
        ("John", r"\$1", "$1 Doe"),
        ("John", "\\\\", "\\ Doe"),
        ("John", "\\", "\\ Doe"),
        ("o", "", "Jhn De"),
        ("(J)", "$2", None),
        ("(J)", "$10", None),
        ("(?=J)", "", None),
    ],
)
def test_replacements(pattern: str, replacement: str, replaced: str | None) -> None:
    assert [replaced] == replace_texts(["John Doe"], pattern, replacement)


def test_half_a_character_is_missing() -> None:
    assert [None] == match_texts(["\ud800"], "a")
    assert [None] == replace_texts(["\ud800"], "a", "b")
    assert explain_pattern("\ud800")


@pytest.mark.parametrize("function", ["matches", "replace"])
@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", "(a{1000}){1000}"])
def test_a_constant_that_cannot_be_run_is_refused_at_the_load(function: str, pattern: str) -> None:
    arguments = [f"'{pattern}'", "'b'"][: 2 if function == "replace" else 1]
    with pytest.raises(UnsupportedError, match=r"Constant, line 1: the regular expression '.* \(RE2 runs it\): "):
        load(derive(apply(function, "colour", *arguments), "string", "categorical", fields=COLOUR))


def test_rows_of_a_table_that_cannot_be_run_are_refused() -> None:
    for text, stem, problem in (("(?=a)", "b", "RE2 runs it"), ("(a)", "$10", "asks for group 10; there are up to 9")):
        row = f"<row><string>{text}</string><stem>{stem}</stem><regex>true</regex></row>"
        with pytest.raises(UnsupportedError, match=problem):
            index("b", "a", "", table(row))


def test_a_replacement_of_a_table_without_groups_is_taken_as_it_is() -> None:
    row = r"<row><string>a+</string><stem>\d</stem><regex>true</regex></row>"
    assert [1.0] == index("\\d", ["aa"], "", table(row))
