"""The engine's verdict on one message of the model stream, as its state directory tells.

The state is what counts: a verdict is given once the last commit has read the message, so no crash takes it back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from headrace.app.inspection import Observed, SlotView, find_observed
from headrace.app.journal import JournalReader
from headrace.core.events import Happening
from headrace.core.snapshot import CandidateState
from headrace.core.states import UNRESOLVED, State
from headrace.records import SlotKey, SwitchMode

_PAUSE = 0.05


class Outcome(StrEnum):
    """What became of a message."""

    SERVING = "serving"
    STAGED = "staged"
    RETIRED = "retired"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    OBEYED = "obeyed"
    NONE = "none"

    @property
    def good(self) -> bool:
        """Whether what was asked for has happened, or will without further ado."""
        return self in {Outcome.SERVING, Outcome.STAGED, Outcome.RETIRED, Outcome.OBEYED, Outcome.DUPLICATE}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the message at ``position``, and why. ``NONE``: nothing in the time allowed."""

    outcome: Outcome
    position: int
    reason: str = ""


_OF_STATE: Mapping[State, Outcome] = {
    State.SERVING: Outcome.SERVING,
    State.RETIRED: Outcome.RETIRED,
    State.REJECTED: Outcome.REJECTED,
    State.SKIPPED: Outcome.SKIPPED,
}
_OF_EVENT: Mapping[str, Outcome] = {
    Happening.DUPLICATE: Outcome.DUPLICATE,
    Happening.REFUSED: Outcome.REFUSED,
    Happening.PINNED: Outcome.OBEYED,
    Happening.UNPINNED: Outcome.OBEYED,
    Happening.SLOT_RETIRED: Outcome.OBEYED,
    Happening.VERSION_FORGOTTEN: Outcome.OBEYED,
}


@dataclass(slots=True)
class Watch:
    """Watches a state directory; made before the message is appended, so that no event is missed."""

    directory: Path
    _journal: JournalReader = field(init=False)
    _events: dict[int, dict[str, Any]] = field(default_factory=dict)
    _last: str = "no engine has read it"

    def __post_init__(self) -> None:
        self._journal = JournalReader(self.directory, from_end=True)

    def wait(self, slot: SlotKey, position: int, timeout: float) -> Verdict:
        """Wait for the verdict on a message, at most so many seconds. Raises ``StateError`` for a damaged state."""
        until = time.monotonic() + timeout
        while True:
            verdict = self.look(slot, position)
            if verdict is not None:
                return verdict
            if time.monotonic() >= until:
                return Verdict(Outcome.NONE, position, f"{self._last}{_explain_holder(self.directory)}")
            time.sleep(_PAUSE)

    def look(self, slot: SlotKey, position: int) -> Verdict | None:
        """Give the verdict if there is one by now."""
        observed = find_observed(self.directory)
        for each in self._journal.read():
            if each.get("kind") in _OF_EVENT:
                self._events[int(each.get("position", -1))] = each
        if observed is None or observed.position < position:
            return None
        event = self._events.get(position)
        if event is not None:
            return Verdict(_OF_EVENT[event["kind"]], position, str(event.get("reason") or ""))
        return self._judge(observed, slot, position)

    def _judge(self, observed: Observed, slot: SlotKey, position: int) -> Verdict | None:
        view = observed.find_slot(slot)
        candidate = None if view is None else view.find(position)
        if view is None or candidate is None:
            self._last = "the engine has read it, and its state holds nothing of it any more"
            return None
        outcome = _OF_STATE.get(candidate.state)
        if outcome is not None:
            return Verdict(outcome, position, candidate.reason)
        if candidate.state in UNRESOLVED:
            self._last = f"it is {candidate.state}" + (f" ({candidate.reason})" if candidate.reason else "")
            return None
        self._last = f"it is {candidate.state}"
        return _judge_staged(view, candidate)


def _judge_staged(slot: SlotView, candidate: CandidateState) -> Verdict | None:
    """Judge a candidate that is ready: that is a verdict where it waits for something other than the next batch."""
    if slot.pinned:
        return Verdict(Outcome.STAGED, candidate.position, "the slot is pinned: it serves after an unpin")
    if slot.mode is SwitchMode.READY:
        return None
    reason = f"it is accepted, and serves the first record at or after its place (mode {slot.mode.value})"
    return Verdict(Outcome.STAGED, candidate.position, reason)


def _explain_holder(directory: Path) -> str:
    try:
        holder = int((directory / "lock").read_text(encoding="ascii"))
        os.kill(holder, 0)
    except (OSError, ValueError):
        return f"; no engine seems to run on {directory}"
    return f"; process {holder} runs the engine on {directory}"
