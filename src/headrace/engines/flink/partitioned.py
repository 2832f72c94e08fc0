"""The partition-based join: every task holds every model, and records are spread over all tasks.

Rules:

1. Each lane of records has a join of its own, which learns the model stream from the task's catalogue. A model is
   loaded once in a process, for all of its lanes.
2. A lane's state (its join, what it has gathered, the rows that wait) is keyed, so it moves to another task whole.
3. A message is given to all of the task's lanes when it comes, so that its model is loading before records ask for it.
4. A batch of a lane stays whole, whatever data types are in it, so that ``ordered`` has the order of the lane. Records
   that wait are kept as they came, and decoded again.
5. An event is told once by a task, whichever of its lanes saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyflink.common import Types
from pyflink.datastream import KeyedBroadcastProcessFunction, TimeDomain
from pyflink.datastream.state import MapStateDescriptor

from headrace.core.events import Event, Happening
from headrace.engines.flink.catalogue import BroadcastContents, Catalogue
from headrace.engines.flink.gathering import Gathering, read_raw, write_raw
from headrace.engines.flink.manner import BYTES, LAST
from headrace.engines.flink.workplace import Workplace
from headrace.machinery.clock import now_ms
from headrace.machinery.desk import Desk
from headrace.machinery.elements import write_events
from headrace.machinery.parcels import Message, Rows, decode_parcel
from headrace.machinery.shelf import find_shelf

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.core.partition import Pending
    from headrace.engines.flink.manner import Manner
    from headrace.records import Raw

MESSAGES = MapStateDescriptor("headrace-messages", Types.LONG(), BYTES)
MODELS = MapStateDescriptor("headrace-models", Types.STRING(), BYTES)
_REMEMBERED = 10_000


class _Workplace(Workplace):
    """Keeps what waits as it came, whatever its data types, and tells each event once."""

    def __init__(self, manner: Manner, runtime: Any, make_desk: Callable[[str], Desk], codec: Codec) -> None:
        super().__init__(manner, runtime, make_desk, with_contents=False, watched=True)
        self._codec = codec
        self._told: dict[tuple[str, str, int], None] = {}

    def write_rows(self, pending: Pending) -> bytes:
        """Write records that wait."""
        return write_raw(pending.batch.raw, pending.start)

    def read_rows(self, written: bytes) -> Rows:
        """Read records that wait."""
        return Rows(self._codec.decode(read_raw(written)))

    def choose_events(self, events: Sequence[Event]) -> Sequence[Event]:
        """Give what no lane of this task has told."""
        told, chosen = self._told, []
        for event in events:
            name = (str(event.kind), str(event.slot), event.position)
            if name not in told:
                told[name] = None
                chosen.append(event)
        for name in list(told)[: max(0, len(told) - _REMEMBERED)]:
            del told[name]
        return chosen


class ServePartitioned(KeyedBroadcastProcessFunction):
    """Scores the records of a lane with the models of the broadcast messages."""

    def __init__(self, manner: Manner, codec: Codec) -> None:
        self._manner, self._codec = manner, codec

    def open(self, runtime_context: Any) -> None:
        """Find the state."""
        manner = self._manner
        self._catalogue = Catalogue(manner.decode, manner.settings.retain)
        self._gathering = Gathering(manner, runtime_context)
        self._workplace = _Workplace(manner, runtime_context, self._make_desk, self._codec)

    def close(self) -> None:
        """Give the models back."""
        self._workplace.close()

    def process_element(self, value: Any, ctx: Any) -> Iterator[object]:
        """Take in a record."""
        lane = ctx.get_current_key()
        raw = self._gathering.add(lane, value, ctx)
        if raw is not None:
            yield from self._serve(lane, raw, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[object]:
        """Let a batch go that has waited long enough, look after rows that wait, or end."""
        lane = ctx.get_current_key()
        yield from self._serve(lane, self._gathering.take(lane), ctx)
        if timestamp == LAST and ctx.time_domain() == TimeDomain.EVENT_TIME:
            yield from self._workplace.finish(lane)

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterator[object]:
        """Take in a message."""
        messages, models = ctx.get_broadcast_state(MESSAGES), ctx.get_broadcast_state(MODELS)
        self._catalogue.find(messages, models)
        came = decode_parcel(value[1])
        assert isinstance(came, Message)
        message = self._catalogue.add(came, messages, models)
        if message is None:
            told = f"it came after the message of position {self._catalogue.position}: send it again at the end"
            refused = Event(Happening.REFUSED, now_ms(), came.position or 0, reason=told)
            for event in write_events([refused], self._manner.form):
                yield self._manner.events, event
            return
        named: set[str] = set()
        for desk in self._workplace.desks.values():
            if message.position is not None and message.position > desk.join.models.position:
                desk.receive(message)
            named |= desk.named()
        self._catalogue.forget_all_but(named, messages, models)

    def _serve(self, lane: str, raw: Raw | None, ctx: Any) -> Iterator[object]:
        self._catalogue.find(ctx.get_broadcast_state(MESSAGES), ctx.get_broadcast_state(MODELS))
        desk = self._workplace.take(lane)
        for message in self._catalogue.after(desk.join.models.position):
            desk.receive(message)
        rows = [] if raw is None else [Rows(self._codec.decode(raw))]
        yield from self._workplace.work(lane, rows, ctx.timer_service())

    def _make_desk(self, _: str) -> Desk:
        manner = self._manner
        shelf = find_shelf(manner.options, in_child=manner.in_child)
        return Desk(manner.settings, shelf, manner.decode, BroadcastContents(self._catalogue.models))
