"""Where publishers send models and commands: a log's directory, or a Kafka topic.

A configuration of which ``[models]`` names a topic is read for that and its table ``[kafka]`` alone, so that a machine
that only publishes needs to say no more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headrace.app import publishing
from headrace.catalog import load_target
from headrace.errors import ConfigurationError
from headrace.records import Command, Descriptor, ModelMessage, Publish
from headrace.stores.contents import digest_of
from headrace.wire.descriptor import decode_command, encode_command

if TYPE_CHECKING:
    from headrace.transports.kafka.connection import Connection


class ModelStream(Protocol):
    """A model stream, as a publisher sees it; ``str`` gives its name."""

    def is_new(self) -> bool:
        """Whether it is not there yet: the first publication makes it."""

    def require(self) -> None:
        """Raise ``SourceError`` where it is not there."""

    def append(self, command: Command) -> int:
        """Append a command and give its position; durable when this returns.

        Raises ``DescriptorError`` for a command that contradicts itself, ``SourceError`` and ``SinkError``.
        """

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication; gives its position, and the descriptor as it was sent. Raises as ``append`` does."""

    def read(self) -> list[ModelMessage]:
        """Read every message. Raises ``SourceError`` where it is not there."""


@dataclass(frozen=True, slots=True)
class LogStream:
    """A log's directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def is_new(self) -> bool:
        """Whether there is no such directory yet."""
        return not self.path.exists()

    def require(self) -> None:
        """Raise ``SourceError`` where there is no such log."""
        publishing.check_log(self.path)

    def append(self, command: Command) -> int:
        """Append a command."""
        return publishing.append_command(self.path, command)

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication; its bytes are kept beside the log by digest."""
        return publishing.publish(self.path, descriptor)

    def read(self) -> list[ModelMessage]:
        """Read every message."""
        return publishing.read_log(self.path)


@dataclass(frozen=True, slots=True)
class TopicStream:
    """A topic of a Kafka cluster. It is made, compacted, by the first publication."""

    connection: Connection
    topic: str

    def __str__(self) -> str:
        return f"{self.topic} at {self.connection.settings.servers}"

    def is_new(self) -> bool:
        """Whether there is no such topic yet."""
        from headrace.transports.kafka.topics import find_topic

        return find_topic(self.connection, self.topic) is None

    def require(self) -> None:
        """Raise ``SourceError`` where there is no such topic, or it is not fit for models."""
        from headrace.transports.kafka.topics import need_model_topic

        need_model_topic(self.connection, self.topic)

    def append(self, command: Command) -> int:
        """Append a command."""
        from headrace.transports.kafka.publishing import ModelPublisher

        encode_command(command)
        with ModelPublisher(self.connection, self.topic) as publisher:
            return self._send(publisher, command)

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication, its bytes within it or in parts before it."""
        from headrace.transports.kafka.publishing import ModelPublisher, make_model_topic

        encode_command(Publish(descriptor))
        make_model_topic(self.connection, self.topic)
        with ModelPublisher(self.connection, self.topic) as publisher:
            content = descriptor.content
            if content is not None:
                descriptor = replace(descriptor, digest=digest_of(content))
                if not publisher.takes_inline(len(content)):
                    publisher.put(content, descriptor.digest)
                    descriptor = replace(descriptor, content=None)
            return self._send(publisher, Publish(descriptor)), descriptor

    @staticmethod
    def _send(publisher: Any, command: Command) -> int:
        name, slot, identity = _key_of(command)
        position: int = publisher.append(encode_command(command), name, slot.data_type, slot.name, identity)
        return position

    def read(self) -> list[ModelMessage]:
        """Read every message."""
        from headrace.transports.kafka.models import ModelTopic

        source = ModelTopic(self.connection, self.topic, decode_command, follow=False, wait=0.05, interval=0)
        messages: list[ModelMessage] = []
        try:
            while True:
                reading = source.poll()
                messages += reading.messages
                if reading.ended:
                    return messages
        finally:
            source.close()


def _key_of(command: Command) -> tuple[str, Any, str]:
    """Give the command's name, its slot and its id."""
    if isinstance(command, Publish):
        return "publish", command.descriptor.slot_key, command.descriptor.publication_id
    name = type(command).__name__.lower()
    return name, getattr(command, "slot", None), getattr(command, "publication_id", "")


def find_topic_stream(file: Path) -> TopicStream | None:
    """Give the model topic that a configuration names; None where it names none.

    Raises ``ConfigurationError``, ``MissingExtraError``. What else the file holds is not looked at.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None  # told by who reads it whole
    models = document.get("models")
    topic = models.get("topic") if isinstance(models, dict) else None
    if topic is None:
        return None
    if not isinstance(topic, str) or not topic:
        raise ConfigurationError(f"{file}: models.topic takes the name of a topic")
    return TopicStream(connect(document.get("kafka"), file), topic)


def read_kafka_table(file: Path) -> object:
    """Read the table [kafka] of a configuration. Raises ``ConfigurationError`` where there is no such file."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")).get("kafka")
    except OSError as error:
        raise ConfigurationError(f"the configuration {file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML: {error}") from error


def connect(table: object, file: Path) -> Connection:
    """Give the cluster that a table ``[kafka]`` describes. Raises ``ConfigurationError``, ``MissingExtraError``."""
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{file} has no table [kafka]: it names the brokers, and how to log in")
    made: Any = load_target("headrace.transports.kafka.connection:Connection", extra="kafka", purpose="Kafka")
    from headrace.transports.kafka.settings import flatten_settings, read_settings

    try:
        connection: Connection = made(read_settings(flatten_settings(table, file.absolute().parent)))
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return connection
