"""Python objects to batches: what an iterable of a person's own program yields, as a source hands it on.

1. ``bytes`` and ``str`` are a record's bytes; None is a record without a value.
2. Mappings and dataclasses are rows of a table; a name that a row lacks is null there. Columns keep the order in which
   their names first appeared.
3. The type of a column settles: it is the one that most values so far have had, whole numbers and others together being
   ``double``. A declared schema settles all of them, and names that it does not hold are left out.
4. A row that does not fit, and an object that is none of these among rows, is handed over as JSON text in ``values``
   beside ``table``, where its row is null: that row is a dead letter and its neighbours are not touched.
5. A ``pyarrow.RecordBatch`` is many records and passes as it is.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

_UNFIT = (pa.ArrowException, ValueError, TypeError, OverflowError)
_NUMBERS = frozenset({pa.int64(), pa.float64()})


class Shape(Enum):
    """What an object is: only objects of one shape share a batch."""

    VALUE = auto()
    ROW = auto()
    TABLE = auto()
    NEITHER = auto()


def shapes_of(items: Iterable[Any]) -> Iterator[Shape]:
    """Tell the shapes of objects; ``NEITHER`` goes with whatever is around it."""
    # An object's type says its shape, and most batches are of few types.
    known: dict[type, Shape] = {}
    return (known.get(type(item)) or known.setdefault(type(item), _find_shape(item)) for item in items)


def _find_shape(item: Any) -> Shape:
    if isinstance(item, bytes | str):
        return Shape.VALUE
    if isinstance(item, pa.RecordBatch):
        return Shape.TABLE
    if isinstance(item, Mapping) or (dataclasses.is_dataclass(item) and not isinstance(item, type)):
        return Shape.ROW
    return Shape.NEITHER


def build_values(items: Sequence[Any]) -> pa.Array:
    """Make Arrow binary of bytes and texts; an object that is neither is its JSON text, None is null."""
    try:
        return pa.array(items, pa.binary())
    except _UNFIT:
        return pa.array([_to_bytes(item) for item in items], pa.binary())


def _to_bytes(item: Any) -> bytes | None:
    if item is None or isinstance(item, bytes):
        return item
    return item.encode(errors="surrogatepass") if isinstance(item, str) else write_json(item)


def write_json(item: Any) -> bytes:
    """Write an object as JSON as well as it goes; what JSON has no word for is its ``repr``."""
    try:
        return msgspec.json.encode(item, enc_hook=repr)
    except (TypeError, ValueError):
        return repr(item).encode(errors="backslashreplace")


class Table:
    """Builds tables of rows; the columns it has settled on outlive the batch."""

    def __init__(self, schema: pa.Schema | None = None) -> None:
        self._schema = schema
        self._columns: dict[str, Column] = {}
        if schema is not None:
            self._columns = {field.name: Column(field.type) for field in schema}

    def build(self, items: Sequence[Any]) -> tuple[pa.RecordBatch, pa.Array | None]:
        """Make a table of rows, and beside it the JSON text of those that do not fit (None where all do)."""
        found, unfit = _to_rows(items)
        if self._schema is None:
            for name in dict.fromkeys(chain.from_iterable(found)):
                self._columns.setdefault(name, Column())
        arrays = [column.build([row.get(name) for row in found], unfit) for name, column in self._columns.items()]
        if unfit:
            arrays = [_blank(array, unfit) for array in arrays]
        table = self._put_together(arrays, len(items))
        if not unfit:
            return table, None
        texts = [write_json(item) if index in unfit else None for index, item in enumerate(items)]
        return table, pa.array(texts, pa.binary())

    def _put_together(self, arrays: list[pa.Array], rows: int) -> pa.RecordBatch:
        if not arrays:
            # A batch without columns has no length of its own: a column of nothing gives it one.
            return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=[""])
        if self._schema is not None:
            return pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return pa.RecordBatch.from_arrays(arrays, names=list(self._columns))


class Column:
    """One column over all batches: the type it has, and how often each was seen."""

    def __init__(self, declared: pa.DataType | None = None) -> None:
        self.type = declared
        self._fixed = declared is not None
        self._seen: Counter[pa.DataType] = Counter()

    def build(self, values: Sequence[Any], unfit: set[int]) -> pa.Array:
        """Make an array, adding to ``unfit`` the positions that are null because their value does not fit."""
        try:
            array = pa.array(values, self.type)
        except _UNFIT:
            return self._build_each(values, unfit)
        if self.type is None or (not self._fixed and self.type == pa.null()):
            self.type = None if array.type == pa.null() else array.type
        if self.type is not None and not self._fixed:
            self._seen[self.type] += len(array) - array.null_count
        return array

    def _build_each(self, values: Sequence[Any], unfit: set[int]) -> pa.Array:
        if not self._fixed:
            self._settle(values)
        kept: list[Any] = []
        for index, value in enumerate(values):
            try:
                fitting = float(value) if self.type == pa.float64() and type(value) is int else value
                pa.scalar(fitting, self.type)
            except _UNFIT:
                fitting = None
                unfit.add(index)
            kept.append(fitting)
        return pa.array(kept, self.type)

    def _settle(self, values: Sequence[Any]) -> None:
        for value in values:
            if value is not None:
                self._seen[_type_of(value)] += 1
        numbers = {kind: count for kind, count in self._seen.items() if kind in _NUMBERS}
        if len(numbers) > 1:
            self._seen[pa.float64()] = sum(numbers.values())
            del self._seen[pa.int64()]
        self._seen.pop(pa.null(), None)
        self.type = self._seen.most_common(1)[0][0] if self._seen else pa.null()


def _type_of(value: Any) -> pa.DataType:
    """Find the type of one value; null for what Arrow has no type for."""
    try:
        return pa.scalar(value).type
    except _UNFIT:
        return pa.null()


def _to_rows(items: Sequence[Any]) -> tuple[Sequence[Mapping[str, Any]], set[int]]:
    """Give objects as rows, an empty one for what is none, and the positions of those."""
    if set(map(type, items)) == {dict} and {str}.issuperset(map(type, chain.from_iterable(items))):
        return items, set()
    rows = [_to_row(item) for item in items]
    return [row or {} for row in rows], {index for index, row in enumerate(rows) if row is None}


def _to_row(item: Any) -> dict[str, Any] | None:
    """Give an object as a row, None where it is none."""
    if isinstance(item, Mapping):
        return dict(item) if all(isinstance(name, str) for name in item) else None
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return dataclasses.asdict(item)
    return None


def _blank(array: pa.Array, unfit: set[int]) -> pa.Array:
    return array.take(pa.array([None if index in unfit else index for index in range(len(array))], pa.int64()))
