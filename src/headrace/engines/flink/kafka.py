"""Topics of Kafka as streams, by the connector of Flink's tables, which tells where a record comes from.

Rules:

1. Settings are those of Kafka's Java client. Values are bytes: what they mean, Headrace decodes.
2. What is written exactly once is visible to who reads committed messages alone, at each checkpoint.
3. Models that are larger than a message come in parts before the publication that names their digest; the parts are
   held in the state until it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor

from headrace.engines.flink.manner import BYTES
from headrace.machinery.assembling import Part, fill, read_unfilled
from headrace.transports.kafka.parts import decode_part_key

if TYPE_CHECKING:
    from pyflink.datastream import DataStream
    from pyflink.table import StatementSet, StreamTableEnvironment

_TRANSACTION_MS = 900_000
_READ = (
    "`value` BYTES, `key` BYTES, `topic` STRING METADATA VIRTUAL, `partition` INT METADATA VIRTUAL, "
    "`offset` BIGINT METADATA VIRTUAL, `at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, "
    "WATERMARK FOR `at` AS `at` - INTERVAL '0.001' SECOND"
)
_MESSAGE = Types.ROW([BYTES, Types.LONG()])


class Topics:
    """Reads and writes topics within one job. ``client`` holds the settings of Kafka's client."""

    def __init__(self, tables: StreamTableEnvironment, client: Mapping[str, str]) -> None:
        self._tables, self._client = tables, client
        self._statements: StatementSet = tables.create_statement_set()

    def read_records(
        self, topics: Sequence[str], *, group: str = "", start: str = "earliest-offset", bounded: bool = False
    ) -> DataStream:
        """Read topics as rows (value, key, topic, partition, offset), with the times of their append."""
        table = self._make_source("headrace_records", topics, group, start, bounded=bounded)
        return self._tables.to_data_stream(
            self._tables.sql_query(f"SELECT `value`, `key`, `topic`, `partition`, `offset`, `at` FROM {table}")  # noqa: S608
        )

    def read_models(self, topic: str, *, bounded: bool = False) -> DataStream:
        """Read a model topic from its beginning as rows (message, position)."""
        # More tasks would have no partition, and their watermark would hold that of the others back.
        only = {"scan.parallelism": "1"}
        table = self._make_source("headrace_models", [topic], "", "earliest-offset", bounded=bounded, more=only)
        rows = self._tables.to_data_stream(
            self._tables.sql_query(f"SELECT `value`, `key`, `topic`, `offset`, `at` FROM {table}")  # noqa: S608
        )
        return (
            rows.key_by(_topic_of, Types.STRING())
            .process(_PutTogether(), _MESSAGE)
            .set_parallelism(1)
            .name("headrace: put models together")
            .uid("headrace-put-together")
        )

    def write(self, lines: DataStream, topic: str, *, name: str, delivery: str, prefix: str) -> None:
        """Write bytes to a topic; ``prefix`` begins the ids of transactions."""
        options = {
            "connector": "kafka",
            "topic": topic,
            "format": "raw",
            "sink.delivery-guarantee": delivery,
            "properties.transaction.timeout.ms": str(_TRANSACTION_MS),
            **self._name_client(),
        }
        if delivery == "exactly-once":
            options["sink.transactional-id-prefix"] = f"{prefix}-{name}"
        self._tables.execute_sql(f"CREATE TABLE headrace_{name} (`line` BYTES) WITH ({_write_options(options)})")
        self._statements.add_insert(f"headrace_{name}", self._tables.from_data_stream(lines))

    def attach(self) -> None:
        """Make what was asked to be written part of the job."""
        self._statements.attach_as_datastream()

    def _make_source(
        self,
        name: str,
        topics: Sequence[str],
        group: str,
        start: str,
        *,
        bounded: bool,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        options = {
            "connector": "kafka",
            "topic": ";".join(topics),
            "value.format": "raw",
            "key.format": "raw",
            "key.fields": "key",
            "value.fields-include": "EXCEPT_KEY",
            "scan.startup.mode": start,
            **self._name_client(),
            **more,
        }
        if group:
            options |= {"properties.group.id": group, "properties.auto.offset.reset": "earliest"}
        if bounded:
            options["scan.bounded.mode"] = "latest-offset"
        self._tables.execute_sql(f"CREATE TABLE {name} ({_READ}) WITH ({_write_options(options)})")
        return name

    def _name_client(self) -> dict[str, str]:
        return {f"properties.{name}": value for name, value in self._client.items()}


class _PutTogether(KeyedProcessFunction):
    """Messages and parts to whole messages."""

    def open(self, runtime_context: Any) -> None:
        """Find the state."""
        self._parts = runtime_context.get_list_state(ListStateDescriptor("parts", BYTES))

    def process_element(self, value: Any, _: Any) -> Iterator[Row]:
        """Hold a part, or give a message; a tombstone is neither."""
        message, key, _topic, offset, _at = value
        if message is None:
            return
        if decode_part_key(key) is not None:
            self._parts.add(msgspec.msgpack.encode((key, message)))
            return
        unfilled = read_unfilled(message)
        filled = None if unfilled is None else fill(unfilled, map(_read_part, self._parts.get() or ()))
        if filled is not None:
            message, left = filled
            self._parts.update([msgspec.msgpack.encode(part) for part in left])
        yield Row(message, offset)


def _read_part(written: bytes) -> Part:
    part: Part = msgspec.msgpack.decode(written, type=Part)
    return part


def _topic_of(row: Any) -> Any:
    return row[2]


def _write_options(options: Mapping[str, str]) -> str:
    return ", ".join(f"'{_quote(name)}' = '{_quote(value)}'" for name, value in options.items())


def _quote(text: str) -> str:
    return text.replace("'", "''")
