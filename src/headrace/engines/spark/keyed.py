"""The keyed step: one join for each data type, slot and salt, its state kept by Spark.

Rules:

1. A call ends with the join's snapshot in the state, which Spark commits with the micro-batch.
2. In a micro-batch messages are taken in before records, each in the order of their positions and offsets. Spark writes
   down what a micro-batch holds before it runs, so that one that runs again gives the same.
3. By event time, and ``ordered`` by timestamp, rows wait in the state until the watermark has passed their time: all
   messages up to it have been read then. A watermark ahead of the micro-batch's own time counts only up to that.
4. What a worker process has built stays in its memory between micro-batches; see ``headrace.machinery.desk``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyspark.sql.streaming.stateful_processor import StatefulProcessor

from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.snapshot import decode_snapshot, encode_snapshot
from headrace.engines.spark.carriage import LEAVING, Kind, write_outcome
from headrace.machinery.books import write_books
from headrace.machinery.clock import now_ms
from headrace.machinery.desk import DESKS, Desk
from headrace.machinery.keys import Key, Keys, settings_of
from headrace.machinery.parcels import Rows, decode_parcel, encode_parcel, order_messages
from headrace.machinery.shelf import find_shelf
from headrace.records import SwitchMode
from headrace.stores.statistics import find_keeper
from headrace.wire.results import ALL, Selection

if TYPE_CHECKING:
    from pyspark.sql.streaming.stateful_processor import ExpiredTimerInfo, StatefulProcessorHandle, TimerValues

    from headrace.loading import LoadOptions
    from headrace.machinery.parcels import Parcel
    from headrace.machinery.shelf import Shelf
    from headrace.records import Command
    from headrace.stores.statistics import Place

_YEAR_9999 = 253_402_300_799_999
SaltedKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Manner:
    """How the keyed step goes about it; sent to the workers."""

    settings: JoinSettings
    options: LoadOptions
    in_child: bool
    name: str
    decode: Callable[[bytes], Command]
    statistics: Place | None = None
    selection: Selection = ALL

    @property
    def by_time(self) -> bool:
        """Whether some slot switches by time, as configured."""
        settings = self.settings
        modes = {settings.switch, *(settings.mode(slot, None) for slot in settings.slots)}
        timed = SwitchMode.ORDERED in modes and settings.ordered_by is OrderedBy.TIMESTAMP
        return timed or SwitchMode.EVENT_TIME in modes


class ServeKeyed(StatefulProcessor):
    """Scores the rows of a key with the models of its slot."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._keys = Keys(manner.settings)

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Name the state."""
        self._handle = handle
        self._joined = handle.getValueState("joined", "lease string, snapshot binary")
        self._contents = handle.getMapState("contents", "digest string", "content binary")
        self._queue = handle.getListState("queue", "parcel binary")

    def handleInputRows(  # noqa: N802 Spark's own names, here and below
        self,
        key: Any,
        rows: Iterator[pd.DataFrame],
        timerValues: TimerValues,  # noqa: N803
    ) -> Iterator[pd.DataFrame]:
        """Take in what a micro-batch brings for a key."""
        parcels: list[Parcel] = []
        for frame in rows:
            passing = []
            for kind, name, parcel in zip(frame["kind"], frame["id"], frame["parcel"], strict=True):
                if kind in {Kind.ROWS, Kind.MESSAGE}:
                    parcels.append(decode_parcel(parcel))
                else:
                    passing.append({"kind": kind, "id": name, "value": parcel.decode()})
            if passing:
                yield _as_frame(pa.Table.from_pylist(passing, schema=LEAVING))
        if parcels:
            yield from self._work(key, timerValues, parcels)

    def handleExpiredTimer(  # noqa: N802
        self,
        key: Any,
        timerValues: TimerValues,  # noqa: N803
        expiredTimerInfo: ExpiredTimerInfo,  # noqa: ARG002, N803 the watermark says more
    ) -> Iterator[pd.DataFrame]:
        """Learn that the watermark has passed the time of rows that wait."""
        yield from self._work(key, timerValues, [])

    def close(self) -> None:
        """Give back what lies idle in this process."""
        DESKS.tidy()
        self._find_shelf().move()
        if self._manner.statistics is not None:
            find_keeper(self._manner.statistics).flush()

    def _work(self, key: SaltedKey, now: TimerValues, parcels: list[Parcel]) -> Iterator[pd.DataFrame]:
        with self._take(key) as desk:
            waited = bool(desk.queue)
            for message in order_messages(parcels):
                desk.receive(message)
            for rows in _order_rows(parcels):
                desk.offer(rows)
            outcome = desk.work(self._reach(desk, now))
            events = desk.events()
            table = write_outcome(outcome, events if key[2] == 0 else [], self._manner.selection)
            self._keep_queue(desk, now, waited=waited)
            self._keep(key, desk)
        if len(table):
            yield _as_frame(table)

    def _reach(self, desk: Desk, now: TimerValues) -> int | None:
        """Tell up to which time the model stream is known."""
        if self._manner.by_time:
            watermark = now.getCurrentWatermarkInMs()
            return min(watermark, now.getCurrentProcessingTimeInMs()) if watermark > 0 else None
        timed = any(slot.mode is not SwitchMode.READY for slot in desk.join.models.slots.values())
        return now_ms() if timed else None

    def _take(self, key: SaltedKey) -> Desk:
        known = self._joined.get()
        lease, snapshot = (None, None) if known is None else (known[0], known[1])
        desk = DESKS.take((self._manner.name, key), lease)
        if desk is None:
            plain: Key = (key[0], key[1])
            desk = Desk(settings_of(self._manner.settings, self._keys, plain), self._find_shelf(), self._manner.decode)
            if snapshot is not None:
                contents = [bytes(content) for (content,) in self._contents.values()]
                desk.restore(decode_snapshot(bytes(snapshot)), contents, self._read_queue())
        return desk

    def _read_queue(self) -> list[Rows]:
        parcels = [decode_parcel(bytes(parcel)) for (parcel,) in self._queue.get()]
        return [parcel for parcel in parcels if isinstance(parcel, Rows)]

    def _keep(self, key: SaltedKey, desk: Desk) -> None:
        snapshot = encode_snapshot(desk.save())
        self._joined.update((desk.lease, snapshot))
        kept = desk.contents
        if kept.forgot:
            kept.forgot = False
            for (digest,) in list(self._contents.keys()):
                if digest not in kept.held:
                    self._contents.removeKey((digest,))
        if kept.fresh:
            kept.fresh.clear()
            known = {digest for (digest,) in list(self._contents.keys())}
            for digest in kept.held.keys() - known:
                self._contents.updateValue((digest,), (kept.held[digest],))
        if self._manner.statistics is not None:
            find_keeper(self._manner.statistics).keep("/".join(map(str, key)), write_books(desk.join))
        DESKS.put((self._manner.name, key), desk)

    def _keep_queue(self, desk: Desk, now: TimerValues, *, waited: bool) -> None:
        waiting = desk.queue
        if waiting:
            self._queue.put([(encode_parcel(rows),) for rows in waiting])
        elif waited:
            self._queue.clear()
        if self._manner.by_time:
            passed = now.getCurrentWatermarkInMs()
            for moment in {min(max(int(rows.times[0]), passed + 1), _YEAR_9999) for rows in waiting}:
                self._handle.registerTimer(moment)

    def _find_shelf(self) -> Shelf:
        return find_shelf(self._manner.options, in_child=self._manner.in_child)


def _order_rows(parcels: list[Parcel]) -> list[Rows]:
    """Give the rows among parcels: those of a partition in the order of their offsets."""
    rows = [parcel for parcel in parcels if isinstance(parcel, Rows)]
    return sorted(
        rows, key=lambda each: (each.batch.raw.source, each.batch.raw.partition, int(each.batch.raw.offsets[0]))
    )


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """Give a table to Spark as pandas that stays Arrow: no Python object is made for a value, and none read back."""
    whole = table.combine_chunks()
    return pd.DataFrame({name: pd.arrays.ArrowExtensionArray(whole.column(name)) for name in whole.column_names})
