"""Records as JSON: one object a record.

NaN and Infinity as bare words are not JSON and make the record undecodable. A member that is there twice counts as its
last occurrence. Where no schema is given, types are found batch by batch (``headrace.wire.columns``): give one where a
field's type, or the order of the fields, must not depend on which records come together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.wire.assembly import Part, assemble, take_values
from headrace.wire.columns import build_columns, flatten
from headrace.wire.failures import Code, Failures
from headrace.wire.layout import ByField, Layout

if TYPE_CHECKING:
    from headrace.records import Batch, Int64Array, Raw


class JsonCodec:
    """Decode JSON objects.

    ``schema`` declares the fields of every data type that ``schemas`` does not name; names may be dotted.
    """

    def __init__(
        self,
        layout: Layout,
        schema: pa.Schema | None = None,
        schemas: Mapping[str, pa.Schema] = MappingProxyType({}),
    ) -> None:
        layout.refuse_branches("JSON")
        self._layout = layout
        self._schema = None if schema is None else layout.annotate(schema)
        self._schemas = {name: layout.annotate(declared) for name, declared in schemas.items()}

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the declared columns of a data type; None where none are declared."""
        return self._schemas.get(data_type, self._schema)

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; a record that is no JSON object is a failure "undecodable".

        Raises ``ConfigurationError`` for a source of columns.
        """
        failures = Failures()
        values, rows = take_values(raw, self._layout, failures)
        by_type: dict[str | None, tuple[list[int], list[dict[str, Any]]]] = {}
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        for row, value in zip(rows.tolist(), values.to_pylist(), strict=True):
            try:
                record = decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                failures.add(row, Code.UNDECODABLE, f"the record is not a JSON object: {error}")
                continue
            numbers, records = by_type.setdefault(self._data_type(record), ([], []))
            numbers.append(row)
            records.append(record)
        parts = [
            self._build(name, np.array(numbers, np.int64), records, failures)
            for name, (numbers, records) in by_type.items()
        ]
        return assemble(raw, self._layout, parts, failures)

    def _data_type(self, record: dict[str, Any]) -> str | None:
        """Find a record's data type, so that the columns of different ones are built apart."""
        rule = self._layout.data_type
        if not isinstance(rule, ByField):
            return None
        value: Any = record.get(rule.name)
        if value is None and "." in rule.name:
            value = record
            for name in rule.name.split("."):
                value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) and value else None

    def _build(
        self, data_type: str | None, rows: Int64Array, records: list[dict[str, Any]], failures: Failures
    ) -> Part:
        values = flatten(records, rows, failures)
        columns = build_columns(values, rows, self.schema(data_type or ""), failures)
        columns = pa.RecordBatch.from_arrays(columns.columns, schema=self._layout.annotate(columns.schema))
        left_out = [name for name in self._layout.named_fields() if name in values and name not in columns.schema.names]
        frame = build_columns({name: values[name] for name in left_out}, rows, None, failures)
        return Part(rows, columns, data_type, frame)
