"""``headrace watch``: what flows, a line each second, and what happens to models in between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.exits import Exit
from headrace.cli.options import config_option, json_option, state_option, token_option, url_option
from headrace.cli.output import note, show_duration, show_slot, show_time
from headrace.cli.stopping import stopped_by_signals
from headrace.cli.watching import find_group, find_job, find_state, read_running

if TYPE_CHECKING:
    from headrace.app.flink.looking import JobState
    from headrace.app.kafka.looking import GroupTopics
    from headrace.app.statistics import KeptStatistics

Document = dict[str, Any]
_UNTOLD = {"received", "loading", "verifying", "warming"}
_HEADS = ("in/s", "scored/s", "failed/s", "skipped/s", "mean", "scored")
_WIDTHS = (10, 10, 10, 10, 9, 14)


@dataclass(frozen=True, slots=True)
class Lookout:
    """Where to look: ``statistics`` as they are now, ``events`` those since the last look."""

    statistics: Callable[[], Document]
    events: Callable[[], list[Document]]


@click.command()
@state_option
@config_option
@url_option
@token_option
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, metavar="SECONDS",
              help="How often to look.")  # fmt: skip
@click.option("--count", type=click.IntRange(min=0), default=0, help="End after so many lines; 0 goes on.")
@json_option
def watch(
    state: Path | None, config: Path | None, url: str, token_env: str, every: float, count: int, as_json: bool
) -> int:
    """Tell what flows, a line for each look, and what happens to models as it happens, until it is interrupted.

    Of a running engine by its address, of a state directory or a Kafka group as it commits, or of a Flink job as it
    makes checkpoints (what flows, no events). With --json each line is a JSON document: {"flow": ...} or
    {"event": ...}.
    """
    ended = threading.Event()
    with stopped_by_signals(ended.set), _open(state, config, url, token_env) as lookout:
        _follow(lookout, every, count, ended, _print_json if as_json else _Lines())
    return Exit.DONE


def _follow(
    lookout: Lookout, every: float, count: int, ended: threading.Event, show: Callable[[str, Document], None]
) -> None:
    before, at = lookout.statistics(), time.monotonic()
    told = 0
    while not ended.wait(every):
        now, then = lookout.statistics(), time.monotonic()
        for event in lookout.events():
            show("event", event)
        show("flow", compare(before, now, then - at))
        before, at = now, then
        told += 1
        if told == count:
            return


def compare(before: Document, now: Document, seconds: float) -> Document:
    """Tell what came between two documents of statistics; the mean is that of the records scored meanwhile."""
    was, total = before["total"], now["total"]
    names = {"in": "in", "scored": "scored", "dead_lettered": "failed", "skipped": "skipped"}
    gained = {told: (total[name] - was[name]) / seconds for name, told in names.items()}
    records, took = (_sum(now, name) - _sum(before, name) for name in ("records", "total_ns"))
    mean = took / records if records > 0 else None
    return {"at": now.get("at") or now.get("committed_at"), **gained, "mean_ns": mean, "total": total}


def _sum(told: Document, name: str) -> int:
    return sum(each[name] for each in told["versions"])


@contextmanager
def _open(state: Path | None, config: Path | None, url: str, token_env: str) -> Iterator[Lookout]:
    group = find_group(config) if state is None and not url else None
    if url:
        yield _look_at_address(url, token_env)
    elif state is None and (job := find_job(config)) is not None:
        yield _look_at_job(job)
    elif group is None:
        yield _look_at_state(find_state(state, config))
    else:
        with _look_at_group(group) as lookout:
            yield lookout


def _look_at_address(url: str, token_env: str) -> Lookout:
    last = max((each["id"] for each in read_running(url, "/v1/events", token_env)["events"]), default=0)

    def hear() -> list[Document]:
        nonlocal last
        heard: list[Document] = read_running(url, f"/v1/events?after={last}", token_env)["events"]
        last = heard[-1]["id"] if heard else last
        return heard

    return Lookout(lambda: read_running(url, "/v1/statistics", token_env), hear)


def _look_at_state(state: Path) -> Lookout:
    from headrace.app.journal import JournalReader

    journal = JournalReader(state, from_end=True)
    from headrace.app.documents import read_state_statistics

    return Lookout(lambda: read_state_statistics(state), lambda: list(journal.read()))


def _look_at_job(job: JobState | KeptStatistics) -> Lookout:
    from headrace.monitor.documents import describe_statistics

    return Lookout(lambda: describe_statistics(job.read_view()), list)


@contextmanager
def _look_at_group(group: GroupTopics) -> Iterator[Lookout]:
    from headrace.monitor.documents import describe_statistics

    with group.watch() as (read, hear):
        yield Lookout(lambda: describe_statistics(read()), hear)


def _print_json(kind: str, told: Document) -> None:
    click.echo(json.dumps({kind: told}, ensure_ascii=False))


class _Lines:
    """Prints lines for people, under heads that come again now and then."""

    def __init__(self) -> None:
        self._lines = 0

    def __call__(self, kind: str, told: Document) -> None:
        if kind == "event":
            if told["kind"] not in _UNTOLD:
                note(_write_event(told))
            return
        if self._lines % 20 == 0:
            click.echo(_write("at (UTC)", _HEADS))
        self._lines += 1
        rates = [f"{told[name]:,.0f}" for name in ("in", "scored", "failed", "skipped")]
        cells = (*rates, show_duration(told["mean_ns"]) or "-", f"{told['total']['scored']:,}")
        click.echo(_write(show_time(told["at"])[11:23], cells))


def _write(at: str, cells: tuple[str, ...]) -> str:
    return at.ljust(12) + "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


def _write_event(told: Document) -> str:
    named = f"{told['name']} {told['version']}".strip()
    slot = "" if told["data_type"] is None else f", slot {show_slot(told)}"
    by = f", instance {told['instance']}" if told.get("instance") else ""
    reason = f": {told['reason']}" if told["reason"] else ""
    return f"{show_time(told['at'])[11:23]}  {told['kind']} {named}{slot}, position {told['position']}{by}{reason}"
