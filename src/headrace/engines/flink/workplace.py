"""The desks of one task, each with its state in Flink: rows and messages in, what they came to out.

Rules:

1. A step ends with the join's snapshot in the state, so a checkpoint holds what has left by then, and no more.
2. No step waits for a load: rows that have nothing to be scored by stay in the state, and a timer looks after them.
   Only at the end of time, when nothing else can come, is a load waited for.
3. Where models switch by time, the watermark says how far the model stream is known; a timer of event time wakes the
   rows that wait for it.
4. A desk that nobody has used for a while is closed; it is built again from the state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyflink.common import Types
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

from headrace.core.snapshot import decode_snapshot, encode_snapshot
from headrace.engines.flink.gauges import Gauges
from headrace.engines.flink.manner import BYTES, LAST
from headrace.machinery.elements import write_outcome
from headrace.machinery.parcels import Rows, decode_parcel, encode_parcel, order_messages
from headrace.records import SwitchMode
from headrace.stores.contents import digest_of

if TYPE_CHECKING:
    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.core.partition import Pending
    from headrace.engines.flink.manner import Manner
    from headrace.machinery.desk import Desk
    from headrace.machinery.parcels import Parcel
    from headrace.records import Results

_LOOK = 100
_LINGER = 60.0
_BEFORE_LAST = LAST - 2**32


@dataclass(frozen=True, slots=True)
class Cells:
    """The state of the key at hand. ``contents`` None: the models' bytes are kept elsewhere."""

    snapshot: Any
    queue: Any
    contents: Any

    @classmethod
    def find(cls, runtime: Any, *, with_contents: bool) -> Cells:
        """Find the state."""
        return cls(
            runtime.get_state(ValueStateDescriptor("snapshot", BYTES)),
            runtime.get_list_state(ListStateDescriptor("queue", BYTES)),
            runtime.get_map_state(MapStateDescriptor("contents", Types.STRING(), BYTES)) if with_contents else None,
        )


class Workplace:
    """The desks of one task, by key. ``watched``: rows that wait are looked after whatever they wait for."""

    def __init__(
        self, manner: Manner, runtime: Any, make_desk: Callable[[str], Desk], *, with_contents: bool, watched: bool
    ) -> None:
        self._manner, self._make_desk, self._watched = manner, make_desk, watched
        self._cells = Cells.find(runtime, with_contents=with_contents)
        self._gauges = Gauges(runtime.get_metrics_group().add_group("headrace"))
        self._by_model: dict[tuple[str, str], Gauges] = {}
        self._tidied = time.monotonic()
        self.desks: dict[str, Desk] = {}

    def work(self, key: str, parcels: Sequence[Parcel], timers: Any) -> Iterator[object]:
        """Take in rows and messages, and score what can be scored."""
        desk = self.take(key)
        before = list_waiting(desk)
        for message in order_messages(parcels):
            desk.receive(message)
        for parcel in parcels:
            if isinstance(parcel, Rows):
                desk.offer(parcel)
        outcome = desk.work(timers.current_watermark(), wait=False)
        yield from self._leave(desk, outcome)
        waiting = list_waiting(desk)
        if outcome and (before or waiting):
            self._cells.queue.update([self.write_rows(pending) for pending in waiting])
        else:
            known = {id(pending) for pending in before}
            for pending in waiting:
                if id(pending) not in known:
                    self._cells.queue.add(self.write_rows(pending))
        self._keep(desk)
        self._set_timers(desk, waiting, timers)
        self._tidy()

    def finish(self, key: str) -> Iterator[object]:
        """End it: nothing will come any more."""
        desk = self.take(key)
        yield from self._leave(desk, desk.finish())
        self._cells.queue.clear()
        self._keep(desk)

    def close(self) -> None:
        """Give the models back."""
        for desk in self.desks.values():
            desk.close()
        self.desks.clear()

    def take(self, key: str) -> Desk:
        """Give the desk of the key at hand, built from the state where it is not there."""
        desk = self.desks.get(key)
        if desk is None:
            desk = self._make_desk(key)
            snapshot = self._cells.snapshot.value()
            if snapshot is not None:
                contents = self._cells.contents.values() if self._cells.contents is not None else ()
                queue = [self.read_rows(rows) for rows in self._cells.queue.get() or ()]
                desk.restore(decode_snapshot(snapshot), contents, queue)
            self.desks[key] = desk
        return desk

    def _keep(self, desk: Desk) -> None:
        self._cells.snapshot.update(encode_snapshot(desk.save()))
        kept, cells = desk.contents, self._cells.contents
        if cells is None:
            return
        while kept.fresh:
            content = kept.fresh.popleft()
            cells.put(digest_of(content), content)
        if kept.forgot:
            kept.forgot = False
            for digest in set(cells.keys()) - kept.held.keys():
                cells.remove(digest)

    def write_rows(self, pending: Pending) -> bytes:
        """Write rows that wait."""
        rows = Rows(pending.batch)
        left = np.arange(pending.start, len(pending.batch), dtype=np.int64)
        return encode_parcel(rows.select(left) if pending.start else rows)

    def read_rows(self, written: bytes) -> Rows:
        """Read rows that wait."""
        rows = decode_parcel(written)
        assert isinstance(rows, Rows)
        return rows

    def _set_timers(self, desk: Desk, waiting: Sequence[Pending], timers: Any) -> None:
        models = desk.join.models
        if models.loading or (waiting and self._watched):
            timers.register_processing_time_timer(timers.current_processing_time() + _LOOK)
        if models.loading or waiting:
            timers.register_event_time_timer(LAST)
        if waiting and any(slot.mode is not SwitchMode.READY for slot in models.slots.values()):
            step, known = self._manner.step, models.read_to
            for pending in waiting:
                times = Rows(pending.batch).times[pending.start :]
                times = times[(times > known) & (times < _BEFORE_LAST)]
                for moment in np.unique(times // step).tolist():
                    timers.register_event_time_timer((moment + 1) * step - 1)

    def _leave(self, desk: Desk, outcome: Outcome) -> Iterator[object]:
        leaving = write_outcome(outcome, self.choose_events(desk.events()), self._manner.form, self._manner.selection)
        self._count(outcome)
        yield from leaving.results
        for letter in leaving.dead_letters:
            yield self._manner.dead_letters, letter
        for event in leaving.events:
            yield self._manner.events, event

    def choose_events(self, events: Sequence[Event]) -> Sequence[Event]:
        """Give what is to be told."""
        return events

    def _count(self, outcome: Outcome) -> None:
        self._gauges.add("scored", sum(len(results) for results in outcome.results))
        self._gauges.add("dead_lettered", sum(len(letters) for letters in outcome.dead_letters))
        self._gauges.add("skipped", sum(outcome.skipped.values()))
        for results in outcome.results:
            self._count_models(results)

    def _count_models(self, results: Results) -> None:
        for index, version in enumerate(results.versions):
            place = (str(results.slot), version.name)
            if place not in self._by_model:
                self._by_model[place] = self._gauges.within("slot", place[0]).within("model", place[1])
            self._by_model[place].add("scored", int((results.version_of == index).sum()))

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._tidied < _LINGER:
            return
        self._tidied = now
        for key in [key for key, desk in self.desks.items() if desk.used_at <= now - _LINGER]:
            self.desks.pop(key).close()


def list_waiting(desk: Desk) -> list[Pending]:
    """List what waits, by partition and in its order."""
    return [pending for partition in desk.join.partitions.values() for pending in partition.queue]
