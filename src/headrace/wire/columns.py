"""Python values, one mapping a record, to columns.

- Nested objects become fields with dotted names ("a.b").
- Where the types are declared, the columns are those that are declared, in their order, and other fields are left out.
- Where they are not, a column is of the kind that most of the batch's rows have (number, text, flag, list); the first
  of them where there is a tie. Numbers are ``int64`` where all are whole, else ``double``.
- A value that does not fit its column is that row's failure; the row's neighbours are kept.
- What has no column of its own kind, such as a list of objects, is JSON as text.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from headrace.wire import jsontext
from headrace.wire.failures import Code, Failures

if TYPE_CHECKING:
    from headrace.records import Int64Array

Values = Sequence[Any]
_NONE = type(None)
_DEEPEST = 16
_LONGEST_SHOWN = 60
_EMPTY_LIST = "list"
_SCALARS = {bool: "flag", int: "number", float: "number", str: "text", bytes: "bytes"}


def build_columns(
    values: Mapping[str, Values], rows: Int64Array, schema: pa.Schema | None, failures: Failures
) -> pa.RecordBatch:
    """Build columns of flattened values; ``rows`` are their rows in the batch, for the failures.

    A row that fails has a null where its value did not fit.
    """
    arrays = []
    for index, name in enumerate(values if schema is None else schema.names):
        column = values.get(name, [None] * len(rows))
        array, wrong = infer(column) if schema is None else convert(column, schema.field(index).type)
        for position, reason in wrong.items():
            failures.add(int(rows[position]), Code.WRONG_TYPE, f"the field {name!r} is {reason}")
        arrays.append(array)
    if schema is None:
        return pa.RecordBatch.from_arrays(arrays, names=list(values))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def flatten(records: Sequence[Mapping[str, Any]], rows: Int64Array, failures: Failures) -> dict[str, Values]:
    """Turn records into lists of values by dotted name, in the order in which the names first appear."""
    columns: dict[str, Values] = {}

    def spread(prefix: str, objects: Sequence[Mapping[str, Any]], depth: int) -> None:
        for name, column in _transpose(objects):
            if dict in set(map(type, column)) and depth < _DEEPEST:
                nested = [value if type(value) is dict else {} for value in column]
                spread(f"{prefix}{name}.", nested, depth + 1)
                rest = [None if type(value) is dict else value for value in column]
                if any(value is not None for value in rest):
                    _merge(columns, prefix + name, rest, rows, failures)
                continue
            _merge(columns, prefix + name, column, rows, failures)

    spread("", records, 0)
    return columns


def _transpose(objects: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, Values]]:
    """Give each name that occurs and its values, None where an object lacks it."""
    names = tuple(objects[0]) if objects else ()
    if len(names) > 1 and all(len(members) == len(names) for members in objects):
        try:
            return zip(names, zip(*map(itemgetter(*names), objects), strict=True), strict=True)
        except KeyError:
            pass
    names = tuple(dict.fromkeys(chain.from_iterable(objects)))
    return [(name, [members.get(name) for members in objects]) for name in names]


def _merge(columns: dict[str, Values], name: str, column: Values, rows: Int64Array, failures: Failures) -> None:
    """Add a column; where the name is there already, take what either holds."""
    other = columns.setdefault(name, column)
    if other is column:
        return
    pairs = list(zip(other, column, strict=True))
    for position, pair in enumerate(pairs):
        if None not in pair:
            reason = f"the field {name!r} is there twice: nested, and as a name"
            failures.add(int(rows[position]), Code.WRONG_TYPE, reason)
    columns[name] = [second if first is None else first for first, second in pairs]


def infer(column: Values) -> tuple[pa.Array, dict[int, str]]:
    """Make a column of the kind that most values have; the others are null, with what is wrong by position."""
    only = {_SCALARS.get(kind, "") for kind in set(map(type, column)) - {_NONE}}
    if len(only) == 1 and "" not in only:
        return _make(column, only.pop()), {}
    kinds = _kinds_of(column)
    counts = Counter(kinds)
    del counts[""]
    if not counts:
        return pa.nulls(len(column)), {}
    kind = counts.most_common(1)[0][0]
    wrong = {}
    if len(counts) > 1:
        others = [position for position, found in enumerate(kinds) if found not in {kind, ""}]
        wrong = {position: f"a {kinds[position]}, and a {kind} in most records" for position in others}
        column = [None if position in wrong else value for position, value in enumerate(column)]
    return _make(column, kind), wrong


def _kinds_of(column: Values) -> list[str]:
    kinds = [_SCALARS.get(type(value)) or _kind_of(value) for value in column]
    if _EMPTY_LIST in kinds:
        lists = Counter(kind for kind in kinds if kind.startswith("list of"))
        alike = lists.most_common(1)[0][0] if lists else _EMPTY_LIST
        kinds = [alike if kind == _EMPTY_LIST else kind for kind in kinds]
    return kinds


_PLAIN = {
    "flag": pa.bool_(),
    "text": pa.string(),
    "bytes": pa.binary(),
    "list of texts": pa.list_(pa.string()),
    "list of flags": pa.list_(pa.bool_()),
}


def _kind_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        members = {_SCALARS.get(type(member)) or _kind_of(member) for member in value} - {""}
        if not members:
            return _EMPTY_LIST
        return f"list of {members.pop()}s" if len(members) == 1 else "list of mixed values"
    return "object"


def _make(column: Values, kind: str) -> pa.Array:
    if kind == "number":
        return _numbers(column)
    if kind == "list of numbers":
        flat = _numbers([value for row in column if row for value in row])
        lengths = np.array([len(row) if row else 0 for row in column])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        missing = np.array([row is None for row in column])
        return pa.ListArray.from_arrays(pa.array(offsets, mask=np.append(missing, False)), flat)
    if kind == _EMPTY_LIST:
        return pa.array(column, pa.list_(pa.null()))
    if kind in _PLAIN:
        return pa.array(column, _PLAIN[kind])
    return pa.array([None if value is None else jsontext.write(value) for value in column], pa.string())


def _numbers(column: Values) -> pa.Array:
    whole = float not in set(map(type, column))
    try:
        return pa.array(column, pa.int64() if whole else pa.float64())
    except (OverflowError, pa.ArrowInvalid):
        return pa.array([None if value is None else float(value) for value in column], pa.float64())


def convert(column: Values, kind: pa.DataType) -> tuple[pa.Array, dict[int, str]]:
    """Make a column of a declared type; what does not fit is null, with what is wrong by position."""
    read, plain = _reader(kind)
    if set(map(type, column)) <= plain:
        try:
            return pa.array(column, kind), {}
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    values: list[Any] = []
    wrong: dict[int, str] = {}
    for position, value in enumerate(column):
        try:
            plain_value = None if value is None else read(value)
            pa.scalar(plain_value, kind)
        except (ValueError, TypeError, OverflowError, pa.ArrowException):
            wrong[position] = f"{_shorten(value)}, which is no {kind}"
            plain_value = None
        values.append(plain_value)
    return pa.array(values, kind), wrong


def _shorten(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."


def _reader(kind: pa.DataType) -> tuple[Callable[[Any], Any], set[type]]:
    """Find how a JSON value becomes one of an Arrow type, and the Python types that need no reading."""
    if pa.types.is_integer(kind):
        return _read_integer, {int, _NONE}
    if pa.types.is_floating(kind):
        return _read_float, {int, float, _NONE}
    if pa.types.is_boolean(kind):
        return _expect(bool), {bool, _NONE}
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _expect(str), {str, _NONE}
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _read_bytes, {bytes, _NONE}
    if pa.types.is_timestamp(kind):
        return _read_timestamp, {_NONE}
    if pa.types.is_date(kind):
        return _read_date, {_NONE}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        read, _ = _reader(kind.value_type)
        return lambda value: [None if member is None else read(member) for member in _expect(list)(value)], {_NONE}
    return lambda value: value, {_NONE}


def _expect(wanted: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError
        return value

    return read


def _read_integer(value: Any) -> int:
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise TypeError
    return value


def _read_float(value: Any) -> float:
    if isinstance(value, str) and value in jsontext.NOT_FINITE:
        return jsontext.NOT_FINITE[value]
    if type(value) not in {int, float}:
        raise TypeError
    return float(value)


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError from error


def _read_timestamp(value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _read_date(value: Any) -> date:
    if not isinstance(value, str):
        raise TypeError
    return date.fromisoformat(value)
