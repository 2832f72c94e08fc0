"""One partition on its way from its source to the join.

Rules:

1. A large batch is decoded on another thread while the one before it is scored; a small one at once, since handing it
   over would take longer than decoding it. Batches keep their order.
2. What the join does not want is not read: beyond what waits in the join at most one batch is being decoded.
3. The partition is finished once its source is exhausted and the last batch has been handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from headrace.core.join import Join
    from headrace.core.partition import PartitionKey
    from headrace.engines.embedded.parts import Inlet
    from headrace.records import Batch

AHEAD = 1_024
"""From how many records on a batch is decoded ahead."""


class Lane:
    """Reads and decodes one partition; ``wake`` is called when a batch is decoded."""

    def __init__(self, inlet: Inlet, partition: int, decoder: Executor, wake: Callable[[], None]) -> None:
        self.key: PartitionKey = (inlet.source.name, partition)
        self._inlet = inlet
        self._partition = partition
        self._decoder = decoder
        self._wake = wake
        self._decoding: Future[Batch] | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will come out."""
        return self._decoding is None and self._inlet.source.exhausted(self._partition)

    def resume(self, done: int) -> None:
        """Go on after the record of offset ``done``."""
        self._inlet.source.resume(self._partition, done)

    def move(self, join: Join, most: int) -> bool:
        """Hand over what is decoded and read what the join wants; tell whether anything moved."""
        moved = self._decoding is not None and self._decoding.done() and self.hand_over(join)
        if self._decoding is not None or not join.wants(self.key):
            return moved
        raw = self._inlet.source.read(self._partition, most)
        if raw is None or not len(raw):
            if self.finished:
                join.finish(self.key)
            return moved
        if len(raw) < AHEAD:
            join.offer(self._inlet.codec.decode(raw))
        else:
            self._decoding = self._decoder.submit(self._inlet.codec.decode, raw)
            self._decoding.add_done_callback(lambda _: self._wake())
        return True

    def hand_over(self, join: Join) -> bool:
        """Wait for the batch that is being decoded and offer it; tell whether there was one."""
        decoding, self._decoding = self._decoding, None
        if decoding is None:
            return False
        join.offer(decoding.result())
        return True
