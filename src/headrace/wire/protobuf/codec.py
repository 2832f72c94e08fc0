"""The codec of records that are protobuf messages of one type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.wire.assembly import Part, assemble, take_values
from headrace.wire.failures import Code, Failures
from headrace.wire.layout import ByBranch, Layout
from headrace.wire.protobuf.branches import BranchDecoder
from headrace.wire.protobuf.decoding import Decoder
from headrace.wire.protobuf.schema import describe, find_oneof, list_required
from headrace.wire.protobuf.slices import Slices

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from headrace.records import Batch, Int64Array, Raw


class ProtobufCodec:
    """Decode messages of one type, from ``find_message`` or a compiled module's ``Message.DESCRIPTOR``.

    Where the data type is the branch of a ``oneof``, what the branch holds is the record, and the message's other
    fields may hold id, key and time. A field that proto2 requires is a required field.
    Raises ``ConfigurationError`` where the message has no such ``oneof``.
    """

    def __init__(self, message: Descriptor, layout: Layout) -> None:
        self._decoder: _WholeDecoder | BranchDecoder
        if isinstance(layout.data_type, ByBranch):
            self._decoder = BranchDecoder(message, find_oneof(message, layout.data_type.oneof), layout)
        else:
            self._decoder = _WholeDecoder(message, layout)
        self._layout = self._decoder.layout

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type; with a ``oneof``, None for what is none of its branches."""
        return self._decoder.schema(data_type)

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; bytes that are no such message are a failure "undecodable".

        Raises ``ConfigurationError`` for a source of columns.
        """
        failures = Failures()
        values, rows = take_values(raw, self._layout, failures)
        parts = self._decoder.decode(Slices.of(values), rows, failures)
        return assemble(raw, self._layout, parts, failures)


class _WholeDecoder:
    """Decodes messages each of which is a record."""

    def __init__(self, message: Descriptor, layout: Layout) -> None:
        found = describe(message)
        self.layout = dataclasses.replace(layout, required=(*layout.required, *list_required(found)))
        self._schema = layout.annotate(found.arrow)
        self._decoder = Decoder(found)

    def schema(self, data_type: str) -> pa.Schema:  # noqa: ARG002
        return self._schema

    def decode(self, messages: Slices, rows: Int64Array, failures: Failures) -> list[Part]:
        columns, wrong = self._decoder.decode(messages)
        for position, reason in wrong.items():
            failures.add(int(rows[position]), Code.UNDECODABLE, reason)
        return [Part(rows, pa.RecordBatch.from_arrays(columns, schema=self._schema))]
