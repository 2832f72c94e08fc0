"""The keyed step: one join for each data type and slot, its state kept by the runner.

Rules:

1. A call ends with the join's snapshot in the state. What the runner commits together with the results is what makes
   each record be scored once, whatever it does about failures.
2. ``ready``, and ``ordered`` by arrival: messages and rows are taken in as they come. A slot's first model is waited
   for; after that nothing waits.
3. ``event-time``, and ``ordered`` by timestamp: what comes is put away until the watermark has passed its time, so
   that all that belongs before it is there; then messages are taken in by position and rows by time. ``step`` is how
   many milliseconds of event time are taken at once.
4. Rows that wait for a model are in the state. At the end of time they leave as dead letters.
5. While a load is under way a timer looks after it, so that its end is told though nothing comes. At the end of time
   the load is waited for and the timer is taken back: not every runner lets one go off behind the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
from apache_beam import coders
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp

from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.timeline import END
from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, Keyed
from headrace.engines.beam.parcels import ParcelCoder, SnapshotCoder
from headrace.machinery.books import write_books
from headrace.machinery.desk import DESKS, Desk
from headrace.machinery.elements import Form, Leaving, write_outcome
from headrace.machinery.keys import Key, Keys, settings_of
from headrace.machinery.parcels import Message, Parcel, Rows, order_messages
from headrace.machinery.shelf import find_shelf
from headrace.records import SlotKey, SwitchMode
from headrace.stores.statistics import find_keeper
from headrace.wire.descriptor import decode_command
from headrace.wire.results import ALL, Selection

if TYPE_CHECKING:
    from headrace.core.join import Outcome
    from headrace.loading import LoadOptions
    from headrace.records import Command, Int64Array
    from headrace.stores.statistics import Place

_FIRST = MIN_TIMESTAMP.micros // 1_000 + 1
_LAST = GlobalWindow().max_timestamp().micros // 1_000
_LOOK = 0.2


@dataclass(frozen=True, slots=True)
class Manner:
    """How the keyed step goes about it. ``step`` is in milliseconds of event time."""

    settings: JoinSettings
    options: LoadOptions
    form: Form
    in_child: bool
    step: int
    name: str
    decode: Callable[[bytes], Command] = decode_command
    statistics: Place | None = None
    selection: Selection = ALL


@dataclass(frozen=True, slots=True)
class _Cells:
    """The state and timers of one key."""

    lease: Any
    snapshot: Any
    contents: Any
    queue: Any
    waiting: Any
    due: Any
    look: Any
    end: Any


_LEASE = beam.DoFn.StateParam(ReadModifyWriteStateSpec("lease", coders.StrUtf8Coder()))
_SNAPSHOT = beam.DoFn.StateParam(ReadModifyWriteStateSpec("snapshot", SnapshotCoder()))
_CONTENTS = beam.DoFn.StateParam(BagStateSpec("contents", coders.BytesCoder()))
_QUEUE = beam.DoFn.StateParam(BagStateSpec("queue", ParcelCoder()))
_WAITING = beam.DoFn.StateParam(BagStateSpec("waiting", ParcelCoder()))
_DUE = TimerSpec("due", TimeDomain.WATERMARK)
_LOOKING = TimerSpec("look", TimeDomain.REAL_TIME)
_END = TimerSpec("end", TimeDomain.WATERMARK)
_SET_DUE = beam.DoFn.TimerParam(_DUE)
_SET_LOOKING = beam.DoFn.TimerParam(_LOOKING)
_SET_END = beam.DoFn.TimerParam(_END)


class ServeKeyed(beam.DoFn):
    """Scores the rows of a key with the models of its slot."""

    def __init__(self, manner: Manner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._manner = manner
        self._keys = Keys(manner.settings)
        self._counts = {name: Metrics.counter("headrace", name) for name in ("scored", "dead_lettered", "skipped")}

    def finish_bundle(self) -> None:
        """Give back what lies idle in this process."""
        DESKS.tidy()
        self._find_shelf().move()
        if self._manner.statistics is not None:
            find_keeper(self._manner.statistics).flush()

    def process(
        self,
        element: Keyed,
        lease: Any = _LEASE,
        snapshot: Any = _SNAPSHOT,
        contents: Any = _CONTENTS,
        queue: Any = _QUEUE,
        waiting: Any = _WAITING,
        due: Any = _SET_DUE,
        look: Any = _SET_LOOKING,
        end: Any = _SET_END,
    ) -> Iterator[object]:
        """Take in rows or a message."""
        key, parcel = element
        cells = _Cells(lease, snapshot, contents, queue, waiting, due, look, end)
        if self._goes_by_time(key[0]):
            waiting.add(parcel)
            for moment in _moments(parcel, self._step(key[0])):
                _set_due(due, moment)
            return
        yield from self._work(key, cells, [parcel])

    @on_timer(_DUE)
    def come_due(
        self,
        key: Key = beam.DoFn.KeyParam,  # type: ignore[assignment]
        tag: str = beam.DoFn.DynamicTimerTagParam,  # type: ignore[assignment]
        lease: Any = _LEASE,
        snapshot: Any = _SNAPSHOT,
        contents: Any = _CONTENTS,
        queue: Any = _QUEUE,
        waiting: Any = _WAITING,
        due: Any = _SET_DUE,
        look: Any = _SET_LOOKING,
        end: Any = _SET_END,
    ) -> Iterator[object]:
        """Learn that all before a moment is there: score what belongs before it."""
        cells = _Cells(lease, snapshot, contents, queue, waiting, due, look, end)
        reached = int(tag) - 1 if int(tag) < _LAST - 4 * self._manner.step else END
        ripe = _take_ripe(waiting, reached)
        yield from self._work(key, cells, ripe, reached)

    @on_timer(_LOOKING)
    def look_after(
        self,
        key: Key = beam.DoFn.KeyParam,  # type: ignore[assignment]
        lease: Any = _LEASE,
        snapshot: Any = _SNAPSHOT,
        contents: Any = _CONTENTS,
        queue: Any = _QUEUE,
        waiting: Any = _WAITING,
        due: Any = _SET_DUE,
        look: Any = _SET_LOOKING,
        end: Any = _SET_END,
    ) -> Iterator[object]:
        """Look after a load."""
        cells = _Cells(lease, snapshot, contents, queue, waiting, due, look, end)
        yield from self._work(key, cells, [])

    @on_timer(_END)
    def come_to_end(
        self,
        key: Key = beam.DoFn.KeyParam,  # type: ignore[assignment]
        lease: Any = _LEASE,
        snapshot: Any = _SNAPSHOT,
        contents: Any = _CONTENTS,
        queue: Any = _QUEUE,
        waiting: Any = _WAITING,
        due: Any = _SET_DUE,
        look: Any = _SET_LOOKING,
        end: Any = _SET_END,
    ) -> Iterator[object]:
        """End: nothing will come any more."""
        cells = _Cells(lease, snapshot, contents, queue, waiting, due, look, end)
        with self._take(key, cells) as desk:
            leaving = self._leave(desk, desk.finish())
            queue.clear()
            look.clear()
            self._keep(key, desk, cells)
        yield from hand_out(leaving)

    def _work(self, key: Key, cells: _Cells, parcels: list[Parcel], reached: int | None = None) -> Iterator[object]:
        with self._take(key, cells) as desk:
            before = bool(desk.queue)
            for message in order_messages(parcels):
                desk.receive(message)
            for rows in _order_rows(parcels):
                desk.offer(rows)
            outcome = desk.work(reached)
            leaving = self._leave(desk, outcome)
            self._keep_queue(desk, cells, before=before, fresh=bool(outcome) or bool(parcels))
            if desk.join.models.loading:
                cells.look.set(Timestamp.of(time.time() + _LOOK))
                cells.end.set(GlobalWindow().max_timestamp())
            self._keep(key, desk, cells)
        yield from hand_out(leaving)

    def _take(self, key: Key, cells: _Cells) -> Desk:
        desk = DESKS.take((self._manner.name, key), cells.lease.read())
        if desk is None:
            desk = Desk(settings_of(self._manner.settings, self._keys, key), self._find_shelf(), self._manner.decode)
            snapshot = cells.snapshot.read()
            if snapshot is not None:
                desk.restore(snapshot, cells.contents.read(), cells.queue.read())
        return desk

    def _keep(self, key: Key, desk: Desk, cells: _Cells) -> None:
        cells.snapshot.write(desk.save())
        cells.lease.write(desk.lease)
        kept = desk.contents
        if kept.forgot:
            kept.forgot = False
            kept.fresh.clear()
            cells.contents.clear()
            for content in kept.held.values():
                cells.contents.add(content)
        while kept.fresh:
            cells.contents.add(kept.fresh.popleft())
        if self._manner.statistics is not None:
            find_keeper(self._manner.statistics).keep("/".join(key), write_books(desk.join))
        DESKS.put((self._manner.name, key), desk)

    @staticmethod
    def _keep_queue(desk: Desk, cells: _Cells, *, before: bool, fresh: bool) -> None:
        now = desk.queue
        if not fresh or not (before or now):
            return
        cells.queue.clear()
        for rows in now:
            cells.queue.add(rows)
        if now:
            cells.end.set(GlobalWindow().max_timestamp())
            if any(slot.mode is not SwitchMode.READY for slot in desk.join.models.slots.values()):
                known = desk.join.models.read_to
                for moment in {int(rows.times.max()) + 1 for rows in now if rows.times.max() > known}:
                    _set_due(cells.due, moment)

    def _leave(self, desk: Desk, outcome: Outcome) -> Leaving:
        leaving = write_outcome(outcome, desk.events(), self._manner.form, self._manner.selection)
        self._counts["scored"].inc(len(leaving.results))
        self._counts["dead_lettered"].inc(len(leaving.dead_letters))
        self._counts["skipped"].inc(sum(outcome.skipped.values()))
        return leaving

    def _find_shelf(self) -> Any:
        return find_shelf(self._manner.options, in_child=self._manner.in_child)

    def _goes_by_time(self, data_type: str) -> bool:
        return bool(self._modes(data_type))

    def _step(self, data_type: str) -> int:
        return 1 if SwitchMode.ORDERED in self._modes(data_type) else self._manner.step

    def _modes(self, data_type: str) -> set[SwitchMode]:
        """Give the modes by time in which slots of a data type switch, as configured."""
        settings = self._manner.settings
        slots = [slot for slot in settings.slots if slot.data_type == data_type] or [SlotKey(data_type)]
        modes = {settings.mode(slot, None) for slot in slots} - {SwitchMode.READY}
        return modes - ({SwitchMode.ORDERED} if settings.ordered_by is OrderedBy.ARRIVAL else set())


def hand_out(leaving: Leaving) -> Iterator[object]:
    """Give what leaves as Beam's outputs."""
    yield from leaving.results
    for letter in leaving.dead_letters:
        yield TaggedOutput(DEAD_LETTERS, letter)
    for event in leaving.events:
        yield TaggedOutput(EVENTS, event)


def _moments(parcel: Parcel, step: int) -> list[int]:
    """Give the moments at which a parcel's rows, or its message, may be taken in: all before them is known then."""
    if isinstance(parcel, Message):
        return [_round_up(parcel.appended_at, step)]
    assert isinstance(parcel, Rows)
    times = np.clip(parcel.times, _FIRST, _LAST - 2 * step)
    return [int(moment) for moment in np.unique((times // step + 1) * step)]


def _round_up(moment: int, step: int) -> int:
    return (min(max(moment, _FIRST), _LAST - 2 * step) // step + 1) * step


def _set_due(timer: Any, moment: int) -> None:
    moment = min(max(moment, _FIRST), _LAST)
    timer.set(Timestamp(micros=moment * 1_000), dynamic_timer_tag=str(moment))


def _take_ripe(waiting: Any, reached: int) -> list[Parcel]:
    """Take what belongs at or before a moment, and leave the rest."""
    ripe: list[Parcel] = []
    rest: list[Parcel] = []
    for parcel in list(waiting.read()):
        if isinstance(parcel, Message):
            (ripe if parcel.appended_at <= reached else rest).append(parcel)
            continue
        assert isinstance(parcel, Rows)
        times = parcel.times
        early = times <= reached
        if early.any():
            ripe.append(parcel.select(_by_time(np.flatnonzero(early), times)))
        if not early.all():
            rest.append(parcel.select(np.flatnonzero(~early)))
    if ripe:
        waiting.clear()
        for parcel in rest:
            waiting.add(parcel)
    return ripe


def _by_time(rows: Int64Array, times: Int64Array) -> Int64Array:
    ordered: Int64Array = rows[np.argsort(times[rows], kind="stable")]
    return ordered


def _order_rows(parcels: list[Parcel]) -> list[Rows]:
    """Give the rows among parcels: those of the earliest time first, in the order of their offsets."""
    rows = [parcel for parcel in parcels if isinstance(parcel, Rows)]
    return (
        sorted(rows, key=lambda each: (int(each.times[0]), int(each.batch.raw.offsets[0]))) if len(rows) > 1 else rows
    )
