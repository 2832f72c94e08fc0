"""Results as ``ScoringResult`` messages (``headrace/wire/proto/headrace.proto``), such as for a Kafka topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.wire import jsontext
from headrace.wire.proto import headrace_pb2 as pb
from headrace.wire.results.table import identify

if TYPE_CHECKING:
    from headrace.records import Results


def encode_protobuf(results: Results) -> pa.Array:
    """Write each result as one message; dates and times are ISO 8601 texts, a missing output has no value."""
    raw, rows = results.batch.raw, results.rows
    keys = [None] * len(rows) if raw.keys is None else raw.keys.take(pa.array(rows, pa.int64())).to_pylist()
    names = results.outputs.schema.names
    columns = [column.to_pylist() for column in results.outputs.columns]
    values = zip(*columns, strict=True) if columns else [()] * len(rows)
    messages = []
    for id_, key, version_of, score_ns, offset, row in zip(
        identify(results.batch, rows).to_pylist(),
        keys,
        results.version_of.tolist(),
        results.score_ns.tolist(),
        raw.offsets[rows].tolist(),
        values,
        strict=True,
    ):
        version = results.versions[version_of]
        message = pb.ScoringResult(
            id=id_,
            key=key,
            data_type=results.slot.data_type,
            slot=results.slot.name,
            model=version.name,
            version=version.version,
            digest=version.digest,
            position=version.position,
            scored_at=results.scored_at,
            score_ns=score_ns,
            source=raw.source,
            partition=raw.partition,
            offset=offset,
        )
        for name, value in zip(names, row, strict=True):
            message.outputs.append(pb.Output(name=name, value=_to_value(value)))
        messages.append(message.SerializeToString(deterministic=True))
    return pa.array(messages, pa.binary())


def _to_value(value: object) -> pb.Value | None:
    match value:
        case None:
            return None
        case bool():
            return pb.Value(flag=value)
        case int():
            return pb.Value(integer=value)
        case float():
            return pb.Value(number=value)
        case str():
            return pb.Value(text=value)
        case bytes():
            return pb.Value(data=value)
        case list():
            return pb.Value(list=pb.Values(values=[_to_value(member) or pb.Value() for member in value]))
        case _:
            plain = jsontext.to_plain(value)
            return pb.Value(text=plain if isinstance(plain, str) else jsontext.write(plain))
