"""Results as JSON, one object a record.

The members are the leading columns of the table and ``outputs``, an object by output name. NaN and the infinities are
the strings "NaN", "Infinity" and "-Infinity", bytes base64, dates and times ISO 8601, a missing value null. The text
is built column by column, without a Python object for each value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headrace.wire import jsontext
from headrace.wire.results.table import identify, read_keys

if TYPE_CHECKING:
    from headrace.records import Results

_ESCAPED = r'[\x00-\x1f"\\]'
_NULL = "null"


def encode_json_lines(results: Results) -> bytes:
    """Write results as lines, each ended by a line feed."""
    if not len(results):
        return b""
    lines = pc.binary_join_element_wise(encode_json(results), "\n", "")
    _, _, data = lines.buffers()
    return bytes(data)


def encode_json(results: Results) -> pa.Array:
    """Write each result as one text."""
    raw, rows = results.batch.raw, results.rows
    versions = [
        _members(model=version.name, version=version.version, digest=version.digest, position=version.position)
        for version in results.versions
    ]
    slot = _members(data_type=results.slot.data_type, slot=results.slot.name)
    where = _members(scored_at=results.scored_at, source=raw.source, partition=raw.partition)
    pieces: list[pa.Array | str] = [
        '{"id":',
        write_column(identify(results.batch, rows)),
        ',"key":',
        write_column(read_keys(raw, rows)),
        f",{slot},",
        pa.array(versions, pa.string()).take(pa.array(results.version_of, pa.int64())),
        f',{where},"offset":',
        write_column(pa.array(raw.offsets[rows], pa.int64())),
        ',"score_ns":',
        write_column(pa.array(results.score_ns, pa.int64())),
        ',"outputs":{',
    ]
    for index, (name, column) in enumerate(zip(results.outputs.schema.names, results.outputs.columns, strict=True)):
        pieces += [f"{',' if index else ''}{jsontext.write(name)}:", write_column(column)]
    pieces.append("}}")
    return pc.binary_join_element_wise(*_join_constants(pieces), "")


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


def _members(**values: object) -> str:
    return jsontext.write(values)[1:-1]


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
