"""Clients of one Kafka cluster, which share settings and remember why they cannot connect.

Rules:

1. librdkafka tells a caller that it has timed out, and an error callback why. Both are put together here, so that a
   refused login is never told as "timed out"; what time does not mend is told at once.
2. What the library logs goes to the logger ``headrace.transports.kafka``, without secrets, at the level INFO at most:
   what matters is raised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigurationError, HeadraceError, SinkError, SourceError
from headrace.transports.kafka.settings import ClientSettings, Setting
from headrace.transports.kafka.troubles import LATE, TELLING, VAGUE, error_of, explain

T = TypeVar("T")
E = TypeVar("E", bound=HeadraceError)

_LOG = logging.getLogger("headrace.transports.kafka")
_FIRST_SECONDS = 0.25
# The client's own 10 s between two looks for a broker that was away are as long as a session or a transaction lasts.
_DEFAULTS = {"reconnect.backoff.max.ms": 1_000}
_OF_MEMBERS = ("group.instance.id", "group.protocol", "partition.assignment.strategy", "transactional.id")


class Connection:
    """One cluster: opens clients and turns their errors into ours. ``seconds`` is how long to wait for an answer."""

    def __init__(self, settings: ClientSettings, seconds: float = 15.0) -> None:
        self.settings = settings
        self.seconds = seconds
        self._heard: KafkaError | None = None
        self._admin: AdminClient | None = None

    @property
    def admin(self) -> AdminClient:
        """The client that asks for and changes topics. Raises ``ConfigurationError``."""
        if self._admin is None:
            self._admin = self._open(AdminClient, "", {})
        return self._admin

    def open_producer(self, own: Mapping[str, Any]) -> Producer:
        """Open a producer; ``own`` goes before the settings. Raises ``ConfigurationError``."""
        return self._open(Producer, "producer", own)

    def open_reader(self, own: Mapping[str, Any]) -> Consumer:
        """Open a consumer that belongs to no group: partitions are assigned to it. Raises ``ConfigurationError``."""
        apart = {"group.id": "headrace-readers", "enable.auto.commit": False, "enable.auto.offset.store": False}
        return self._open(Consumer, "consumer", {**apart, **own})

    def _open(self, make: Callable[[dict[str, Any]], T], kind: str, own: Mapping[str, Any]) -> T:
        given: dict[str, Setting] = {
            name: value for name, value in self.settings.tell(kind).items() if name not in _OF_MEMBERS
        }
        try:
            return make({**_DEFAULTS, **given, **own, "error_cb": self._hear, "logger": _Log(self.settings)})
        except (KafkaException, ValueError, TypeError) as error:
            told = error_of(error).str() if isinstance(error, KafkaException) else str(error)
            raise ConfigurationError(self.settings.redact(f"[kafka]: {told}")) from None

    def _hear(self, error: KafkaError) -> None:
        if error.code() in TELLING or self._heard is None or self._heard.code() not in TELLING:
            self._heard = error

    def fetch_metadata(self, topic: str | None = None) -> Any:
        """Ask the cluster for its brokers and topics, or for one topic.

        Raises ``SourceError`` where it does not answer, at once where time does not mend it.
        """
        end = time.monotonic() + self.seconds
        patience = _FIRST_SECONDS
        while True:
            try:
                self._heard = None
                return self.admin.list_topics(topic, timeout=min(patience, self.seconds))
            except KafkaException as error:
                self.admin.poll(0)
                told = self._heard is not None and self._heard.code() in TELLING
                if told or time.monotonic() > end or error_of(error).code() not in VAGUE:
                    raise self.fail(SourceError, "cannot be asked for its topics", error) from None
                patience *= 2  # a slow broker's answer is lost with the call that asked for it

    def wait(self, future: Future[T], doing: str, right: str = "") -> T:
        """Wait for what the admin client does. Raises ``SinkError`` for a refusal."""
        try:
            return future.result(timeout=self.seconds)
        except FutureTimeoutError:
            raise self.fail(SinkError, doing, LATE, right) from None
        except KafkaException as error:
            raise self.fail(SinkError, doing, error, right) from error

    def serve(self, call: Callable[[float], int], seconds: float) -> tuple[int, KafkaError | None]:
        """Let a producer's ``poll`` or ``flush`` run; gives what it gives, and the fatal error that it met.

        The client raises a fatal error from within its callbacks, so that Python may tell of it as ``SystemError``.
        """
        try:
            return call(seconds), None
        except KafkaException as error:
            return 0, error_of(error)
        except SystemError as error:
            if not isinstance(error.__cause__, KafkaException):
                raise
            return 0, error_of(error.__cause__)

    def fail(self, kind: type[E], doing: str, error: KafkaError | KafkaException, right: str = "") -> E:
        """Make an error of one of our kinds: the cluster, what it cannot do, why, and what to do; without secrets."""
        known = error_of(error)
        if known.code() in VAGUE and self._heard is not None:
            known = self._heard
        return kind(self.settings.redact(f"Kafka at {self.settings.servers} {doing}: {explain(known, right)}"))


class _Log:
    """What a client of the library calls to log; a client may not have a plain logger, which would tell secrets."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings

    def log(self, level: int, text: str, *arguments: object) -> None:
        """Log one line. That a setting is for another kind of client is no news: all are given the same."""
        line = text % arguments
        if "CONFWARN" not in line:
            _LOG.log(min(level, logging.INFO), "%s", self._settings.redact(line))
