"""Topics of their own on the session's broker, and engines over them."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from headrace.abc.observer import Observer
from headrace.core.settings import JoinSettings
from headrace.core.tally import Tally, merge_tallies
from headrace.engines.kafka.changelog import Kept, apply_change
from headrace.engines.kafka.engine import KafkaEngine
from headrace.engines.kafka.parts import Delivery, Encoders, Group, Manner, Parts, Topics
from headrace.engines.kafka.queries import Desk
from headrace.loading import LoadOptions, open_loader
from headrace.machinery.parts import Cadence
from headrace.machinery.summary import Summary
from headrace.records import Descriptor, NoModelPolicy, Publish
from headrace.stores.contents import MemoryContents
from headrace.testing.group_kills.topics import read_topic
from headrace.testing.scaling import FORMATS, write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_command, encode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import Constant, Layout
from headrace.wire.results import encode_json

HELD = JoinSettings(no_model=NoModelPolicy.HOLD, exclude=frozenset({"id"}))


@dataclass
class Rig:
    """One application: its topics, and what it takes to run instances of it."""

    bootstrap: str
    partitions: int = 2
    models: Mapping[str, str] = field(default_factory=lambda: WHOLE)
    name: str = field(default_factory=lambda: f"rig-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.connection = Connection(ClientSettings({"bootstrap.servers": self.bootstrap}))
        for what, count in (("records", self.partitions), ("results", self.partitions), ("letters", 1), ("events", 1)):
            make_topic(self.connection, Plan(self.topic(what), count, 1))
        make_topic(self.connection, Plan(self.topic("models"), 1, 1, self.models))
        self.producer = self.connection.open_producer({"enable.idempotence": True})

    def topic(self, what: str) -> str:
        return f"{self.name}-{what}"

    def publish(self, factor: int, content: bytes | None = None) -> None:
        """Publish a model that multiplies."""
        command = Publish(Descriptor("scaling", "wine", content=content or write_scaling(factor)))
        self.producer.produce(self.topic("models"), encode_command(command))
        self.producer.flush()

    def send(self, values: Sequence[Any], key: bytes | None = None) -> None:
        """Write records, numbers as {"x": number} and bytes as they are, to the partitions in turn."""
        for place, value in enumerate(values):
            content = value if isinstance(value, bytes) else json.dumps({"id": str(place), "x": float(value)})
            self.producer.produce(self.topic("records"), content, key, place % self.partitions)
        self.producer.flush()

    def engine(self, instance: str = "a", settings: JoinSettings = HELD, **options: Any) -> KafkaEngine:
        """Build an instance; ``options`` are a manner's, or observers, fixed, desk."""
        observers: Sequence[Observer] = options.pop("observers", ())
        desk: Desk | None = options.pop("desk", None)
        address = "" if desk is None else desk.address
        group = Group(f"{self.name}-group", instance, fixed=options.pop("fixed", False), address=address)
        parts = Parts(
            connection=self.connection,
            group=group,
            topics=Topics(
                {self.topic("records"): JsonCodec(Layout(Constant("wine"), id_field="id"))},
                self.topic("letters"),
                self.topic("state"),
                self.topic("results"),
                self.topic("events"),
            ),
            encoders=Encoders(
                encode_json,
                lambda letters: encode_dead_letters(letters).splitlines(),
                lambda event: msgspec.json.encode(str(getattr(event, "kind", ""))),
            ),
            models=ModelTopic(self.connection, self.topic("models"), decode_command, wait=0.02),
            loader=open_loader(LoadOptions(formats=FORMATS, warm_rows=(1,)), in_child=False),
            contents=MemoryContents(),
            manner=replace(Manner(follow=False), **options),
            observers=observers,
            desk=desk,
        )
        return KafkaEngine(settings, parts, Cadence(batch_records=50, commit=0.05, poll=0.005))

    def run(self, instance: str = "a", **options: Any) -> Summary:
        """Run an instance to the end of the records."""
        return self.engine(instance, **options).run()

    @contextmanager
    def running(self, engine: KafkaEngine) -> Iterator[list[Summary]]:
        """Run an instance on a thread of its own until the block is left; gives where its summary will be."""
        summaries: list[Summary] = []
        thread = threading.Thread(target=lambda: summaries.append(engine.run()))
        thread.start()
        try:
            yield summaries
        finally:
            engine.stop()
            thread.join()

    def read(self, what: str) -> list[Any]:
        """Read a topic's committed messages."""
        return list(read_topic(self.bootstrap, self.topic(what)))

    def results(self) -> list[dict[str, Any]]:
        """Read the committed results."""
        return [json.loads(message.value()) for message in self.read("results")]

    def scored(self) -> list[tuple[int, int]]:
        """Give partition and offset of each committed result, in order."""
        return sorted((each["partition"], each["offset"]) for each in self.results())

    def wait_for_results(self, count: int) -> None:
        """Read committed results as they come, until there are so many."""
        reader = self.connection.open_reader({"isolation.level": "read_committed", "auto.offset.reset": "earliest"})
        reader.assign([TopicPartition(self.topic("results"), number, 0) for number in range(self.partitions)])
        seen: set[tuple[int, int]] = set()
        while len(seen) < count:
            lines = [json.loads(each.value() or b"") for each in reader.consume(1_000, 0.5) if each.error() is None]
            seen |= {(line["partition"], line["offset"]) for line in lines}
        reader.close()

    def wait_for_offsets(self, count: int) -> None:
        """Wait until the group has committed so many records, and no transaction holds its offsets."""
        asker = self.connection.open_reader({"group.id": f"{self.name}-group", "isolation.level": "read_committed"})
        places = [TopicPartition(self.topic("records"), number) for number in range(self.partitions)]
        done = 0
        while done < count:
            # A broker that has just started may not know its groups yet: asked again while the test may last.
            with suppress(KafkaException):
                done = sum(max(0, each.offset) for each in asker.committed(places, timeout=60))
        asker.close()

    def tally(self) -> Tally:
        """Add up what the topic of the state holds."""
        kept = {(self.topic("records"), number): Kept() for number in range(self.partitions)}
        for message in self.read("state"):
            apply_change(kept, message.key(), message.value())
        return merge_tallies([each.tally for each in kept.values()])

    def places(self, count: int) -> list[tuple[int, int]]:
        """Give the partition and offset of each of so many records that were sent."""
        return sorted((place % self.partitions, place // self.partitions) for place in range(count))


class Waiting:
    """An observer that waits for a number of scored rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._told = threading.Condition()

    def happened(self, events: Sequence[object]) -> None:
        """Nothing."""

    def advanced(self, outcome: Any) -> None:
        """Count."""
        with self._told:
            self.rows += outcome.rows
            self._told.notify_all()

    def committed(self) -> None:
        """Nothing."""

    def wait(self, rows: int, timeout: float = 60.0) -> bool:
        """Wait until so many rows have left."""
        with self._told:
            return self._told.wait_for(lambda: self.rows >= rows, timeout)


Build = Callable[..., Rig]
EVERY_DELIVERY = list(Delivery)
