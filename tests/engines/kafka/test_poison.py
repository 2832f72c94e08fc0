"""Twenty kinds of records that cannot be scored, one in a thousand: each is a dead letter, and the rest are scored."""

from __future__ import annotations

import gzip
import json
import logging

import pytest

from headrace.core.statistics import Counts
from headrace.testing.broker import Broker
from headrace.wire.dead_letters import decode_dead_letter
from tests.engines.kafka.rig import Rig

pytestmark = pytest.mark.slow

KINDS: dict[str, bytes | None] = {
    "a tombstone": None,
    "nothing": b"",
    "null": b"null",
    "a number": b"7",
    "a text": b'"x"',
    "a list": b'[{"x": 1.0}]',
    "cut short": b'{"id": "1", "x": 1.',
    "two objects": b'{"x": 1.0}{"x": 2.0}',
    "not UTF-8": b'{"id": "\xff\xfe", "x": 1.0}',
    "UTF-16": '{"x": 1.0}'.encode("utf-16"),
    "zeros": bytes(64),
    "compressed": gzip.compress(b'{"x": 1.0}'),
    "nested without end": b'{"x":' * 20_000,
    "large garbage": b"{" * 900_000,
    "a text for a number": b'{"id": "1", "x": "much"}',
    "a list for a number": b'{"id": "1", "x": [1.0]}',
    "half a character": b'{"id": "\\ud800", "x": 1.0}',
    "NaN as JSON has none": b'{"id": "1", "x": NaN}',
    "a comma too many": b'{"id": "1", "x": 1.0,}',
    "XML": b"<record><x>1.0</x></record>",
}
EVERY, ROUNDS = 1_000, 2


@pytest.mark.timeout(300)
def test_poison_is_set_aside_and_nothing_else_is_lost(kafka_broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "headrace.engines.kafka")
    rig = Rig(kafka_broker.bootstrap)
    rig.publish(2)
    count = EVERY * len(KINDS) * ROUNDS
    poison = list(KINDS.values())
    bad = set()
    for place in range(count):
        offset, partition = divmod(place, rig.partitions)
        if place % EVERY == EVERY // 2:
            value = poison[place // EVERY % len(poison)]
            bad.add((partition, offset))
        else:
            value = json.dumps({"id": str(place), "x": float(place)}).encode()
        rig.producer.produce(rig.topic("records"), value, None, partition)
    rig.producer.flush()

    summary = rig.run()
    assert Counts(received=count, scored=count - len(bad), dead_lettered=len(bad)) == summary.counts
    letters = [decode_dead_letter(message.value()) for message in rig.read("letters")]
    assert sorted(bad) == sorted((letter.partition, letter.offset) for letter in letters)
    assert sorted(set(rig.places(count)) - bad) == rig.scored()
    assert "began again" not in caplog.text
