"""What leaves the join, as messages.

Rules:

1. A result goes to the partition of its topic that has its record's number (modulo their count), so that results keep
   the order of their records; it has its record's key.
2. Values say everything; headers repeat the provenance for programs that do not look into values. Without headers a
   whole batch is handed to the client at once.
3. A dead letter that is too large for a message goes without the record's bytes: it says where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.engines.kafka.batches import PIECE
from headrace.engines.kafka.changelog import encode_changes
from headrace.wire.dead_letters import SPARE, leave_out

if TYPE_CHECKING:
    from headrace.core.join import Outcome
    from headrace.core.partition import PartitionKey, Progress
    from headrace.core.tally import Tally
    from headrace.engines.kafka.parts import Encoders, Topics
    from headrace.engines.kafka.producing import Header, Outlet
    from headrace.records import DeadLetters, ModelVersion, Results


class Outlets:
    """Writes to the topics; ``counts`` gives the number of partitions of each, ``most`` the bytes of a message."""

    def __init__(
        self, topics: Topics, encoders: Encoders, counts: dict[str, int], *, headers: bool, most: int = 1_000_000
    ) -> None:
        self._topics, self._encoders, self._counts = topics, encoders, counts
        self._most = most - SPARE
        self._headers = headers

    def write(self, outlet: Outlet, outcome: Outcome) -> None:
        """Write results and dead letters."""
        if self._topics.results:
            for results in outcome.results:
                self._write_results(outlet, results)
        for letters in outcome.dead_letters:
            self._write_letters(outlet, letters)

    def _write_results(self, outlet: Outlet, results: Results) -> None:
        topic, raw = self._topics.results, results.batch.raw
        values = self._encoders.results(results)
        keys = None if raw.keys is None else raw.keys.take(pa.array(results.rows))
        partition = raw.partition % self._counts[topic]
        if not self._headers:
            for start in range(0, len(values), PIECE):
                part = slice(start, start + PIECE)
                outlet.send(topic, _list_messages(values[part], None if keys is None else keys[part]), partition)
            return
        headers = [_describe(version) for version in results.versions]
        outlet.make_room(len(values))
        for row, message in enumerate(_list_messages(values, keys)):
            version = headers[results.version_of[row]]
            outlet.send_one(topic, message["value"], message.get("key"), partition, version)

    def _write_letters(self, outlet: Outlet, letters: DeadLetters) -> None:
        topic, raw = self._topics.dead_letters, letters.batch.raw
        partition = raw.partition % self._counts[topic]
        outlet.make_room(len(letters))
        model = [] if letters.version is None else _describe(letters.version)
        for failure, whole in zip(letters.failures, self._encoders.dead_letters(letters), strict=True):
            value = whole
            key = None if raw.keys is None else raw.keys[failure.row].as_py()
            if len(value) + len(key or b"") > self._most:
                (value,), key = self._encoders.dead_letters(leave_out(letters, failure)), None
            place: list[Header] = [
                ("code", failure.code.encode()),
                ("source", raw.source.encode()),
                ("partition", str(raw.partition).encode()),
                ("offset", str(raw.offsets[failure.row]).encode()),
            ]
            outlet.send_one(topic, value, key, partition, [*place, *model])

    def write_event(self, outlet: Outlet, event: object, instance: str) -> None:
        """Write one event of a model's life, as this instance saw it."""
        if self._topics.events:
            headers: list[Header] = [("instance", instance.encode())]
            outlet.send_one(self._topics.events, self._encoders.event(event), None, 0, headers)

    def write_state(self, outlet: Outlet, key: PartitionKey, progress: Progress, tally: Tally) -> None:
        """Write what has changed of a partition."""
        messages = [{"key": name, "value": value} for name, value in encode_changes(key, progress, tally)]
        outlet.send(self._topics.state, messages, key[1])


def _describe(version: ModelVersion) -> list[Header]:
    named = {
        "model": version.name,
        "version": version.version,
        "digest": version.digest,
        "position": str(version.position),
    }
    return [(name, value.encode()) for name, value in named.items()]


def _list_messages(values: pa.Array, keys: pa.Array | None) -> list[dict[str, Any]]:
    if keys is None:
        return [{"value": value} for value in values.to_pylist()]
    return [{"value": value, "key": key} for value, key in zip(values.to_pylist(), keys.to_pylist(), strict=True)]
