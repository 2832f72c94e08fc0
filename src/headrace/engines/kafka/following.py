"""A group's state topic, read to its end and followed: what all instances have done, on a thread of its own.

Rules:

1. What is told is committed, and whole commits of it: a recount of the output gives the same numbers.
2. A topic that is not there yet is waited for, a broker that is gone too; ``trouble`` says so meanwhile.
3. Adding up costs at most a twentieth of the time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from headrace.engines.kafka.commits import Commits
from headrace.engines.kafka.members import Members
from headrace.errors import HeadraceError, SourceError
from headrace.machinery.clock import now_ms
from headrace.machinery.standing import Standing
from headrace.transports.kafka.topics import find_topic
from headrace.transports.kafka.troubles import END, FINAL, TELLING, explain

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from headrace.transports.kafka.connection import Connection

_LOG = logging.getLogger("headrace.engines.kafka")
_MOST = 10_000
_WAIT = 0.1
_PAUSE = 0.5
_LEAST_PAUSE = 0.1
_SHARE = 20
_LOOK = 2.0
_READ = {
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 1,
    "isolation.level": "read_committed",
}


class Follower:
    """Knows what a group has done. ``standing`` is the last that was learnt; None before the first."""

    def __init__(self, connection: Connection, group: str, topic: str) -> None:
        self._connection, self._group, self._topic = connection, group, topic
        self._members = Members()
        self._look_at = self._add_at = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headrace-follower", daemon=True)
        self.standing: Standing | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, and wait for the thread."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def read_once(self) -> Standing:
        """Read to the end, without a thread. Raises ``SourceError`` and ``StateError``."""
        standing = self._read(once=True)
        if standing is None:
            raise SourceError(
                f"there is no state topic {self._topic!r} at {self._connection.settings.servers}: nothing has run yet"
            )
        return standing

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._read(once=False)
            except HeadraceError as error:
                self._tell_trouble(str(error))
            except KafkaException as error:
                self._tell_trouble(explain(error))
            except Exception as error:  # noqa: BLE001 whoever looks at this has to learn that it is old
                _LOG.exception("the state topic %s cannot be followed", self._topic)
                self._tell_trouble(f"{type(error).__name__}: {error}")
            self._closed.wait(_PAUSE)

    def _tell_trouble(self, told: str) -> None:
        told = self._connection.settings.redact(f"the group's statistics are not up to date: {told}") if told else ""
        self.standing = replace(self.standing or Standing(), trouble=told)

    def _read(self, *, once: bool) -> Standing | None:
        """Read the topic, to its end or until this is closed; None where there is no such topic."""
        found = find_topic(self._connection, self._topic)
        if found is None:
            return None
        reader = self._connection.open_reader(_READ)
        try:
            reader.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in range(found.partitions)])
            commits = Commits()
            left = set(range(found.partitions))
            heard, until = -1, 0.0
            while not self._closed.is_set():
                left -= self._hear(reader, commits)
                if commits.heard > heard:
                    heard, until = commits.heard, time.monotonic() + self._connection.seconds
                if left and once and time.monotonic() > until:
                    raise SourceError(f"the state topic {self._topic!r} does not come to its end")
                if not left:
                    self._note(commits)
                    if once:
                        break
        finally:
            reader.close()
        return self.standing

    def _hear(self, reader: Consumer, commits: Commits) -> set[int]:
        """Hear what is there; give the partitions that came to their end. Raises ``SourceError``, ``StateError``."""
        ended = set()
        for message in reader.consume(_MOST, _WAIT):
            error, number = message.error(), message.partition() or 0
            if error is None:
                commits.hear(message.key() or b"", message.value() or b"null")
            elif error.code() == END:
                commits.reach_end(number)
                ended.add(number)
            elif error.code() in FINAL | TELLING:
                raise self._connection.fail(SourceError, f"cannot give the state topic {self._topic!r}", error)
        return ended

    def _note(self, commits: Commits) -> None:
        """Add up now and then, and look who is there."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK
            self._look()
        if not commits.changed or now < self._add_at:
            return
        tally, done = commits.add_up(), commits.done()
        self.standing = replace(self.standing or Standing(), at=now_ms(), tally=tally, done=done)
        self._add_at = now + max(_LEAST_PAUSE, _SHARE * (time.monotonic() - now))

    def _look(self) -> None:
        try:
            members = self._members.look(self._connection, self._group)
        except KafkaException as error:
            self._tell_trouble(explain(error))
            return
        self.standing = replace(self.standing or Standing(), members=members, trouble="")
