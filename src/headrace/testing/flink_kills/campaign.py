"""One campaign: records are sent while a cluster is killed, and what is committed is compared with what was sent.

Rules:

1. A record is known by its partition and offset, which its result names: so lost and doubled ones are counted exactly.
2. A kill comes once results have been committed since the last one: so each hits a job that works. It falls by turns on
   the task manager, which is started again, and on the whole cluster with the command that submitted the job; that one
   is given again, and goes on from the last checkpoint.
3. The job is asked for its statistics while it runs, and stopped with a savepoint; those in it have to be what a
   recount of the results gives.
4. Every wait has a limit that is generous, and no outcome hangs on how fast the machine is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition

from headrace.app.flink.looking import JobState
from headrace.errors import SourceError
from headrace.records import Descriptor, Publish
from headrace.testing.flink_kills.cluster import Cluster
from headrace.testing.kills.recount import Line, Times, recount
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command

PARTITIONS = 2
_PATIENCE = 600.0
_LOOK = 0.5
_SCORED = ".headrace.slot.wine.model.scaling.scored"
_FILE = """
[engine]
name = "{engine}"
checkpoints = "{name}"
checkpoint_ms = {checkpoint_ms}
delivery = "{delivery}"
transactions = "{name}"
parallelism = {parallelism}
[kafka]
"bootstrap.servers" = "{servers}"
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
schema = {{x = "double"}}
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
no_model = "hold"
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a campaign does. ``checkpoints`` False is the control, whose job has no state to go back to."""

    name: str
    engine: str
    kills: int
    batch: int = 2_000
    checkpoints: bool = True
    parallelism: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was sent, and what of it was lost or doubled.

    ``wrong`` are results that their model does not give, ``miscounted`` versions whose statistics are not those of a
    recount.
    """

    sent: int
    lost: int
    doubled: int
    wrong: int
    miscounted: int


@dataclass(slots=True)
class _Scores:
    """Reads the results as they are committed."""

    consumer: Consumer
    lines: list[Line] = field(default_factory=list)
    places: set[tuple[int, int]] = field(default_factory=set)

    def read(self, timeout: float) -> None:
        """Take in what has come."""
        for message in self.consumer.consume(10_000, timeout=timeout):
            if message.error() is None:
                line = msgspec.json.decode(message.value() or b"", type=Line)
                self.lines.append(line)
                self.places.add((line.partition, line.offset))


class Campaign:
    """A broker's topics, a cluster that runs, and a job between them."""

    def __init__(self, attempt: Attempt, client: ClientSettings, cluster: Cluster, python: Path, folder: Path) -> None:
        self._attempt, self._client, self._cluster = attempt, client, cluster
        self._python, self._folder = python, folder
        self._connection = Connection(client)
        self._sent = 0
        self._job: subprocess.Popen[bytes] | None = None
        reading = {"group.id": attempt.name, "isolation.level": "read_committed"}
        self._scores = _Scores(Consumer({**client.tell("consumer"), **reading}))

    def run(self) -> Verdict:
        """Run it. Raises ``SourceError`` where the job does not go on."""
        attempt, scores = self._attempt, self._scores
        self._make_topics()
        self._write_configuration()
        scores.consumer.assign([TopicPartition(f"{attempt.name}-results", each, 0) for each in range(PARTITIONS)])
        try:
            self._submit()
            for number in range(attempt.kills):
                self._send()
                self._await_results(self._sent - attempt.batch // 2)
                self._publish(number + 2)
                self._kill(whole=number % 2 == 1)
            self._send()
            self._await_results(self._sent)
            if attempt.checkpoints:
                self._await_statistics()
            self._stop()
            scores.read(timeout=5)
        finally:
            self._abandon()
            scores.consumer.close()
        return self._judge()

    def _judge(self) -> Verdict:
        lines = self._scores.lines
        wrong = sum(line.outputs["y"] != line.offset * (line.position + 1) for line in lines)
        told = self._ask()
        counted = recount(lines)
        miscounted = sum(told.get(position) != counted.get(position) for position in told.keys() | counted.keys())
        found = len(self._scores.places)
        return Verdict(self._sent, self._sent - found, len(lines) - found, wrong, miscounted)

    def _make_topics(self) -> None:
        for what in ("records", "results", "letters"):
            make_topic(self._connection, Plan(f"{self._attempt.name}-{what}", PARTITIONS))
        make_topic(self._connection, Plan(f"{self._attempt.name}-models", 1, settings=WHOLE))
        self._publish(1)

    def _write_configuration(self) -> None:
        attempt = self._attempt
        text = _FILE.format(
            engine=attempt.engine,
            name=attempt.name,
            servers=self._client.servers,
            parallelism=attempt.parallelism,
            checkpoint_ms=1_000 if attempt.checkpoints else 86_400_000,
            delivery="exactly-once" if attempt.checkpoints else "none",
        )
        (self._folder / f"{attempt.name}.toml").write_text(text)

    def _submit(self) -> None:
        file = self._folder / f"{self._attempt.name}.toml"
        command = [str(self._python), "-m", "headrace", "run", str(file), "--", "--jobmanager", self._cluster.address]
        with file.with_suffix(".out").open("ab") as out:
            self._job = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603

    def _kill(self, *, whole: bool) -> None:
        if not whole:
            self._cluster.kill_worker()
            self._cluster.start_worker()
            return
        self._cluster.kill()
        self._abandon()
        self._cluster.start()
        self._submit()

    def _abandon(self) -> None:
        """Kill the command that submitted the job; on the cluster the job goes on."""
        if self._job is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._job.pid, signal.SIGKILL)
            self._job.wait()

    def _stop(self) -> None:
        assert self._job is not None
        self._job.send_signal(signal.SIGTERM)
        if self._job.wait(_PATIENCE):
            raise SourceError(f"the job cannot be stopped: {self._read_output()}")

    def _publish(self, factor: int) -> None:
        """Publish a model: its factor is its position + 1."""
        producer = self._connection.open_producer({"enable.idempotence": True})
        descriptor = Descriptor("scaling", "wine", content=write_scaling(factor))
        producer.produce(f"{self._attempt.name}-models", encode_command(Publish(descriptor)))
        producer.flush(60)

    def _send(self) -> None:
        producer = self._connection.open_producer({"enable.idempotence": True})
        for number in range(self._sent, self._sent + self._attempt.batch):
            value = b'{"x": %d}' % (number // PARTITIONS)
            producer.produce(f"{self._attempt.name}-records", value, partition=number % PARTITIONS)
        producer.flush(60)
        self._sent += self._attempt.batch

    def _await_results(self, count: int) -> None:
        until = time.monotonic() + _PATIENCE
        while len(self._scores.places) < count:
            self._scores.read(timeout=1)
            if self._job is not None and self._job.poll() is not None:
                raise SourceError(f"the job has ended: {self._read_output()}")
            if time.monotonic() > until:
                raise SourceError(f"{len(self._scores.places)} of {count} results after {_PATIENCE:g} s")

    def _ask(self) -> Times:
        """Ask for what each version has scored, and how fast, over all tasks."""
        view = JobState((self._folder / self._attempt.name).as_uri()).read_view()
        return {
            each.position: (each.timing.count, each.timing.total_ns, each.timing.min_ns, each.timing.max_ns)
            for each in view.versions
            if each.timing.count
        }

    def _await_statistics(self) -> None:
        """Ask the running job until it tells of all that was sent, and Flink's metrics of what came last."""
        until = time.monotonic() + _PATIENCE
        while (told := sum(count for count, *_ in self._ask().values())) != self._sent:
            if time.monotonic() > until:
                raise SourceError(f"the job tells of {told} records after {_PATIENCE:g} s, and {self._sent} were sent")
            time.sleep(_LOOK)
        while self._cluster.read_gauges(_SCORED) < self._attempt.batch:
            if time.monotonic() > until:
                raise SourceError(f"Flink's metrics tell of no {self._attempt.batch} records after {_PATIENCE:g} s")
            time.sleep(_LOOK)

    def _read_output(self) -> str:
        return (self._folder / f"{self._attempt.name}.out").read_text()[-2_000:]
