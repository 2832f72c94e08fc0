"""Write to topics of Kafka in Beam, in Python alone.

What it promises: at least once. A bundle is done once the brokers have acknowledged all that it wrote (``acks=all``, an
idempotent producer); one that fails or that the runner repeats is written again. Records of one key keep their order
within a bundle. A reader who wants each once drops duplicates by id: every result has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from confluent_kafka import KafkaError, KafkaException

from headrace.errors import SinkError
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import Setting, read_settings

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection
    from confluent_kafka import Producer

_FLUSH_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class KafkaMessage:
    """What is to be written; ``topic`` "" is the sink's own."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = ""


class WriteToKafka(beam.PTransform[Any, Any]):
    """Write bytes, ``KafkaMessage`` values, or pairs of key and value, to a topic; see the module for its promise."""

    def __init__(self, settings: Mapping[str, Setting], topic: str) -> None:
        super().__init__()
        self._settings, self._topic = dict(settings), topic

    def expand(self, elements: PCollection[Any]) -> Any:
        """Build the graph; nothing comes out."""
        return elements | "Write" >> beam.ParDo(_Write(self._settings, self._topic))


class _Write(beam.DoFn):
    """Writes a bundle."""

    def __init__(self, settings: Mapping[str, Setting], topic: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._settings, self._topic = settings, topic
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._refused: KafkaError | None = None

    def start_bundle(self) -> None:
        """Open the producer where there is none."""
        self._refused = None
        if self._producer is None:
            self._connection = Connection(read_settings(self._settings))
            self._producer = self._connection.open_producer({"enable.idempotence": True, "acks": "all"})

    def process(self, element: bytes | KafkaMessage | tuple[bytes | None, bytes | None]) -> None:
        """Hand an element to the producer. Raises ``SinkError``."""
        message = _to_message(element)
        assert self._producer is not None
        while True:
            try:
                self._producer.produce(
                    message.topic or self._topic,
                    message.value,
                    message.key,
                    headers=list(message.headers) or None,
                    on_delivery=self._hear,
                )
                break
            except BufferError:  # the producer's queue is full: this is the back-pressure
                self._producer.poll(0.1)
            except KafkaException as error:
                raise self._fail(error) from None
        self._producer.poll(0)

    def finish_bundle(self) -> None:
        """Wait until the brokers have all of it. Raises ``SinkError`` where they refuse or are too late."""
        assert self._producer is not None
        left = self._producer.flush(_FLUSH_SECONDS)
        if self._refused is not None:
            raise self._fail(self._refused)
        if left:
            raise SinkError(f"topic {self._topic!r}: {left} records were not acknowledged in {_FLUSH_SECONDS:g} s")

    def _hear(self, error: KafkaError | None, _: object) -> None:
        if error is not None and self._refused is None:
            self._refused = error

    def _fail(self, error: KafkaError | KafkaException) -> SinkError:
        assert self._connection is not None
        self._producer = None
        doing = f"cannot be written to, topic {self._topic!r}"
        return self._connection.fail(SinkError, doing, error, f"Write on topic {self._topic!r}")


def _to_message(element: bytes | KafkaMessage | tuple[bytes | None, bytes | None]) -> KafkaMessage:
    if isinstance(element, KafkaMessage):
        return element
    return KafkaMessage(element) if isinstance(element, bytes) else KafkaMessage(element[1], element[0])
