"""What follows the decoding, for every encoding: data type, id, key, event time, required fields, groups.

A codec hands over parts: rows that share columns. Every row of the batch ends in exactly one group or is a failure.
What fails, in this order: a record without a value (where data types are declared also an empty one), without a data
type, of an undeclared one, without a required field, without an id or a time where a field for it is configured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import ConfigurationError
from headrace.records import Batch, Group, Raw
from headrace.wire.failures import Code, Failures
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, Layout
from headrace.wire.times import to_milliseconds

if TYPE_CHECKING:
    from headrace.records import Int64Array

_NO_TYPE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of a batch, rising, and their columns.

    ``data_type`` is given where the codec has found it already (a branch). ``frame`` holds what surrounds the record,
    such as the other fields of a message around a ``oneof``: id, key and time are looked for there too.
    """

    rows: Int64Array
    columns: pa.RecordBatch
    data_type: str | None = None
    frame: pa.RecordBatch | None = None

    def find(self, name: str) -> pa.Array | None:
        """Find a column of the record or of what surrounds it."""
        for batch in (self.columns, self.frame):
            index = -1 if batch is None else batch.schema.get_field_index(name)
            if batch is not None and index >= 0:
                return batch.column(index)
        return None


def take_values(raw: Raw, layout: Layout, failures: Failures) -> tuple[pa.Array, Int64Array]:
    """Take the values that can be decoded, and their rows.

    Left out are nulls and, where data types are declared, empty values. Raises ``ConfigurationError`` for a source of
    columns, which only the table codec reads.
    """
    values = raw.values
    if values is None or raw.table is not None:
        raise ConfigurationError(f"{raw.source} gives columns, not bytes: set its codec to table")
    if not values.null_count and not (layout.declared and _measure(values).min(initial=1) == 0):
        return values, np.arange(len(values))
    there = np.ones(len(raw), np.bool_)
    if values.null_count:
        there = values.is_valid().to_numpy(zero_copy_only=False)
        _fail_all(failures, np.flatnonzero(~there), Code.EMPTY_MESSAGE, "the record has no value")
    if layout.declared:
        empty = np.flatnonzero(there & (_measure(values) == 0))
        _fail_all(failures, empty, Code.EMPTY_MESSAGE, "the record is empty and data types are declared")
        there[empty] = False
    rows = np.flatnonzero(there)
    return values.take(pa.array(rows)), rows


def _measure(values: pa.Array) -> npt.NDArray[np.int32]:
    """Give the lengths of binary values, by their offsets: a call of Arrow's functions would cost more than that."""
    if not (pa.types.is_binary(values.type) or pa.types.is_string(values.type)):
        values = values.cast(pa.binary())
    if not len(values):
        return np.zeros(0, np.int32)
    offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
    return offsets[1:] - offsets[:-1]


def assemble(raw: Raw, layout: Layout, parts: list[Part], failures: Failures) -> Batch:
    """Make a batch of decoded parts; rows that ``failures`` holds already are in no group."""
    parts = [part for part in parts if len(part.rows)]
    groups: list[Group] = []
    for part in parts:
        kinds = _read_data_types(raw, layout, part, failures)
        for name, positions in kinds:
            rows = part.rows if positions is None else part.rows[positions]
            columns = part.columns if positions is None else _select(part.columns, positions)
            _check_required(layout, name, rows, columns, failures)
            groups.append(Group(name, rows, columns))
    ids = _read_ids(raw, layout, parts, failures)
    times = _read_times(raw, layout, parts, failures)
    raw = _read_keys(raw, layout, parts, failures)
    if len(failures):
        groups = [kept for group in groups if (kept := _without(group, failures)) is not None]
    return Batch(raw, tuple(groups), failures.in_order(), ids, times)


def _read_data_types(
    raw: Raw, layout: Layout, part: Part, failures: Failures
) -> Iterator[tuple[str, Int64Array | None]]:
    """Split a part by data type: each name and its positions in the part, None for all of them."""
    name = part.data_type if part.data_type is not None else _one_for_all(raw, layout)
    if name is not None:
        if _is_declared(layout, name, part.rows, failures):
            yield name, None
        return
    assert isinstance(layout.data_type, ByField)
    field = layout.data_type.name
    texts = _as_text(part.find(field))
    if texts is None:
        _fail_all(failures, part.rows, Code.NO_DATA_TYPE, f"the field {field!r}, which holds the data type, is no text")
        return
    names, codes = _encode(texts)
    nameless = part.rows[codes == _NO_TYPE]
    _fail_all(failures, nameless, Code.NO_DATA_TYPE, f"the field {field!r}, which holds the data type, is empty")
    for code, found in enumerate(names):
        positions = None if len(names) == 1 and not len(nameless) else np.flatnonzero(codes == code)
        rows = part.rows if positions is None else part.rows[positions]
        if _is_declared(layout, found, rows, failures):
            yield found, positions


def _one_for_all(raw: Raw, layout: Layout) -> str | None:
    rule = layout.data_type
    match rule:
        case Constant():
            return rule.data_type
        case ByTopic():
            return rule.names.get(raw.source, raw.source)
        case ByField():
            return None
        case ByBranch():
            raise ConfigurationError(
                "the data type is to be the branch of a oneof or union, and these records have none"
            )
        case _ as never:
            assert_never(never)


def _as_text(column: pa.Array | None) -> pa.Array | None:
    """Give a column as strings, None where it is none and cannot be one."""
    if column is None:
        return None
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_integer(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    return None


def _encode(texts: pa.Array) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Give each distinct text of a column a number; null and the empty text are ``_NO_TYPE``."""
    first = texts[0].as_py()
    if first and texts.null_count == 0 and (len(texts) == 1 or pc.all(pc.equal(texts, texts[0])).as_py()):
        return [first], np.zeros(len(texts), np.int32)
    encoded = pc.replace_with_mask(texts, pc.fill_null(pc.equal(texts, ""), False), pa.scalar(None, pa.string()))
    encoded = encoded.dictionary_encode()
    codes = pc.fill_null(encoded.indices, _NO_TYPE).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), codes


def _is_declared(layout: Layout, name: str, rows: Int64Array, failures: Failures) -> bool:
    if not layout.declared or name in layout.declared:
        return True
    known = ", ".join(layout.declared)
    reason = f"the data type {name[:80]!r} is not declared; declared are: {known}"
    _fail_all(failures, rows, Code.UNDECLARED_DATA_TYPE, reason)
    return False


def _check_required(
    layout: Layout, data_type: str, rows: Int64Array, columns: pa.RecordBatch, failures: Failures
) -> None:
    for name in layout.required_of(data_type):
        index = columns.schema.get_field_index(name)
        column = columns.column(index) if index >= 0 else None
        missing = rows if column is None else _nulls(rows, column)
        _fail_all(failures, missing, Code.MISSING_FIELD, f"the required field {name!r} is missing")


def _read_ids(raw: Raw, layout: Layout, parts: list[Part], failures: Failures) -> pa.Array | None:
    if not layout.id_field:
        return None
    found: list[pa.Array] = []
    for part in parts:
        ids = _identify(part, layout.id_field, "id", failures)
        found.append(ids)
        without = part.rows[pc.fill_null(pc.equal(ids, ""), True).to_numpy(zero_copy_only=False)]
        _fail_all(
            failures, without, Code.MISSING_FIELD, f"the field {layout.id_field!r}, which holds the id, is missing"
        )
    return _scatter(len(raw), parts, found, pa.string())


def _read_keys(raw: Raw, layout: Layout, parts: list[Part], failures: Failures) -> Raw:
    if not layout.key_field:
        return raw
    found = [_identify(part, layout.key_field, "key", failures).cast(pa.binary()) for part in parts]
    return dataclasses.replace(raw, keys=_scatter(len(raw), parts, found, pa.binary()))


def _identify(part: Part, name: str, role: str, failures: Failures) -> pa.Array:
    """Give a field as text, null where it is missing or has no text."""
    column = part.find(name)
    texts = _as_text(column)
    if column is None or texts is not None:
        return pa.nulls(len(part.rows), pa.string()) if texts is None else texts
    texts = pa.nulls(len(part.rows), pa.string())
    if pa.types.is_binary(column.type):
        texts = pa.array([_decode(value) for value in column.to_pylist()], pa.string())
    wrong = part.rows[pc.and_(column.is_valid(), texts.is_null()).to_numpy(zero_copy_only=False)]
    reason = f"the field {name!r}, which holds the {role}, is a {column.type}: it must be a text or a whole number"
    _fail_all(failures, wrong, Code.WRONG_TYPE, reason)
    return texts


def _decode(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _read_times(raw: Raw, layout: Layout, parts: list[Part], failures: Failures) -> Int64Array | None:
    name = layout.time_field
    if not name:
        return raw.timestamps
    times = np.zeros(len(raw), np.int64)
    for part in parts:
        column = part.find(name)
        if column is None:
            _fail_all(failures, part.rows, Code.MISSING_FIELD, f"the field {name!r}, which holds the time, is missing")
            continue
        read, wrong = to_milliseconds(column, layout.time_unit)
        times[part.rows] = read
        missing = _nulls(part.rows, column)
        _fail_all(failures, missing, Code.MISSING_FIELD, f"the field {name!r}, which holds the time, is missing")
        for position, reason in wrong.items():
            failures.add(int(part.rows[position]), Code.WRONG_TYPE, f"the field {name!r}: {reason}")
    return times


def _scatter(length: int, parts: list[Part], columns: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """Put the columns of all parts in the order of the batch's rows; null where no part has the row."""
    if len(parts) == 1 and len(parts[0].rows) == length:
        return columns[0]
    places = np.full(length, -1, np.int64)
    start = 0
    for part in parts:
        places[part.rows] = np.arange(start, start + len(part.rows))
        start += len(part.rows)
    return pa.concat_arrays([pa.nulls(0, kind), *columns]).take(pa.array(places, mask=places < 0))


def _without(group: Group, failures: Failures) -> Group | None:
    kept = np.flatnonzero(~np.isin(group.rows, failures.rows()))
    if len(kept) == len(group.rows):
        return group
    return Group(group.data_type, group.rows[kept], _select(group.columns, kept)) if len(kept) else None


def _select(columns: pa.RecordBatch, positions: Int64Array) -> pa.RecordBatch:
    return columns.take(pa.array(positions)) if columns.num_columns else columns


def _nulls(rows: Int64Array, column: pa.Array) -> Int64Array:
    missing: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return rows[missing]


def _fail_all(failures: Failures, rows: Int64Array, code: Code, reason: str) -> None:
    for row in rows.tolist():
        failures.add(row, code, reason)
