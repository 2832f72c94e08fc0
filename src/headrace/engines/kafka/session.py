"""One session in the group: from joining it to leaving it, or until it lapses.

Rules:

1. A partition's tally and progress are what is committed plus what was written since; both go into the next commit.
2. A commit is due ``commit`` seconds after the last one, before partitions are given away, and at the end.
3. What a session did counts once it is committed.
4. A commit that comes while the group shares its partitions out anew fails: the session goes back to what is committed,
   and stays in the group.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from confluent_kafka import KafkaException, TopicPartition

from headrace.core.statistics import Counts
from headrace.core.tally import Tally
from headrace.engines.kafka.client import LapseError, StaleError
from headrace.engines.kafka.membership import Membership
from headrace.engines.kafka.offsets import Committed, UnsettledError, claim, find_committed
from headrace.engines.kafka.outlets import Outlets
from headrace.engines.kafka.parts import Delivery
from headrace.engines.kafka.reporting import report_slots
from headrace.engines.kafka.restoring import find_kept, restore
from headrace.engines.kafka.settings import MOST_BYTES, find_lasting, tell_consumer, tell_producer
from headrace.engines.kafka.topics import look_at_topics
from headrace.errors import SourceError
from headrace.transports.kafka.troubles import explain

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from headrace.core.join import Join, Outcome
    from headrace.core.partition import PartitionKey
    from headrace.engines.kafka.parts import Parts
    from headrace.machinery.audience import Audience
    from headrace.machinery.inventory import Inventory
    from headrace.machinery.parts import Cadence


_LOG = logging.getLogger("headrace.engines.kafka")


class Host(Protocol):
    """What outlives a session: the engine."""

    join: Join
    parts: Parts
    cadence: Cadence
    inventory: Inventory
    audience: Audience
    counts: dict[str, int]

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the engine to end."""

    def forget_contents(self) -> None:
        """Forget the bytes of models that nothing names any more."""

    def note_report(self, report: tuple[Mapping[str, Any], ...]) -> None:
        """Take note of what this instance is to tell of its slots."""


class Session:
    """Moves batches between the topics and the join, as one member of the group."""

    def __init__(self, engine: Host) -> None:
        self._engine, self._parts, self._join = engine, engine.parts, engine.join
        self.tallies: dict[PartitionKey, Tally] = {}
        self.committed = Counts()
        self._uncommitted = Counts()
        self._dirty: set[PartitionKey] = set()
        self._told = self._stale = False
        self._commit_at = 0.0
        self._outlet = self._parts.outlet(self._parts.connection, tell_producer(self._parts))
        self._member = Membership(
            self._parts.connection, tell_consumer(self._parts), list(self._parts.topics.records), self
        )
        self._outlets: Outlets | None = None

    def run(self) -> None:
        """Serve until the engine is to stop, or all is done. Raises ``LapseError`` and what ends the engine."""
        topics, manner = self._parts.topics, self._parts.manner
        # Once: a broker that is gone later is waited for, and does not end the engine.
        counts = self._engine.counts = self._engine.counts or look_at_topics(self._parts.connection, topics)
        most = int(tell_producer(self._parts).get("message.max.bytes", MOST_BYTES))
        self._outlets = Outlets(topics, self._parts.encoders, counts, headers=manner.headers, most=most)
        self._outlet.open()
        self._member.join()
        self._schedule()
        while not self._engine.stopping and not self._finished():
            self._step()
        while self._score():
            pass
        self._tell()
        self._commit()

    @property
    def waiting(self) -> int:
        """How many rows wait for a model."""
        return sum(partition.waiting for partition in self._join.partitions.values())

    def _step(self) -> None:
        moved = self._engine.inventory.poll()
        self._press_back()
        wait = 0.0 if moved else min(self._engine.cadence.poll, max(0.0, self._commit_at - time.monotonic()))
        raws = self._member.fetch(self._engine.cadence.batch_records, wait)
        if self._stale:
            self._rewind()
            return
        for raw in raws:
            self._join.offer(self._parts.topics.records[raw.source].decode(raw))
        self._score()
        self._tell()
        if time.monotonic() >= self._commit_at:
            try:
                self._commit()
            except StaleError as error:
                _LOG.info("went back to what is committed: %s", error)
                self._rewind()

    def _rewind(self) -> None:
        """Go back to what is committed, with the partitions that are still here."""
        keys = list(self._member.partitions)
        self._drop_uncommitted()
        self.release(keys)
        for key, begin in self.take(keys, self._member.consumer).items():
            self._member.seek(key, begin)
        self._schedule()

    def _drop_uncommitted(self) -> None:
        self._stale = self._told = False
        self._uncommitted = Counts()
        self._dirty.clear()

    def _press_back(self) -> None:
        """Hold back the partitions of which the join has enough."""
        for key in self._member.partitions:
            self._member.hold(key, back=not self._join.wants(key))

    def _score(self) -> bool:
        """Score and write what can be scored now; tell whether there was anything."""
        moved = False
        for key in self._member.partitions:
            while self._join.partitions[key].queue:
                outcome = self._join.advance(key)
                if not outcome:
                    break
                self._write(key, outcome)
                moved = True
        for model in self._join.take_closing():
            model.close()
        return moved

    def _write(self, key: PartitionKey, outcome: Outcome) -> None:
        assert self._outlets is not None
        self._outlets.write(self._outlet, outcome)
        before = self.tallies[key].totals()
        self.tallies[key].add(outcome)
        self._uncommitted.add(_subtract(self.tallies[key].totals(), before))
        self._dirty.add(key)
        self._engine.audience.tell(lambda observer: observer.advanced(outcome))

    def _tell(self) -> None:
        events = self._join.models.events()
        if events:
            for event in events:
                if self._outlets is not None:
                    self._outlets.write_event(self._outlet, event, self._parts.group.instance)
            self._told = True
            self._engine.audience.tell(lambda observer: observer.happened(events))

    def _commit(self) -> None:
        if self._dirty or self._told:
            assert self._outlets is not None
            offsets = []
            for key in self._dirty:
                progress = self._join.partitions[key].progress
                self._outlets.write_state(self._outlet, key, progress, self.tallies[key])
                offsets.append(TopicPartition(*key, progress.done + 1))
            self._outlet.commit(offsets, self._member.consumer)
            self.committed.add(self._uncommitted)
            self._uncommitted = Counts()
            self._dirty.clear()
            self._told = False
            self._engine.audience.tell(lambda observer: observer.committed())
            self._engine.forget_contents()
            self._engine.note_report(report_slots(self._join.models, self.tallies.values()))
        self._schedule()

    def _schedule(self) -> None:
        self._commit_at = time.monotonic() + self._engine.cadence.commit

    def _finished(self) -> bool:
        if self._parts.manner.follow or not self._member.at_end or self._join.models.loading:
            return False
        return not self._join.blocked or self._engine.inventory.ended

    def take(self, keys: Sequence[PartitionKey], consumer: Consumer) -> dict[PartitionKey, int]:
        """Take partitions in with what is kept of them; give the offset at which each begins."""
        committed = self._find_committed(keys, consumer)
        kept = restore(self._parts.connection, self._parts.topics.state, committed)
        begins = {}
        for key in keys:
            self._join.assign(key, kept[key].progress)
            self.tallies[key] = kept[key].tally
            begun = committed[key].offset >= 0 or kept[key].progress.done >= 0
            begins[key] = self._begin(key, kept[key].progress.done + 1 if begun else -1, consumer)
        return begins

    def _find_committed(self, keys: Sequence[PartitionKey], consumer: Consumer) -> dict[PartitionKey, Committed]:
        connection = self._parts.connection
        try:
            return find_committed(connection, consumer, keys, self._parts.group.name, find_lasting(self._parts))
        except UnsettledError as error:
            _LOG.warning("%s: going on by the state topic, which was written with them", error)
            kept = find_kept(connection, self._parts.topics.state, keys)
            return {key: Committed(offset) for key, offset in kept.items()}

    def _begin(self, key: PartitionKey, following: int, consumer: Consumer) -> int:
        low, high = self._find_watermarks(key, consumer)
        if following < 0:
            following = low if self._parts.manner.from_start else high
            if self._parts.manner.delivery is Delivery.EXACTLY_ONCE:
                claim(consumer, key, following)
        if low <= following <= high:
            return following
        if not self._parts.manner.skip_lost:
            raise SourceError(
                f"{key[0]}, partition {key[1]}: the next record is {following}, and the topic holds {low} to {high} by "
                "now: records are gone by retention or deletion, or the topic was made anew. To go on without them "
                'set lost_records = "skip"'
            )
        return low

    def _find_watermarks(self, key: PartitionKey, consumer: Consumer) -> tuple[int, int]:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(*key), timeout=30)
        except KafkaException as error:
            raise LapseError(explain(error)) from error
        return int(low), int(high)

    def give_up(self, keys: Sequence[PartitionKey], consumer: Consumer) -> None:  # noqa: ARG002
        """Commit, and let partitions go; where the group has moved on already, without."""
        try:
            self._commit()
        except StaleError as error:
            _LOG.info("gave partitions away without a commit: %s", error)
            self._drop_uncommitted()
            self._stale = True
        self.release(keys)

    def release(self, keys: Sequence[PartitionKey]) -> None:
        """Let partitions go as they are."""
        for key in keys:
            if key in self._join.partitions:
                self._join.release(key)
            self.tallies.pop(key, None)
            self._dirty.discard(key)

    def close(self) -> None:
        """Give up what was not committed, and leave the group."""
        self._outlet.close()
        self.release(list(self.tallies))
        with suppress(KafkaException, RuntimeError):
            self._member.close()


def _subtract(after: Counts, before: Counts) -> Counts:
    return replace(
        after,
        received=after.received - before.received,
        scored=after.scored - before.scored,
        dead_lettered=after.dead_lettered - before.dead_lettered,
        skipped=after.skipped - before.skipped,
    )
