"""Providers: the wine records, and models for them, sent to Kafka in a loop with pauses, until stopped.

1. The encoding is that of the book's programs: ``WineRecord`` and ``ModelDescriptor`` without keys. With keys, records
   have their id for a key, and models go to a compacted topic.
2. Topics that are absent are made; one that is there is used as it is.
3. The loop ends after ``count`` messages, or when ``stop`` is set; what was sent is delivered when it returns.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaException

from headrace.app.model_streams import TopicStream
from headrace.app.wine import DATA_TYPE, FEATURES, read_models, read_records
from headrace.catalog import recognise
from headrace.errors import SinkError, SourceError
from headrace.records import Descriptor
from headrace.transports.kafka.topics import COMPACTED, WHOLE, Plan, make_topic, need_topic
from headrace.transports.kafka.troubles import LATE
from headrace.wire.wine import encode_wine

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

    from headrace.transports.kafka.connection import Connection

_DEFAULT_MODELS = ("forest", "network")
_POLL_EVERY = 256
_FLUSH_SECONDS = 30.0
_SHORTEST_WAIT = 0.002


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, and how many: ``rate`` a second (0: as fast as can be), ``count`` in all (None: until stopped).

    ``pause`` is how long to wait after each round through the records, or after each model, in seconds.
    """

    rate: float = 0.0
    count: int | None = None
    pause: float = 0.0


def provide_records(
    connection: Connection, topic: str, pace: Pace, stop: threading.Event, *, keyed: bool = False, partitions: int = 1
) -> int:
    """Send the red wines round by round; gives how many were delivered.

    Raises ``SourceError`` where the cluster does not answer, and ``SinkError`` where it refuses.
    """
    make_topic(connection, Plan(topic, partitions))
    need_topic(connection, topic)
    wines = [_encode(wine, keyed=keyed) for wine in read_records()]
    sending = _Sending(connection, topic)
    begun = time.monotonic()
    for number in range(pace.count) if pace.count is not None else itertools.count():
        if number and number % len(wines) == 0 and pace.pause:
            stop.wait(pace.pause)
            begun += pace.pause
        if pace.rate:
            early = begun + number / pace.rate - time.monotonic()
            if early > _SHORTEST_WAIT:
                stop.wait(early)
        if stop.is_set():
            break
        sending.send(*wines[number % len(wines)])
    return sending.finish()


def _encode(wine: Mapping[str, object], *, keyed: bool) -> tuple[bytes | None, bytes]:
    features = {name: cast("float", wine[name]) for name in FEATURES}
    return str(wine["id"]).encode() if keyed else None, encode_wine(features)


class _Sending:
    """Sends to one topic, and counts what was delivered."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection, self._topic = connection, topic
        self._producer: Producer = connection.open_producer({"linger.ms": 5, "enable.idempotence": True})
        self._sent = self._delivered = 0
        self._error: KafkaError | None = None

    def send(self, key: bytes | None, value: bytes) -> None:
        """Send one message; waits where too many are on their way. Raises ``SinkError``."""
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._note)
            except BufferError:
                self._serve(self._producer.poll, 0.1)
            except KafkaException as error:
                raise self._fail(error) from error
            else:
                break
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._serve(self._producer.poll, 0)

    def finish(self) -> int:
        """Wait until all is delivered, and give how many. Raises ``SinkError``."""
        if self._serve(self._producer.flush, _FLUSH_SECONDS):
            raise self._fail(LATE)
        self._producer.close()
        return self._delivered

    def _serve(self, call: Callable[[float], int], seconds: float) -> int:
        left, fatal = self._connection.serve(call, seconds)
        error = fatal or self._error
        if error is not None:
            raise self._fail(error)
        return left

    def _note(self, error: KafkaError | None, _: Message[bytes, bytes]) -> None:
        self._error = self._error or error
        self._delivered += error is None

    def _fail(self, error: KafkaError | KafkaException) -> SinkError:
        doing, right = f"does not take records for the topic {self._topic!r}", f"Write on topic {self._topic!r}"
        return self._connection.fail(SinkError, doing, error, right)


def provide_models(
    connection: Connection,
    topic: str,
    models: Sequence[Descriptor],
    pace: Pace,
    stop: threading.Event,
    *,
    keyed: bool = False,
    tell: Callable[[int, Descriptor], object] = lambda _position, _descriptor: None,
) -> int:
    """Publish models in turn, with a pause after each; gives how many. ``tell`` is told of each and its position.

    Raises as ``provide_records`` does, and ``DescriptorError``.
    """
    make_topic(connection, Plan(topic, settings=COMPACTED if keyed else WHOLE))
    stream = TopicStream(connection, topic)
    for number in range(pace.count) if pace.count is not None else itertools.count():
        if number:
            stop.wait(pace.pause)
        if stop.is_set():
            return number
        descriptor = models[number % len(models)]
        tell(stream.publish(descriptor)[0], descriptor)
    return pace.count or 0


def read_wine_models() -> list[Descriptor]:
    """Give the models that are provided by default: a PMML forest and an ONNX network of the wine example."""
    known = read_models()
    found = []
    for stem in _DEFAULT_MODELS:
        model = known[stem]
        mapping = {name: tuple(fields) for name, fields in model.mapping.items()}
        found.append(replace(describe_model(model.file), name=model.name, mapping=mapping))
    return found


def describe_model(file: Path, data_type: str = DATA_TYPE) -> Descriptor:
    """Describe a model's file as a publication of its bytes, under the file's name.

    Raises ``SourceError`` where it cannot be read, and ``UnknownFormatError``.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SourceError(f"the model {file} cannot be read: {error.strerror}") from error
    return Descriptor(file.stem, data_type, model_type=recognise(content).name, content=content)
