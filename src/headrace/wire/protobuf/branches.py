"""Messages around a ``oneof``: the branch that is set is the record, and its name the record's data type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from headrace.wire.assembly import Part
from headrace.wire.failures import Code, Failures
from headrace.wire.protobuf.decoding import Decoder, replace
from headrace.wire.protobuf.reading import Reader, explain
from headrace.wire.protobuf.schema import describe, describe_branch, is_record, list_required
from headrace.wire.protobuf.slices import Slices
from headrace.wire.protobuf.walking import Walked, Walker

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, OneofDescriptor

    from headrace.records import Int64Array
    from headrace.wire.layout import Layout


class BranchDecoder:
    """Decodes messages into one part for each branch."""

    def __init__(self, message: Descriptor, oneof: OneofDescriptor, layout: Layout) -> None:
        self._oneof = oneof
        found = {field.name: describe_branch(field) for field in oneof.fields}
        required = dict(layout.required_by_type)
        for name, schema in found.items():
            if not layout.declared or name in layout.declared:
                required[name] = (*list_required(schema), *required.get(name, ()))
        self.layout = dataclasses.replace(layout, required_by_type=required)
        self._schemas = {name: layout.annotate(schema.arrow) for name, schema in found.items()}
        self._decoders = {name: Decoder(schema) for name, schema in found.items()}
        frame = describe(message, without=oneof)
        self._frame = frame.arrow
        self._parse = GetMessageClass(message).FromString
        self._reader = Reader(frame)
        self._walker = None
        if Walker.covers(frame):
            self._walker = Walker(frame, apart=[field for field in oneof.fields if is_record(field)])

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of what a branch holds."""
        return self._schemas.get(data_type)

    def decode(self, messages: Slices, rows: Int64Array, failures: Failures) -> list[Part]:
        """Decode messages into parts; a message without a branch is a failure, and what is damaged."""
        if self._walker is None:
            walked = Walked([], np.ones(len(messages), np.bool_), {})
        else:
            walked = self._walker.walk(messages)
        marked = np.flatnonzero(walked.marked)
        others = [messages[int(position)] for position in marked]
        read, wrong = self._reader.read(others)
        for place, reason in wrong.items():
            failures.add(int(rows[marked[place]]), Code.UNDECODABLE, reason)
        frame = pa.RecordBatch.from_arrays(replace(walked.columns, read, marked), schema=self._frame)
        branches = self._find_branches(others, rows[marked], failures)
        parts = []
        found = np.zeros(len(messages), np.bool_)
        found[marked] = True
        for name in self._decoders:
            positions, slices = walked.nested.get(name, (marked[:0], messages.take(marked[:0])))
            found[positions] = True
            places, values = branches.get(name, ([], []))
            part = self._decode_branch(name, (positions, slices), (marked[places], values), frame, rows, failures)
            parts.append(part)
        for row in rows[~found]:
            failures.add(int(row), Code.NO_DATA_TYPE, self._no_branch)
        return parts

    @property
    def _no_branch(self) -> str:
        return f"no branch of the oneof {self._oneof.name!r} is set, which would be the data type"

    def _find_branches(
        self, values: list[bytes], rows: Int64Array, failures: Failures
    ) -> dict[str, tuple[list[int], list[bytes]]]:
        """Find by protobuf itself which branch each message holds: by name the places in ``values``, and the bytes."""
        branches: dict[str, tuple[list[int], list[bytes]]] = {}
        for place, value in enumerate(values):
            try:
                message: Any = self._parse(value)
            except DecodeError as error:
                failures.add(int(rows[place]), Code.UNDECODABLE, explain(self._oneof.containing_type, value, error))
                continue
            name = message.WhichOneof(self._oneof.name)
            if name is None:
                failures.add(int(rows[place]), Code.NO_DATA_TYPE, self._no_branch)
                continue
            record = getattr(message, name)
            if not is_record(self._oneof.containing_type.fields_by_name[name]):
                record = type(message)(**{name: record})
            places, records = branches.setdefault(name, ([], []))
            places.append(place)
            records.append(record.SerializePartialToString())
        return branches

    def _decode_branch(
        self,
        name: str,
        walked: tuple[Int64Array, Slices],
        read: tuple[Int64Array, list[bytes]],
        frame: pa.RecordBatch,
        rows: Int64Array,
        failures: Failures,
    ) -> Part:
        positions = np.concatenate([walked[0], read[0]])
        columns, wrong = self._decoders[name].decode(walked[1])
        if len(read[0]):
            others, wrong_others = self._decoders[name].decode(Slices.of(pa.array(read[1], pa.binary())))
            columns = [pa.concat_arrays(pair) for pair in zip(columns, others, strict=True)]
            wrong |= {len(walked[0]) + position: reason for position, reason in wrong_others.items()}
        for position, reason in wrong.items():
            failures.add(int(rows[positions[position]]), Code.UNDECODABLE, reason)
        record = pa.RecordBatch.from_arrays(columns, schema=self._schemas[name])
        order = np.argsort(positions)
        if len(read[0]):
            record = record.take(pa.array(order)) if record.num_columns else record
        positions = positions[order]
        frame = frame.take(pa.array(positions)) if frame.num_columns else frame
        return Part(rows[positions], record, name, frame)
