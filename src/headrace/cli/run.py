"""``headrace run``: the engine that a configuration describes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from headrace.cli.exits import Exit
from headrace.cli.logs import EventLog, LogFormat, begin_logs
from headrace.cli.options import FILE, json_option
from headrace.cli.output import note, print_json, show_digest
from headrace.cli.stopping import stopped_by_signals

if TYPE_CHECKING:
    from headrace.abc.observer import Observer
    from headrace.app.configuration import Configuration
    from headrace.core.events import Event
    from headrace.core.statistics import Counts
    from headrace.machinery.summary import Summary

_LOG = logging.getLogger("headrace.cli.run")


@click.command()
@click.argument("config", type=FILE)
@click.option("-q", "--quiet", is_flag=True, help="Do not tell on stderr what happens to models.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True,
              help="How many instances of a Kafka engine's group to run, each in a process of its own.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="How stderr tells what happens: lines for people, or JSON lines.")  # fmt: skip
@click.option("--engine", default="", metavar="NAME", help="Refuse a configuration that is for another engine.")
@json_option
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS]")
def run(
    config: Path,
    quiet: bool,
    workers: int,
    log_format: LogFormat,
    engine: str,
    as_json: bool,
    options: tuple[str, ...],
) -> int:
    """Run the engine that the configuration CONFIG describes, until its records are done.

    A Beam engine is given the OPTIONS after "--" as Beam's own, such as --runner; a Spark engine takes --master and
    --conf there, a Flink engine --target, --jobmanager and -DNAME=VALUE.

    SIGTERM or SIGINT (Ctrl-C) ends it in order: what was read is scored and committed, and the exit code is 0. A second
    SIGINT ends it at once; what was committed stays.
    """
    from headrace.app.checks import survey
    from headrace.app.configuration import load_configuration
    from headrace.app.engine import build_engine
    from headrace.app.inspection import find_totals
    from headrace.app.monitoring import open_station
    from headrace.app.reading import find_engine, require_engine

    begin_logs(log_format)
    require_engine(config, engine)
    own = find_engine(config)
    if own == "beam":
        from headrace.cli.beam import run_pipeline

        return run_pipeline(config, options, as_json=as_json)
    if own == "spark":
        from headrace.cli.spark import run_query

        return run_query(config, options, as_json=as_json)
    if own in {"flink-keyed", "flink-partitioned"}:
        from headrace.cli.flink import run_job

        return run_job(config, options, as_json=as_json)
    if options:
        raise click.UsageError(f"{options[0]!r}: only a Beam, Flink or Spark engine takes options of its own")
    if own == "kafka":
        from headrace.cli.group import run_instance, run_workers

        if workers > 1:
            return run_workers(config, workers, quiet=quiet)
        return run_instance(config, [] if quiet else [Narrator()], as_json=as_json)
    if workers > 1:
        raise click.UsageError("--workers is for configurations of the Kafka engine: its instances share the records")
    configuration = load_configuration(config)
    survey(configuration).require(config)
    narrators: list[Observer] = [] if quiet else [EventLog() if log_format == "json" else Narrator()]
    with open_station(configuration) as station, ExitStack() as opened:
        serving = build_engine(configuration, narrators if station is None else [*narrators, *station.observers])
        before = find_totals(configuration.state.directory) if configuration.state else None
        if station is not None:
            _LOG.info("the monitor is at %s", opened.enter_context(station.open(serving)))
        with stopped_by_signals(serving.stop) as asked:
            summary = serving.run()
    return _finish(configuration, summary, before, asked=bool(asked), as_json=as_json)


def _finish(
    configuration: Configuration, summary: Summary, before: Counts | None, *, asked: bool, as_json: bool
) -> int:
    """Tell what a run came to; ``before`` is what the state had counted when it began, None at its first run."""
    counts = summary.counts
    this_run = counts if before is None else _subtract(counts, before)
    outlets = {"results": str(configuration.results.path), "dead_letters": str(configuration.dead_letters.path)}
    told = {
        **_describe(counts),
        "this_run": _describe(this_run),
        "waiting": summary.waiting,
        "adds_up": counts.balanced,
        "stopped": asked,
        **outlets,
    }
    if as_json and "-" not in outlets.values():
        print_json(told)
    else:
        files = f"results in {outlets['results']}, dead letters in {outlets['dead_letters']}"
        if before is None:
            note(f"headrace: {_write(counts)}; {files}")
        else:
            state = "" if configuration.state is None else configuration.state.directory
            note(f"headrace: {_write(this_run)} in this run; {files}")
            note(f"headrace: {_write(counts)} since the state in {state} began")
    if summary.waiting:
        note(f"headrace: {summary.waiting} records still wait for a model; a next run with this state reads them again")
    if not counts.balanced:
        note("headrace: the counts do not add up: in is not scored + dead-lettered + skipped")
    done = counts.balanced and (asked or not summary.waiting)
    return Exit.DONE if done else Exit.REFUSED


def _subtract(counts: Counts, before: Counts) -> Counts:
    return type(counts)(
        counts.received - before.received,
        counts.scored - before.scored,
        counts.dead_lettered - before.dead_lettered,
        counts.skipped - before.skipped,
    )


def _describe(counts: Counts) -> dict[str, int]:
    return {
        "in": counts.received,
        "scored": counts.scored,
        "dead_lettered": counts.dead_lettered,
        "skipped": counts.skipped,
    }


def _write(counts: Counts) -> str:
    return (
        f"{counts.received} in, {counts.scored} scored, {counts.dead_lettered} dead-lettered, {counts.skipped} skipped"
    )


class Narrator:
    """An ``Observer`` that tells on stderr what happens to models."""

    def happened(self, events: Sequence[object]) -> None:
        """Tell each event that changes what serves, or that somebody should know of."""
        for event in cast("Sequence[Event]", events):
            if str(event.kind) not in {"received", "loading", "verifying", "warming"}:
                note(f"headrace: {describe_event(event)}")

    def advanced(self, outcome: object) -> None:
        """Leave results to the sinks."""

    def committed(self) -> None:
        """Leave commits to the state."""


def describe_event(event: Event) -> str:
    """Write an event as a line for people."""
    named = f" {event.name} {event.version}".rstrip() if event.name else ""
    digest = f" ({show_digest(event.digest)})" if event.digest else ""
    slot = "" if event.slot is None else f", slot {event.slot}"
    reason = f": {event.reason}" if event.reason else ""
    return f"{event.kind}{named}{digest}{slot}, position {event.position}{reason}"
