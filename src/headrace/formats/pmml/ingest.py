"""Arrow columns to the evaluator's columns.

Rules: null and NaN are missing, so is blank text where a number is wanted; numbers may come as text and texts as
numbers, a list of texts as a text that is a JSON array; what cannot be read as the field's type is unreadable, and the
mining schema says what happens to it.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import RecordError
from headrace.formats.pmml.columns import Bools, Column, Floats, Numbers, Texts, encode_texts, regroup
from headrace.formats.pmml.datatypes import DataType
from headrace.formats.pmml.vocabulary import Vocabulary
from headrace.packing import infer_column

_EXACT = 2**53
"""Whole numbers below are exact in double precision."""


class Reading(NamedTuple):
    """A column, and the rows (None: no row) whose value is not one of the type."""

    column: Column
    unreadable: Bools | None = None


def read_column(array: pa.Array, type: DataType, vocabulary: Vocabulary, missing: frozenset[str]) -> Reading:
    """Read an Arrow column as a data type; texts in ``missing`` are missing."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if type.is_text:
        lists = pa.types.is_list(array.type) or pa.types.is_large_list(array.type)
        return Reading(_read_lists(array) if lists else _read_texts(array, vocabulary))
    values, unreadable = _read_numbers(array, type, missing)
    if type.is_whole or type.name == "boolean":
        wrong = (values != np.floor(values)) if type.is_whole else (values != 0) & (values != 1)
        wrong &= ~np.isnan(values)
        if wrong.any():
            unreadable = wrong if unreadable is None else unreadable | wrong
            values = np.where(wrong, np.nan, values)
    if type.is_float:
        with np.errstate(over="ignore"):
            return Reading(Numbers(values.astype(np.float32), type), unreadable)
    return Reading(Numbers(values, type), unreadable)


def _read_lists(array: pa.Array) -> Texts:
    """Read lists as texts that are JSON arrays; absent values are left out."""
    rows: list[list[Any] | None] = array.to_pylist()
    return encode_texts(
        None if row is None else json.dumps([str(value) for value in row if value is not None], ensure_ascii=False)
        for row in rows
    )


def make_column(value: object, type: DataType) -> Column | None:
    """Make the column of one value that came as its field's type has it; None for any other value."""
    if type.is_text:
        return Texts(np.zeros(1, dtype=np.int32), [value]) if value.__class__ is str else None
    if value.__class__ is int and -_EXACT < value < _EXACT:
        value = float(value)
    if value.__class__ is not float or not (type.name in ("double", "float") or value.is_integer()):
        return None
    if type.name == "boolean" and value not in (0.0, 1.0):
        return None
    return Numbers(np.array([value], dtype=np.float32 if type.is_float else np.float64), type)


def make_array(value: object) -> pa.Array:
    """Make an array of one value. Raises ``RecordError`` for one of a type that no column has."""
    try:
        return infer_column([value])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise RecordError(f"the record holds a value of a type that no column has: {error}") from None


def _read_numbers(array: pa.Array, type: DataType, missing: frozenset[str]) -> tuple[Floats, Bools | None]:
    kind = array.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _to_floats(array), None
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan), None
    if pa.types.is_boolean(kind):
        return _to_floats(array.cast(pa.int8())), None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _parse_texts(array, type, missing)
    if pa.types.is_temporal(kind):
        return _read_moments(array, type)
    return np.full(len(array), np.nan), np.array(array.is_valid())


def _to_floats(array: pa.Array) -> Floats:
    values: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _parse_texts(array: pa.Array, type: DataType, missing: frozenset[str]) -> tuple[Floats, Bools | None]:
    if not missing and type.name in ("double", "float", "integer"):
        try:
            return _to_floats(pc.cast(array, pa.float64())), None
        except pa.ArrowInvalid:
            pass
    encoded = array.dictionary_encode()
    values, unreadable = [], []
    for text in encoded.dictionary.to_pylist():
        wrong = False
        value = float("nan")
        if text.strip() and text not in missing:
            try:
                value = type.parse(text)
            except ValueError:
                wrong = True
        values.append(value)
        unreadable.append(wrong)
    codes = _codes(encoded)
    mask = np.array([*unreadable, False])[codes] if any(unreadable) else None
    return np.array([*values, np.nan])[codes], mask


def _codes(encoded: pa.DictionaryArray) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    indices = encoded.indices
    if indices.null_count:
        indices = indices.fill_null(-1)
    codes: Any = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return codes  # type: ignore[no-any-return]


def _read_moments(array: pa.Array, type: DataType) -> tuple[Floats, Bools | None]:
    kind = array.type
    if pa.types.is_date(kind):
        days = _to_floats(array.cast(pa.date32()).cast(pa.int32()))
        if type.counts_seconds:
            return (days - type.origin) * 86400.0, None
        return days - type.origin, None
    if pa.types.is_timestamp(kind):
        seconds = _to_floats(array.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())) / 1e6
        if type.counts_days:
            return np.floor(seconds / 86400.0) - type.origin, None
        if type.name in ("time", "timeSeconds"):
            return np.mod(seconds, 86400.0), None
        return seconds - type.origin * 86400.0, None
    if pa.types.is_time(kind):
        return _to_floats(array.cast(pa.time64("us")).cast(pa.int64())) / 1e6, None
    return _to_floats(array.cast(pa.int64())), None


def _read_texts(array: pa.Array, vocabulary: Vocabulary) -> Texts:
    kind = array.type
    if pa.types.is_null(kind):
        return Texts(np.full(len(array), -1, dtype=np.int32), [])
    if pa.types.is_nested(kind):
        return Texts(np.full(len(array), -1, dtype=np.int32), [])
    if pa.types.is_floating(kind):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, kind), array)
    encoded = array.dictionary_encode()
    names = [_name(value, vocabulary) for value in encoded.dictionary.to_pylist()]
    codes = _codes(encoded)
    if pa.types.is_string(kind):
        return Texts(codes, names)
    return regroup(codes, names)


def _name(value: object, vocabulary: Vocabulary) -> str:
    """Choose the text for a value that did not come as text: the spelling that the model uses, if there is one."""
    if isinstance(value, str):
        return value
    spellings = [str(value)]
    if isinstance(value, bool):
        spellings = [str(value).lower(), str(value), str(value).upper(), str(int(value))]
    elif isinstance(value, float):
        spellings = [repr(value), *([str(int(value))] if value.is_integer() else [])]
    elif isinstance(value, int):
        spellings = [str(value), f"{value}.0"]
    elif isinstance(value, bytes):
        spellings = [value.decode("utf-8", "replace")]
    for spelling in spellings:
        if spelling in vocabulary.codes:
            return spelling
    return spellings[-1] if isinstance(value, float) else spellings[0]
