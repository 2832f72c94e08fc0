"""Records out of a person's own program: any iterable, any async iterable.

What the objects may be is told in ``headrace.transports.objects``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from headrace.errors import SourceError
from headrace.records import Raw
from headrace.transports.feeding import Feeder, weigh
from headrace.transports.objects import Shape, Table, build_values, shapes_of

if TYPE_CHECKING:
    from headrace.abc.source import Wake

    Objects = Iterable[Any] | AsyncIterable[Any]


class MemorySource:
    """A ``RecordSource`` of one partition, 0, over an iterable or an async iterable.

    An offset is the record's ordinal, 0 for the first; every row of a ``RecordBatch`` counts. The iterable is advanced
    by a thread of its own, by at most ``capacity`` + 1 records beyond those that were read: when the engine does not
    read, it is not pulled. It is pulled from ``start`` on.

    Replayable only where ``items`` is a function that makes the iterable anew, with the same records in the same
    order: then ``resume`` passes over the ``done`` + 1 records before the next one. Else a record that was taken from
    the iterable and not committed is lost in a crash: at most once.

    ``schema`` declares the columns of mappings and dataclasses; without it their types settle as they come.
    """

    def __init__(
        self,
        items: Objects | Callable[[], Objects],
        name: str = "memory",
        capacity: int = 10_000,
        schema: pa.Schema | None = None,
    ) -> None:
        self.name = name
        self.partitions: Sequence[int] = (0,)
        self.replayable = not isinstance(items, Iterable | AsyncIterable)
        self._items = items
        self._capacity = capacity
        self._feeder: Feeder | None = None
        self._table = Table(schema)
        self._shape = Shape.VALUE
        self._left: list[Any] = []
        self._next = 0
        self._skip = 0

    def start(self, wake: Wake) -> None:
        """Begin to pull. ``wake`` is called when something arrives where nothing was, and at the end."""
        items = self._items if isinstance(self._items, Iterable | AsyncIterable) else self._items()
        self._feeder = Feeder(items, self._capacity, wake)

    def resume(self, partition: int, done: int) -> None:  # noqa: ARG002  there is one partition
        """Go on after the record of offset ``done``.

        Raises ``SourceError`` where a record is done and the iterable cannot be made anew.
        """
        if done >= 0 and not self.replayable:
            raise SourceError(
                f"the source {self.name!r} cannot go back to record {done + 1}, since its iterable is gone with the "
                "process that read it: give a function that makes the iterable anew, or begin with a new state"
            )
        self._next = self._skip = done + 1

    def read(self, partition: int, most: int) -> Raw | None:  # noqa: ARG002
        """Give up to ``most`` records that are there now, None where there are none.

        Raises ``SourceError`` from what the iterable raised, once the records before that are read, and where it ends
        before the record after which to go on.
        """
        self._pass_over()
        if self._skip:
            return None
        if not self._left:
            self._left = self._take(most)
        if not self._left:
            return None
        return self._build(self._cut(most))

    def exhausted(self, partition: int) -> bool:  # noqa: ARG002
        """Whether the iterable has ended and all of it is read."""
        return self._feeder is not None and self._feeder.ended and not self._left and not self._skip

    def close(self) -> None:
        """Stop pulling; what was pulled and not read is dropped."""
        if self._feeder is not None:
            self._feeder.close()

    def _take(self, most: int) -> list[Any]:
        if self._feeder is None:
            return []
        try:
            return self._feeder.take(most)
        except Exception as error:
            raise SourceError(
                f"the iterable of the source {self.name!r} raised {type(error).__name__} after record "
                f"{self._next - 1}: {error}"
            ) from error

    def _pass_over(self) -> None:
        while self._skip:
            items = self._take(self._skip)
            if not items:
                break
            self._skip -= sum(weigh(item) for item in items)
            if self._skip < 0:
                rows = items[-1]
                self._left = [rows.slice(rows.num_rows + self._skip)]
                self._skip = 0
        if self._skip and self._feeder is not None and self._feeder.ended:
            raise SourceError(
                f"the source {self.name!r} is to go on at record {self._next} and its iterable ended after "
                f"{self._next - self._skip}: it must give the same records again"
            )

    def _cut(self, most: int) -> list[Any]:
        """Cut off what makes one batch: objects of one shape, or some rows of a ``RecordBatch``."""
        self._shape = next((shape for shape in shapes_of(self._left) if shape is not Shape.NEITHER), self._shape)
        rows = self._left[0]
        if isinstance(rows, pa.RecordBatch):
            rest = [rows.slice(most)] if rows.num_rows > most else []
            self._left = rest + self._left[1:]
            return [rows.slice(0, most)]
        fitting = {Shape.NEITHER} if self._shape is Shape.TABLE else {Shape.NEITHER, self._shape}
        count = sum(1 for _ in takewhile(fitting.__contains__, shapes_of(self._left[:most])))
        cut, self._left = self._left[:count], self._left[count:]
        return cut

    def _build(self, items: list[Any]) -> Raw:
        offsets = np.arange(self._next, self._next + sum(weigh(item) for item in items), dtype=np.int64)
        self._next += len(offsets)
        if isinstance(items[0], pa.RecordBatch):
            return Raw(self.name, 0, offsets, table=items[0])
        if self._shape is Shape.VALUE:
            return Raw(self.name, 0, offsets, values=build_values(items))
        table, unfit = self._table.build(items)
        return Raw(self.name, 0, offsets, values=unfit, table=table)
