"""A query that goes by event time, killed again and again; then what came out is held against what had to come out.

Rules:

1. Which version scores a record is known beforehand, since both logs are: factor i + 1 from time i * span on. So what a
   run without kills would give need not be run.
2. A kill falls once results have come since the last: either on the driver, which is started again, or on an executor,
   which Spark replaces.
3. A record closes each partition: with it the watermark passes all others.
4. What the workers have written of each version to a database has to be a recount of the results, each record once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.app.statistics import KeptStatistics, StatisticsSection
from headrace.errors import SourceError
from headrace.monitor.view import View
from headrace.records import Descriptor, Publish
from headrace.testing.scaling import write_scaling
from headrace.testing.spark_kills.processes import DRIVER, EXECUTOR, find, kill, kill_group
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import Plan as TopicPlan
from headrace.transports.kafka.topics import make_topic
from headrace.wire.descriptor import encode_command

MASTER = "local-cluster[2,1,1024]"
PARTITIONS = 2
VERSIONS = 5
_LAST = 10**9
_FILE = """
[engine]
name = "spark"
checkpoint = "checkpoint"
master = "{master}"
partitions = 2
batch_records = {batch}
delay_ms = 1
salts = 2
[statistics]
database = "sqlite:///statistics.db"
[kafka]
"bootstrap.servers" = "{servers}"
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
id = "id"
time = "at"
schema = {{id = "string", at = "int64", x = "double"}}
[models]
topic = "{name}-models"
[results]
topic = "{name}-results"
[dead_letters]
topic = "{name}-letters"
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
mode = "event-time"
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign does. ``patience`` is how many seconds may pass without a result."""

    bootstrap: str
    name: str
    kills: int = 10
    records: int = 20_000
    seed: int = 0
    master: str = MASTER
    patience: float = 600.0

    @property
    def span(self) -> int:
        """How many milliseconds of record time a version serves."""
        return self.records // VERSIONS

    def choose(self, number: int) -> int:
        """Give the position of the version that scores a record."""
        return min(number // self.span, VERSIONS - 1)

    def expect(self, number: int) -> float:
        """Give the score of a record."""
        return float(number * (self.choose(number) + 1))


@dataclass(slots=True)
class Verdict:
    """What came out. ``duplicated`` counts results beyond the first of each record.

    ``miscounted`` are versions of which the statistics tell another count of records.
    """

    lost: int = 0
    miscounted: int = 0
    duplicated: int = 0
    wrong: int = 0
    driver_kills: int = 0
    executor_kills: int = 0


@dataclass(slots=True)
class _Scores:
    """Reads the results as they come."""

    consumer: Consumer
    found: dict[str, list[float]] = field(default_factory=dict)

    def read(self) -> None:
        for message in self.consumer.consume(10_000, timeout=0.5):
            if message.error() is None:
                result = json.loads(message.value() or b"")
                self.found.setdefault(result["id"], []).append(result["outputs"]["y"])

    def await_count(self, count: int, running: Callable[[], None], patience: float) -> bool:
        """Wait until so many records have a result; False where no more come."""
        since, seen = time.monotonic(), len(self.found)
        while len(self.found) < count:
            running()
            self.read()
            if len(self.found) > seen:
                since, seen = time.monotonic(), len(self.found)
            if time.monotonic() - since > patience:
                return False
        return True


class Campaign:
    """Fills the topics, runs the query, kills, and judges."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._plan, self._folder, self._tell = plan, folder, tell
        self._random = random.Random(plan.seed)  # noqa: S311 it chooses what is killed
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> Verdict:
        """Run it. Raises ``SourceError`` where the query does not go on."""
        plan, verdict = self._plan, Verdict()
        self._fill()
        consumer = Consumer({"bootstrap.servers": plan.bootstrap, "group.id": f"{plan.name}-look"})
        consumer.assign([TopicPartition(f"{plan.name}-results", each, 0) for each in range(PARTITIONS)])
        scores = _Scores(consumer)
        try:
            self._start()
            for number in range(plan.kills):
                if scores.await_count(plan.records * (number + 1) // (plan.kills + 2), self._check, plan.patience):
                    self._kill(number, verdict)
            scores.await_count(plan.records, self._check, plan.patience)
            self._end()
            scores.read()
        finally:
            if self._child is not None:
                kill_group(self._child.pid)
                self._child.wait()
            consumer.close()
        verdict.lost = plan.records - len(scores.found)
        verdict.duplicated = sum(len(each) - 1 for each in scores.found.values())
        counted = Counter(plan.choose(int(name)) for name in scores.found)
        told = {each.position: each.records for each in self._read_view().versions if each.records}
        versions = counted.keys() | told.keys()
        verdict.miscounted = sum(told.get(each) != counted.get(each) for each in versions)
        verdict.wrong = sum(set(each) != {plan.expect(int(name))} for name, each in scores.found.items())
        return verdict

    def _read_view(self) -> View:
        return KeptStatistics(StatisticsSection(database="sqlite:///statistics.db").place(self._folder)).read_view()

    def _fill(self) -> None:
        plan = self._plan
        connection = Connection(ClientSettings({"bootstrap.servers": plan.bootstrap}))
        for what in ("records", "results", "letters"):
            make_topic(connection, TopicPlan(f"{plan.name}-{what}", PARTITIONS))
        # Messages keep the times that they are given, and stay though those are long past.
        make_topic(connection, TopicPlan(f"{plan.name}-models", 1, settings={"retention.ms": "-1"}))
        producer = Producer(
            {
                "bootstrap.servers": plan.bootstrap,
                "queue.buffering.max.messages": 10_000_000,
                "enable.idempotence": True,
            }
        )
        for version in range(VERSIONS):
            command = Publish(Descriptor(f"version {version}", "wine", content=write_scaling(version + 1)))
            producer.produce(f"{plan.name}-models", encode_command(command), timestamp=version * plan.span + 1)
        for number in range(1, plan.records + 1):
            value = json.dumps({"id": str(number), "at": number + 1, "x": number}).encode()
            producer.produce(f"{plan.name}-records", value, partition=number % PARTITIONS)
        for partition in range(PARTITIONS):
            value = json.dumps({"id": "0", "at": _LAST, "x": 0}).encode()
            producer.produce(f"{plan.name}-records", value, partition=partition)
        producer.flush()
        batch = max(100, plan.records // (4 * (plan.kills + 2)))
        text = _FILE.format(name=plan.name, servers=plan.bootstrap, master=plan.master, batch=batch)
        (self._folder / "spark.toml").write_text(text)

    def _start(self) -> None:
        command = [sys.executable, "-m", "headrace", "run", str(self._folder / "spark.toml")]
        with (self._folder / "headrace.log").open("ab") as log:
            self._child = subprocess.Popen(command, stderr=log, start_new_session=True)  # noqa: S603

    def _check(self) -> None:
        assert self._child is not None
        if self._child.poll() is not None:
            told = (self._folder / "headrace.log").read_text().strip().split("\n")[-1]
            raise SourceError(f"the query ended by itself: {told}")

    def _kill(self, number: int, verdict: Verdict) -> None:
        assert self._child is not None
        group = self._child.pid
        executors = find(group, EXECUTOR)
        if number % 2 and executors:
            kill(self._random.choice(executors))
            verdict.executor_kills += 1
            self._tell(f"kill {number + 1}: an executor")
            return
        for pid in find(group, DRIVER):
            kill(pid)
        kill(group)
        self._child.wait()
        kill_group(group)
        verdict.driver_kills += 1
        self._tell(f"kill {number + 1}: the driver")
        self._start()

    def _end(self) -> None:
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGTERM)
        self._child.wait()
