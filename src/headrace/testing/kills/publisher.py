"""Models published while the engine is killed: good ones, bad ones, roll backs, duplicates."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from headrace.records import Command, Descriptor, GoldenRecord, Publish, Rollback, SlotKey, SwitchMode
from headrace.stores.contents import digest_of
from headrace.testing.kills.plan import DATA_TYPE, MOST
from headrace.testing.scaling import write_scaling
from headrace.transports.model_log import append_message
from headrace.wire.descriptor import encode_command

if TYPE_CHECKING:
    from headrace.testing.kills.plan import Plan

AHEAD = 500
INTERVAL = 0.2


class Publisher:
    """Appends to a plan's model log; the first publication is a good one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 a test's choices
        self._factor = 0
        self._digests: list[str] = []
        self._granted = 0

    def grant(self, count: int) -> None:
        """Allow so many more messages: a slot's history keeps the statistics of its last thousand versions."""
        self._granted = count

    def publish(self) -> int:
        """Append one message and give its append time."""
        stamps: list[int] = []

        def stamp(at: int) -> bytes:
            stamps.append(at)
            return encode_command(self._choose(at), appended_at=at)

        append_message(self._plan.log, stamp)
        return stamps[0]

    def _choose(self, at: int) -> Command:
        what = self._random.random() if self._factor else 1.0
        if what < 0.1 and self._plan.mode is SwitchMode.READY:
            return Rollback(SlotKey(DATA_TYPE), self._random.choice(self._digests[-3:]))
        self._factor += 1
        content = write_scaling(self._factor, most=MOST)
        golden = (GoldenRecord({"x": 2.0}, {"y": 2.0 * self._factor}),)
        if what < 0.2:
            content = content[:-3]
        elif what < 0.3:
            golden = (GoldenRecord({"x": 2.0}, {"y": -1.0}),)
        else:
            self._digests.append(digest_of(content))
        ahead = (
            self._random.randrange(AHEAD) if self._plan.mode is SwitchMode.EVENT_TIME and len(self._digests) > 1 else 0
        )
        return Publish(Descriptor("scaling", DATA_TYPE, content=content, golden=golden, valid_from=at + ahead))

    def publishing(self) -> AbstractContextManager[None]:
        """Publish now and then what is granted, from a thread of its own, until the block is left."""
        return repeating(self._publish_granted, lambda: INTERVAL * self._random.random() * 2)

    def _publish_granted(self) -> None:
        if self._granted:
            self._granted -= 1
            self.publish()


@contextmanager
def repeating(act: Callable[[], object], pause: Callable[[], float]) -> Iterator[None]:
    """Act again and again from a thread of its own, after pauses of so many seconds, until the block is left."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause()):
            act()

    thread = threading.Thread(target=run, name="headrace-publisher")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
