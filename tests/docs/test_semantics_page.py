"""The page of promises holds the table of transitions, every switch mode and every policy, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.core.states import TRANSITIONS
from headrace.records import NoModelPolicy, SwitchMode


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/semantics.md").read_text()


def read_table(page: str, heading: str) -> dict[str, str]:
    """The first two cells of each row of a table, by the first."""
    text = page.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", text, re.MULTILINE))


def test_the_table_of_transitions_is_that_of_the_core(page: str) -> None:
    expected = {
        str(state): ", ".join(f"`{each}`" for each in sorted(following)) or "nothing"
        for state, following in TRANSITIONS.items()
    }
    assert expected == read_table(page, "From")


def test_every_mode_and_policy_is_there(page: str) -> None:
    assert [str(mode) for mode in SwitchMode] == list(read_table(page, "Mode"))
    assert {str(policy) for policy in NoModelPolicy} == set(read_table(page, "Policy"))
