"""The life of a model, change by change."""

from __future__ import annotations

from itertools import product

import pytest

from headrace.core.candidate import Candidate
from headrace.core.states import ACCEPTED, FINAL, IN_LOADER, TRANSITIONS, UNRESOLVED, State, check_move
from headrace.errors import TransitionError
from headrace.records import Descriptor, SlotKey

PAIRS = list(product(State, State))
LEGAL = {
    ("received", "loading"),
    ("received", "rejected"),
    ("received", "skipped"),
    ("received", "retired"),
    ("loading", "verifying"),
    ("loading", "rejected"),
    ("loading", "received"),
    ("loading", "retired"),
    ("verifying", "warming"),
    ("verifying", "rejected"),
    ("verifying", "received"),
    ("verifying", "retired"),
    ("warming", "staged"),
    ("warming", "rejected"),
    ("warming", "received"),
    ("warming", "retired"),
    ("staged", "serving"),
    ("staged", "skipped"),
    ("staged", "retired"),
    ("serving", "retired"),
}


def candidate_in(state: State) -> Candidate:
    descriptor = Descriptor("model", "wine")
    return Candidate(SlotKey("wine"), 0, 0, descriptor, "d" * 64, state=state, reason="before")


def test_the_table_holds_exactly_the_legal_changes() -> None:
    assert {(before.value, after.value) for before in State for after in TRANSITIONS[before]} == LEGAL


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if (pair[0].value, pair[1].value) in LEGAL])
def test_a_legal_change_is_made(before: State, after: State) -> None:
    candidate = candidate_in(before)
    candidate.move(after, "now")
    assert (after, "now") == (candidate.state, candidate.reason)


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if (pair[0].value, pair[1].value) not in LEGAL])
def test_an_illegal_change_raises_and_changes_nothing(before: State, after: State) -> None:
    candidate = candidate_in(before)
    with pytest.raises(TransitionError, match=f"{before} cannot become {after}"):
        candidate.move(after, "now")
    assert (before, "before") == (candidate.state, candidate.reason)


def test_the_error_names_what_may_follow() -> None:
    with pytest.raises(TransitionError, match="after serving comes retired"):
        check_move(State.SERVING, State.STAGED)
    with pytest.raises(TransitionError, match="after rejected comes nothing"):
        check_move(State.REJECTED, State.LOADING)


def test_every_state_is_unresolved_accepted_or_final() -> None:
    assert set(State) == UNRESOLVED | ACCEPTED | FINAL
    assert not UNRESOLVED & ACCEPTED
    assert not FINAL & (UNRESOLVED | ACCEPTED)
    assert IN_LOADER < UNRESOLVED


def test_every_state_can_be_reached_and_left_but_the_final_ones() -> None:
    assert set(State) - {State.RECEIVED} == {after for following in TRANSITIONS.values() for after in following} - {
        State.RECEIVED
    }
    assert {State.REJECTED, State.SKIPPED, State.RETIRED} == FINAL
