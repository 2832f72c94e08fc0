"""Topics that a query goes through, from what a test has put there to what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from confluent_kafka import Consumer, Producer, TopicPartition
from pyspark.sql import functions as sql

from headrace.core.settings import JoinSettings
from headrace.engines.spark import serve
from headrace.loading import LoadOptions
from headrace.records import Command, Descriptor, Publish
from headrace.testing.broker import Broker
from headrace.testing.scaling import FORMATS, write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import Plan, make_topic
from headrace.wire.descriptor import encode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LAYOUT = Layout(ByField("kind"), declared=("wine", "beer"), id_field="id", time_field="at")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("at", pa.int64()), ("x", pa.float64())])
CODEC = JsonCodec(LAYOUT, SCHEMA)
OPTIONS = LoadOptions(formats=dict(FORMATS), warm_rows=(1,))
PARTITIONS = 2


def record(number: int, *, kind: str = "wine", x: object = None, at: int | None = None) -> bytes:
    """Write record ``number``: its x, and its time in milliseconds, are the number unless given."""
    told = {"at": number if at is None else at, "x": number if x is None else x}
    return json.dumps({"id": f"r{number}", "kind": kind, **told}).encode()


def publish(factor: float, *, content: bytes | None = None, **fields: Any) -> Publish:
    """Publish a model that multiplies by ``factor``."""
    made = write_scaling(factor) if content is None else content
    return Publish(Descriptor(f"by {factor:g}", **{"data_type": "wine", "content": made, **fields}))


@dataclass
class Topics:
    """What goes in and what has come out, for one query at a time."""

    broker: Broker
    name: str
    folder: Path
    read: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def __post_init__(self) -> None:
        connection = Connection(ClientSettings(self.broker.settings))
        for what in ("records", "out"):
            make_topic(connection, Plan(f"{self.name}-{what}", PARTITIONS))
        # Messages keep the times that a test gives them, and stay though those are long past.
        make_topic(connection, Plan(f"{self.name}-models", 1, settings={"retention.ms": "-1"}))

    def beside(self, name: str) -> Topics:
        """Give topics of their own for another query."""
        folder = self.folder / name
        folder.mkdir()
        return Topics(self.broker, f"{self.name}-{name}", folder)

    def put(self, *values: tuple[int, bytes]) -> None:
        """Put records, each with its partition."""
        producer = Producer({**self.broker.settings, "enable.idempotence": True})
        for partition, value in values:
            producer.produce(f"{self.name}-records", value, b"key", partition=partition)
        assert 0 == producer.flush(60)

    def send_parts(self, parts: Iterable[tuple[bytes, bytes]]) -> None:
        """Send parts of models, with their keys."""
        producer = Producer({**self.broker.settings, "enable.idempotence": True})
        for key, value in parts:
            producer.produce(f"{self.name}-models", value, key, timestamp=0)
        assert 0 == producer.flush(60)

    def send(self, *commands: tuple[int, Command | bytes]) -> None:
        """Send model messages, each with the time at which it was appended."""
        producer = Producer({**self.broker.settings, "enable.idempotence": True})
        for at, command in commands:
            message = command if isinstance(command, bytes) else encode_command(command)
            producer.produce(f"{self.name}-models", message, timestamp=at)
        assert 0 == producer.flush(60)

    def open(self, spark: SparkSession, what: str) -> DataFrame:
        """Read a topic."""
        options = {
            "kafka.bootstrap.servers": self.broker.bootstrap,
            "subscribe": f"{self.name}-{what}",
            "startingOffsets": "earliest",
        }
        return spark.readStream.format("kafka").options(**options).load()

    def serve(self, spark: SparkSession, settings: JoinSettings | None = None, **kept: Any) -> None:
        """Serve what is there, going on from the checkpoint of the last time."""
        kept = {"in_child": False, "delay": "1 second", **kept}
        served = serve(self.open(spark, "records"), self.open(spark, "models"), CODEC, settings, OPTIONS, **kept)
        writing = served.select(sql.col("kind").cast("binary").alias("key"), "value").writeStream.format("kafka")
        writing = writing.options(**{"kafka.bootstrap.servers": self.broker.bootstrap, "topic": f"{self.name}-out"})
        writing = writing.option("checkpointLocation", str(self.folder / "checkpoint")).outputMode("append")
        query = writing.start()
        try:
            query.processAllAvailable()
        finally:
            query.stop()
        self._collect()

    def _collect(self) -> None:
        consumer = Consumer({**self.broker.settings, "group.id": "look", "isolation.level": "read_uncommitted"})
        for partition in range(PARTITIONS):
            place = TopicPartition(f"{self.name}-out", partition, self.offsets[partition])
            end = consumer.get_watermark_offsets(place, timeout=60)[1]
            if end > self.offsets[partition]:
                consumer.assign([place])
            while self.offsets[partition] < end:
                for message in consumer.consume(end - self.offsets[partition], timeout=1):
                    assert message.error() is None, message.error()
                    self.offsets[partition] = (message.offset() or 0) + 1
                    self.read.append(((message.key() or b"").decode(), json.loads(message.value() or b"")))
        consumer.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Give what has come out of one kind."""
        return [value for name, value in self.read if name == kind]

    @property
    def scores(self) -> dict[str, float]:
        """The output ``y`` of each record, by id; none came twice."""
        found = self.of("result")
        scores: dict[str, float] = {each["id"]: each["outputs"]["y"] for each in found}
        assert len(found) == len(scores)
        return scores

    @property
    def counts(self) -> dict[str, int]:
        """What the counts add up to."""
        rows: Iterable[dict[str, int]] = self.of("counts")
        return {name: sum(row[name] for row in rows) for name in ("scored", "dead_lettered", "skipped")}
