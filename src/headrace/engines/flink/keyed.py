"""The key-based join: one task holds the models of a slot, and all of its records come there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyflink.datastream import KeyedCoProcessFunction, TimeDomain

from headrace.engines.flink.decoding import read_key
from headrace.engines.flink.manner import LAST
from headrace.engines.flink.workplace import Workplace
from headrace.machinery.desk import Desk
from headrace.machinery.keys import Keys, settings_of
from headrace.machinery.parcels import decode_parcel
from headrace.machinery.shelf import find_shelf

if TYPE_CHECKING:
    from headrace.engines.flink.manner import Manner


class ServeKeyed(KeyedCoProcessFunction):
    """Scores the rows of a key (the first input) with the models of its slot (the second)."""

    def __init__(self, manner: Manner) -> None:
        self._manner, self._keys = manner, Keys(manner.settings)

    def open(self, runtime_context: Any) -> None:
        """Find the state."""
        self._workplace = Workplace(self._manner, runtime_context, self._make_desk, with_contents=True, watched=False)

    def close(self) -> None:
        """Give the models back."""
        self._workplace.close()

    def process_element1(self, value: Any, ctx: Any) -> Iterator[object]:
        """Take in rows."""
        return self._workplace.work(ctx.get_current_key(), [decode_parcel(value[1])], ctx.timer_service())

    def process_element2(self, value: Any, ctx: Any) -> Iterator[object]:
        """Take in a message."""
        return self._workplace.work(ctx.get_current_key(), [decode_parcel(value[1])], ctx.timer_service())

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[object]:
        """Look after a load, learn how far time has come, or end."""
        if timestamp == LAST and ctx.time_domain() == TimeDomain.EVENT_TIME:
            return self._workplace.finish(ctx.get_current_key())
        return self._workplace.work(ctx.get_current_key(), [], ctx.timer_service())

    def _make_desk(self, key: str) -> Desk:
        manner = self._manner
        settings = settings_of(manner.settings, self._keys, read_key(key))
        return Desk(settings, find_shelf(manner.options, in_child=manner.in_child), manner.decode)
