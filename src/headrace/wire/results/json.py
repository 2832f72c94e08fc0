"""Results as JSON, one object a record.

The members are the leading columns of the table and ``outputs``, an object by output name. NaN and the infinities are
the strings "NaN", "Infinity" and "-Infinity", bytes base64, dates and times ISO 8601, a missing value null. The text
is built column by column, without a Python object for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import ConfigurationError
from headrace.wire import jsontext
from headrace.wire.results.table import OUTPUT_PREFIX, identify, read_keys

if TYPE_CHECKING:
    from headrace.records import ModelVersion, Results

_ESCAPED = r'[\x00-\x1f"\\]'
_NULL = "null"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which members are written: of the leading ones and ``outputs.NAME``; none named means all. A set of names."""

    names: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Tell whether a member is written."""
        return not self.names or name in self.names


ALL = Selection()


def encode_json_lines(results: Results) -> bytes:
    """Write results as lines, each ended by a line feed."""
    if not len(results):
        return b""
    lines = pc.binary_join_element_wise(encode_json(results), "\n", "")
    _, _, data = lines.buffers()
    return bytes(data)


def encode_json(results: Results, selection: Selection = ALL) -> pa.Array:
    """Write each result as one text."""
    pieces: list[pa.Array | str] = []
    for name, write in _WRITERS.items():
        if selection.takes(name):
            pieces += [f'{"," if pieces else "{"}"{name}":', write(results)]
    outputs = list(_write_outputs(results, selection))
    if outputs or not selection.names:
        pieces += [("," if pieces else "{") + '"outputs":{', *outputs, "}}"]
    else:
        pieces += ["}" if pieces else "{}"]
    joined = _join_constants(pieces)
    if len(joined) == 1:
        return pa.repeat(pa.scalar(joined[0]), len(results))
    return pc.binary_join_element_wise(*joined, "")


def _write_outputs(results: Results, selection: Selection) -> Iterator[pa.Array | str]:
    first = True
    for name, column in zip(results.outputs.schema.names, results.outputs.columns, strict=True):
        if selection.takes(OUTPUT_PREFIX + name):
            yield f"{'' if first else ','}{jsontext.write(name)}:"
            yield write_column(column)
            first = False


def _of_version(tell: Callable[[ModelVersion], object]) -> Callable[[Results], pa.Array | str]:
    """Write what is said of the model: the same for all rows but where one has just switched in."""

    def write(results: Results) -> pa.Array | str:
        told = [jsontext.write(tell(version)) for version in results.versions]
        return told[0] if len(told) == 1 else pa.array(told).take(pa.array(results.version_of, pa.int64()))

    return write


_WRITERS: dict[str, Callable[[Results], pa.Array | str]] = {
    "id": lambda it: write_column(identify(it.batch, it.rows)),
    "key": lambda it: _NULL if it.batch.raw.keys is None else write_column(read_keys(it.batch.raw, it.rows)),
    "data_type": lambda it: jsontext.write(it.slot.data_type),
    "slot": lambda it: jsontext.write(it.slot.name),
    "model": _of_version(lambda version: version.name),
    "version": _of_version(lambda version: version.version),
    "digest": _of_version(lambda version: version.digest),
    "position": _of_version(lambda version: version.position),
    "scored_at": lambda it: jsontext.write(it.scored_at),
    "source": lambda it: jsontext.write(it.batch.raw.source),
    "partition": lambda it: jsontext.write(it.batch.raw.partition),
    "offset": lambda it: write_column(pa.array(it.batch.raw.offsets[it.rows], pa.int64())),
    "score_ns": lambda it: write_column(pa.array(it.score_ns, pa.int64())),
}
MEMBERS = tuple(_WRITERS)
"""What a result says beside its outputs, in this order."""


def select(names: Collection[str]) -> Selection:
    """Choose members by name; none named means all. Raises ``ConfigurationError`` for what no result can hold."""
    for name in names:
        if name not in MEMBERS and not (name.startswith(OUTPUT_PREFIX) and name != OUTPUT_PREFIX):
            raise ConfigurationError(
                f"{name!r} is no member of a result; there are {', '.join(MEMBERS)}, and "
                f"{OUTPUT_PREFIX}NAME for an output of the models"
            )
    return Selection(frozenset(names))


def write_column(column: pa.Array) -> pa.Array:
    """Write each value of a column as JSON text."""
    kind = column.type
    if pa.types.is_floating(kind):
        texts = _write_floats(column)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        texts = column.cast(pa.string())
    elif pa.types.is_string(kind) and not pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        texts = pc.binary_join_element_wise('"', column, '"', "")
    else:
        texts = pa.array([jsontext.write(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(texts, _NULL) if texts.null_count else texts


def _write_floats(column: pa.Array) -> pa.Array:
    """Write floats; one without a fraction keeps ".0", so that it reads back as a float."""
    texts = column.cast(pa.string())
    finite = pc.is_finite(column)
    if not pc.all(finite).as_py():
        named = pa.array([None if value is None else f'"{jsontext.name_float(value)}"' for value in column.to_pylist()])
        texts = pc.if_else(finite, texts, named.cast(pa.string()))
    if pc.any(pc.equal(pc.floor(column), column)).as_py():
        texts = pc.replace_substring_regex(texts, r"^(-?\d+)$", r"\1.0")
    return texts


def _join_constants(pieces: Iterable[pa.Array | str]) -> list[pa.Array | str]:
    """Join texts that are the same for all rows, so that fewer pieces are joined row by row."""
    joined: list[pa.Array | str] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, str):
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return joined
