"""``headrace run`` with a Kafka engine: one instance of its group, or several on this machine.

Rules:

1. Each worker is a process of its own, a whole instance: the group shares the partitions out among all of them.
2. The signal that ends the command ends the workers in order; one that dies is told, and the others go on in its place.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.output import note, print_json

if TYPE_CHECKING:
    from types import FrameType

    from headrace.abc.observer import Observer
    from headrace.app.kafka.configuration import KafkaConfiguration
    from headrace.app.monitoring import Station
    from headrace.machinery.summary import Summary

_LOG = logging.getLogger("headrace.cli.run")


def run_instance(config: Path, observers: Sequence[Observer], *, as_json: bool) -> int:
    """Run one instance until it is stopped, or until its topics' end where they are not followed."""
    from headrace.app.kafka.configuration import load_kafka_configuration
    from headrace.app.kafka.naming import claim_number
    from headrace.cli.stopping import stopped_by_signals

    configuration = load_kafka_configuration(config)
    directory = config.absolute().parent
    build = load_target("headrace.app.kafka.engine:build_kafka_engine", "kafka", "the engine 'kafka'")
    open_station = load_target("headrace.app.kafka.monitoring:open_group_station", "kafka", "the engine 'kafka'")
    with ExitStack() as opened:
        claim = claim_number(configuration.engine.group)
        opened.callback(claim.release)
        instance = configuration.engine.instance or claim.name
        station: Station | None = opened.enter_context(open_station(configuration, directory, instance))
        watched = observers if station is None else [*observers, *station.observers]
        engine = build(configuration, directory, instance, watched)
        if station is not None:
            _LOG.info("the monitor is at %s", opened.enter_context(station.open(engine)))
        with stopped_by_signals(engine.stop) as asked:
            summary: Summary = engine.run()
    return _finish(configuration, summary, asked=bool(asked), as_json=as_json)


def _finish(configuration: KafkaConfiguration, summary: Summary, *, asked: bool, as_json: bool) -> int:
    counts = summary.counts
    results = None if configuration.results is None else configuration.results.topic
    if as_json:
        print_json(
            {
                "in": counts.received,
                "scored": counts.scored,
                "dead_lettered": counts.dead_lettered,
                "skipped": counts.skipped,
                "waiting": summary.waiting,
                "adds_up": counts.balanced,
                "stopped": asked,
                "results": results,
                "dead_letters": configuration.dead_letters.topic,
            }
        )
    else:
        note(
            f"headrace: {counts.received} in, {counts.scored} scored, {counts.dead_lettered} dead-lettered, "
            f"{counts.skipped} skipped by this instance; results in {results or 'no topic'}, dead letters in "
            f"{configuration.dead_letters.topic}"
        )
    if summary.waiting:
        note(f"headrace: {summary.waiting} records still wait for a model; the group reads them again")
    return Exit.DONE if counts.balanced and (asked or not summary.waiting) else Exit.REFUSED


def run_workers(config: Path, count: int, *, quiet: bool) -> int:
    """Run several instances, each in a process of its own; the exit code is the worst of theirs."""
    from headrace.app.kafka.configuration import load_kafka_configuration

    if load_kafka_configuration(config).engine.instance:
        raise click.UsageError("workers are named by the machine and a number: leave engine.instance out")
    command = [sys.executable, "-m", "headrace", "run", str(config), *(["--quiet"] if quiet else [])]
    # A terminal's interrupt reaches the workers as well; in a session of their own they get it once, from here.
    workers = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]  # noqa: S603
    asked: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM if len(asked) == 1 else signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    codes = []
    for place, worker in enumerate(workers):
        code = worker.wait()
        codes.append(code)
        if code < 0 and not asked:
            note(f"headrace: worker {place} was ended by signal {-code}: the others take its partitions over")
    return max((code if code >= 0 else Exit.REFUSED) for code in codes)
