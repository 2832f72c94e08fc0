"""Serving in a person's own loop: their records, their thread, and models that change between two of their calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from headrace.core.join import Join
from headrace.errors import RecordError
from headrace.machinery.clock import now_ms
from headrace.machinery.inventory import Inventory
from headrace.records import Batch, Group, ModelVersion, Raw, SlotKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.core.settings import JoinSettings
    from headrace.machinery.parts import Supply

SOURCE = "loop"


# Named types spare Arrow the search for what the values may be, which costs more than scoring them.
_TYPES = {float: pa.float64(), int: pa.int64(), str: pa.string(), bool: pa.bool_(), bytes: pa.binary()}


def _to_columns(record: Mapping[str, object]) -> pa.RecordBatch:
    arrays = [pa.array([value], _TYPES.get(type(value))) for value in record.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(record))


@dataclass(frozen=True, slots=True)
class Result:
    """One record scored in one slot. ``score_ns`` is nanoseconds, ``scored_at`` milliseconds since the epoch."""

    outputs: dict[str, object]
    model: ModelVersion
    slot: SlotKey
    score_ns: int
    scored_at: int


class Serving:
    """Scores records with the models that a model stream brings; not for several threads at once.

    ``settings`` must switch by ``ready``: in a loop of one's own nobody waits for a model. Closing it, or leaving its
    ``with`` block, ends the loader and closes the models.
    """

    def __init__(self, settings: JoinSettings, supply: Supply, data_type: str, poll: float = 0.02) -> None:
        self.join = Join(settings, now_ms, time.perf_counter_ns)
        self._supply = supply
        self._data_type = data_type
        self._inventory = Inventory(self.join.models, supply, retry=5.0)
        self._poll = poll
        self._poll_at = 0.0
        self._offset = 0
        supply.models.start(lambda: None)
        supply.models.resume(-1)

    def wait_ready(self, timeout: float = 60.0) -> bool:
        """Wait until every model that was published so far has a verdict; tell whether some model serves."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            moved = self._inventory.poll()
            if not moved and not self.join.models.loading:
                break
            if not moved:
                self._supply.loader.wait(self._poll)
        return any(slot.serving is not None for slot in self.join.models.slots.values())

    def score(self, record: Mapping[str, object], slot: str = "") -> Result:
        """Score one record, given as a mapping of field names to values, with the slot's serving model.

        Raises ``RecordError`` where no model serves or the model refuses the record.
        """
        outcome = self.score_batch(_to_columns(record))
        for results in outcome.results:
            if results.slot.name == slot:
                return Result(
                    results.outputs.to_pylist()[0],
                    results.versions[0],
                    results.slot,
                    int(results.score_ns[0]),
                    results.scored_at,
                )
        for letters in outcome.dead_letters:
            if letters.slot is None or letters.slot.name == slot:
                raise RecordError(letters.failures[0].reason)
        message = f"no model serves slot {SlotKey(self._data_type, slot)}: publish one to the model stream"
        raise RecordError(message)

    def score_batch(self, columns: pa.RecordBatch) -> Outcome:
        """Score a batch of columns in every slot; rows that fail are in the outcome's dead letters."""
        self._look()
        rows = columns.num_rows
        offsets = np.arange(self._offset, self._offset + rows, dtype=np.int64)
        self._offset += rows
        raw = Raw(SOURCE, 0, offsets, table=columns)
        self.join.offer(Batch(raw, (Group(self._data_type, np.arange(rows, dtype=np.int64), columns),)))
        outcome = self.join.advance()
        for model in self.join.take_closing():
            model.close()
        return outcome

    def events(self) -> Sequence[Event]:
        """Hand out what happened to models since the last call."""
        return self.join.models.events()

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._poll_at:
            self._inventory.poll()
            self._poll_at = now + self._poll

    def close(self) -> None:
        """End the loader, close the models."""
        self._supply.loader.close()
        self._supply.models.close()
        for slot in self.join.models.slots.values():
            for candidate in slot.live.values():
                if candidate.model is not None:
                    candidate.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
