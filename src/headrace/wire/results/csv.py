"""Results as CSV with the columns of the table.

Texts are quoted; an empty cell is a missing value, and two quotes are an empty text. NaN and the infinities are
``NaN``, ``Infinity`` and ``-Infinity``; lists are JSON, bytes base64, dates and times ISO 8601.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from headrace.wire import jsontext
from headrace.wire.results.table import tabulate

if TYPE_CHECKING:
    from headrace.records import Results


def encode_csv(results: Results) -> bytes:
    """Write results as lines without a header."""
    table = tabulate(results)
    columns = [_write_column(column) for column in table.columns]
    return _write(pa.RecordBatch.from_arrays(columns, names=table.schema.names), header=False)


def make_csv_header(results: Results) -> bytes:
    """Write the line of names that fits a batch of results, and those of the same outputs."""
    return _write(tabulate(results).slice(0, 0), header=True)


def _write(table: pa.RecordBatch, *, header: bool) -> bytes:
    stream = io.BytesIO()
    csv.write_csv(table, stream, csv.WriteOptions(include_header=header))
    return stream.getvalue()


def _write_column(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_floating(kind) and pc.all(pc.is_finite(column)).as_py() is not False:
        return column
    return pa.array([_write_value(value) for value in column.to_pylist()], pa.string())


def _write_value(value: object) -> str | None:
    if value is None:
        return None
    plain = jsontext.to_plain(value)
    return plain if isinstance(plain, str) else jsontext.write(plain)
