"""How long a record waits: open loop, from the moment at which it is due to when its result is read.

Sender, server and reader are processes of their own, on one machine with the broker; the sender and the reader are the
same for all servers. Where a model arrives, the window is from its sending to one second after the first result of it,
held against an equal one just before. Each run is a new server on new topics.
"""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.embedded.models import Forest, write_wines
from benchmarks.figures import Figures, spread
from benchmarks.kafka.peers.streams import Streams
from benchmarks.kafka.topics import make_topics, publish, publish_to_peers

Floats = npt.NDArray[np.float64]

AFTER = 1.0
SETTLED = 12.0
"""Seconds between the publisher's start, which costs, and its sending: the quiet window lies there."""
PATIENCE = 90.0
SHARES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
NEWCOMER = "newcomer"
_PROBE = b"probe"
_FETCH = {"fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 1, "enable.auto.commit": False, "group.id": "reader"}
Serve = Callable[[str], list[str]]
IsNew = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Server:
    """What is measured: its command for a topic, how its models are published, and how its results are told apart."""

    name: str
    command: Serve
    kind: str
    results: str
    is_new: IsNew


@dataclass(frozen=True, slots=True)
class Times:
    """How long a run warms and measures, in seconds."""

    warm: float
    measure: float


def list_servers(bootstrap: str, streams: Streams | None) -> list[Server]:
    """List the servers: the engine, and Kafka Streams where it could be built, under both guarantees."""
    servers = []
    for name in ("engine, at least once", "engine, exactly once"):

        def run(topic: str, arm: str = name) -> list[str]:
            return [sys.executable, "-m", "benchmarks.kafka.arms", arm, bootstrap, topic, "0", ""]

        servers.append(Server(name, run, "engine", "results", lambda it: b'"position":0,' not in it))
    for guarantee in ("at least once", "exactly once") if streams is not None else ():
        assert streams is not None

        def serve(topic: str, exactly: bool = guarantee == "exactly once", built: Streams = streams) -> list[str]:
            names = topic, f"{topic}-peers-models", f"{topic}-peers-results"
            return built.command(bootstrap, *names, total=0, exactly_once=exactly)

        servers.append(
            Server(
                f"Kafka Streams, {guarantee}",
                serve,
                "peers",
                "peers-results",
                lambda it: it[:4] != bytes(4),
            )
        )
    return servers


def measure_latency(
    figures: Figures, bootstrap: str, servers: list[Server], forest: Forest, rate: int, times: Times, rounds: int
) -> None:
    """Print what records wait at a steady rate."""
    taken: dict[str, list[Floats]] = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers[:: -1 if number % 2 else 1]:
            with Run(bootstrap, server, forest.content, rate) as run:
                waits = run.read_until(times.warm + times.measure)
                taken[server.name].append(waits[int(times.warm * rate) : int((times.warm + times.measure) * rate)])
    for name, runs in taken.items():
        told = ", ".join(f"{share} {spread([at(run, share) for run in runs])[1]:.1f}" for share in SHARES)
        figures.tell(f"{name}, {rate:,} records/s, ms", told)


def measure_arrival(
    figures: Figures, bootstrap: str, servers: list[Server], forests: tuple[Forest, Forest], times: Times, rounds: int
) -> None:
    """Print what records wait while a model arrives, at 1,000 records a second."""
    first, second = forests
    rate = 1_000
    taken: dict[str, list[tuple[Floats, Floats]]] = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers[:: -1 if number % 2 else 1]:
            with Run(bootstrap, server, first.content, rate) as run:
                run.read_until(times.warm)
                sent = run.publish(second.content)
                waits, switched = run.read_past_switch()
                begin, end = (int((at - run.began) * rate) for at in (sent, switched + AFTER))
                taken[server.name].append((waits[max(0, 2 * begin - end) : begin], waits[begin:end]))
    for name, runs in taken.items():
        for share in SHARES:
            both = [spread([at(run[place], share) for run in runs])[1] for place in (0, 1)]
            figures.tell(
                f"{name}, {second.name} arrive, {share}, quiet and switch, ms", f"{both[0]:.1f} and {both[1]:.1f}"
            )
        worst = ", ".join(f"{each:.0f}" for each in sorted(at(run[1], "max") for run in runs))
        figures.tell(f"{name}, {second.name} arrive, greatest wait of each run, ms", worst)


def at(waits: Floats, share: str) -> float:
    """Give a percentile."""
    return float(np.percentile(waits, SHARES[share]))


class Run:
    """One server at work under load; a context manager. ``began``: when the first record was due."""

    def __init__(self, bootstrap: str, server: Server, model: bytes, rate: int) -> None:
        self.topic = f"run-{uuid.uuid4().hex[:8]}"
        self.began = 0.0
        self._bootstrap, self._server, self._rate = bootstrap, server, rate
        self._read = np.full(rate * int(PATIENCE * 2), np.nan)
        self._switched = 0.0
        make_topics(bootstrap, self.topic)
        (publish if server.kind == "engine" else publish_to_peers)(bootstrap, self.topic, "first", model)
        settings = {"bootstrap.servers": bootstrap, "isolation.level": "read_committed", **_FETCH}
        self._consumer = Consumer(settings)
        self._consumer.assign([TopicPartition(f"{self.topic}-{server.results}", 0, 0)])
        self._serving = subprocess.Popen(server.command(self.topic), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._sending: subprocess.Popen[str] | None = None
        self._publisher: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Wait until the server scores, and let the records come."""
        producer = Producer({"bootstrap.servers": self._bootstrap})
        value, end, sent = write_wines(1)[0].as_py(), time.monotonic() + PATIENCE, 0.0
        while not self._poll(0.1):
            if time.monotonic() > end:
                raise SystemExit(f"{self._server.name}: no result in {PATIENCE:.0f} s")
            if time.monotonic() > sent + 1:  # a peer drops what comes before its model
                producer.produce(self.topic, value, _PROBE, 0)
                producer.flush()
                sent = time.monotonic()
        numbers = map(str, (self._rate, len(self._read)))
        command = [sys.executable, "-m", "benchmarks.kafka.load", self._bootstrap, self.topic, *numbers]
        self._sending = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._sending.stdin is not None
        assert self._sending.stdout is not None
        self._sending.stdout.readline()
        self.began = time.monotonic() + 0.5
        self._sending.stdin.write(f"{self.began}\n")
        self._sending.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        """End sender and server."""
        for process in (self._publisher, self._sending, self._serving):
            if process is not None:
                _end(process)
        self._consumer.close()

    def publish(self, content: bytes) -> float:
        """Have a model published by a process of its own; give when that began."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            given = self._bootstrap, self.topic, self._server.kind, NEWCOMER, file.name
            command = [sys.executable, "-m", "benchmarks.kafka.publisher", *given]
            publisher = self._publisher = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert publisher.stdin is not None
            assert publisher.stdout is not None
            while not select.select([publisher.stdout], [], [], 0)[0]:
                self._poll(0.01)
            publisher.stdout.readline()
            self.read_until(time.monotonic() - self.began + SETTLED)
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            return float(publisher.stdout.readline())

    def read_until(self, seconds: float) -> Floats:
        """Read the results of all records that are due within so many seconds; give what each waited, in ms."""
        return self._read_to(int(seconds * self._rate))

    def read_past_switch(self) -> tuple[Floats, float]:
        """Read on to ``AFTER`` the first result of the new model; give all waits, and when that was."""
        end = time.monotonic() + PATIENCE
        while not self._switched:
            self._poll(0.1)
            if time.monotonic() > end:
                raise SystemExit(f"{self._server.name}: the new model does not serve")
        return self._read_to(int((self._switched + AFTER - self.began) * self._rate)), self._switched

    def _read_to(self, count: int) -> Floats:
        end = max(time.monotonic(), self.began + count / self._rate) + PATIENCE
        while np.isnan(self._read[:count]).any():
            for _ in range(self._rate // 10):
                self._poll(0.1)
            if time.monotonic() > end:
                raise SystemExit(f"{self._server.name}: {int(np.isnan(self._read[:count]).sum())} results are missing")
        waits: Floats = (self._read[:count] - self.began - np.arange(count) / self._rate) * 1e3
        return waits

    def _poll(self, seconds: float) -> bool:
        message = self._consumer.poll(seconds)
        if message is None or message.error() is not None:
            return False
        now, key, value = time.monotonic(), message.key(), message.value()
        assert key is not None
        assert value is not None
        if key == _PROBE:
            return True
        self._read[int(key)] = now
        if not self._switched and self._server.is_new(value):
            self._switched = now
        return True


def _end(process: subprocess.Popen[Any]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
