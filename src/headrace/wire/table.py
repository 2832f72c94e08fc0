"""Records that are columns already: Parquet, Arrow, Python objects.

Columns pass through as they are, made plain: structs become fields with dotted names, dictionaries their values, and
decimals ``double``. Arrow's own types rule; nothing is inferred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.errors import ConfigurationError
from headrace.wire.assembly import Part, assemble
from headrace.wire.failures import Code, Failures

if TYPE_CHECKING:
    from headrace.records import Batch, Raw
    from headrace.wire.layout import Layout


class TableCodec:
    """Pass columns through. ``schema`` is that of the source where it is known beforehand, such as a file's."""

    def __init__(self, layout: Layout, schema: pa.Schema | None = None) -> None:
        layout.refuse_branches("Arrow")
        self._layout = layout
        self._schema = None
        if schema is not None:
            nothing = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
            self._schema = layout.annotate(make_plain(nothing).schema)

    def schema(self, data_type: str) -> pa.Schema | None:  # noqa: ARG002
        """Tell the columns of the source, the same for all data types; None where they are not known beforehand."""
        return self._schema

    def decode(self, raw: Raw) -> Batch:
        """Divide a batch of columns by data type; a record that fits no column is a failure "undecodable".

        Raises ``ConfigurationError`` for a source of bytes.
        """
        if raw.table is None:
            raise ConfigurationError(f"{raw.source} gives bytes, not columns: set a codec that reads bytes")
        failures = Failures()
        if raw.values is not None:
            for row in np.flatnonzero(raw.values.is_valid()):
                failures.add(int(row), Code.UNDECODABLE, "the record does not fit the columns of its batch")
        columns = make_plain(raw.table)
        columns = pa.RecordBatch.from_arrays(columns.columns, schema=self._layout.annotate(columns.schema))
        return assemble(raw, self._layout, [Part(np.arange(len(raw)), columns)], failures)


def make_plain(table: pa.RecordBatch) -> pa.RecordBatch:
    """Flatten structs to dotted names, dictionaries to their values and decimals to ``double``."""
    names: list[str] = []
    arrays: list[pa.Array] = []

    def add(name: str, column: pa.Array) -> None:
        if pa.types.is_struct(column.type):
            for index, member in enumerate(column.flatten()):
                add(f"{name}.{column.type.field(index).name}", member)
            return
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        names.append(name)
        arrays.append(column)

    for name, column in zip(table.schema.names, table.columns, strict=True):
        add(name, column)
    return pa.RecordBatch.from_arrays(arrays, names=names)
