"""The life of a model as a table.

Rules:

1. A candidate is in exactly one state; the table below holds every legal change.
2. An illegal change raises ``TransitionError`` and changes nothing.
3. A candidate goes back to *received* only where loading was cut short: by a restart, or by a limit of time or memory,
   which is no verdict.
4. *rejected*, *skipped* and *retired* are final. Rolling back makes a new candidate of old bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from headrace.errors import TransitionError


class State(StrEnum):
    """Where a candidate is in its life."""

    RECEIVED = "received"
    LOADING = "loading"
    VERIFYING = "verifying"
    WARMING = "warming"
    STAGED = "staged"
    SERVING = "serving"
    RETIRED = "retired"
    REJECTED = "rejected"
    SKIPPED = "skipped"


_LOAD_ENDS = frozenset({State.REJECTED, State.RECEIVED, State.RETIRED})

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.LOADING, State.REJECTED, State.SKIPPED, State.RETIRED}),
    State.LOADING: _LOAD_ENDS | {State.VERIFYING},
    State.VERIFYING: _LOAD_ENDS | {State.WARMING},
    State.WARMING: _LOAD_ENDS | {State.STAGED},
    State.STAGED: frozenset({State.SERVING, State.SKIPPED, State.RETIRED}),
    State.SERVING: frozenset({State.RETIRED}),
    State.RETIRED: frozenset(),
    State.REJECTED: frozenset(),
    State.SKIPPED: frozenset(),
}

IN_LOADER = frozenset({State.LOADING, State.VERIFYING, State.WARMING})
"""A loader works on the candidate."""

UNRESOLVED = IN_LOADER | {State.RECEIVED}
"""No verdict yet."""

ACCEPTED = frozenset({State.STAGED, State.SERVING})
"""Loaded, verified and warm: able to score."""

FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""Nothing follows."""


def check_move(current: State, following: State) -> None:
    """Raise ``TransitionError`` unless the table holds the change."""
    if following not in TRANSITIONS[current]:
        legal = ", ".join(sorted(TRANSITIONS[current])) or "nothing"
        message = f"a model that is {current} cannot become {following}: after {current} comes {legal}"
        raise TransitionError(message)
