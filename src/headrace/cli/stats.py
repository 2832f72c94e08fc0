"""``headrace stats``: what each model version scored, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.exits import Exit
from headrace.cli.options import config_option, json_option, state_option
from headrace.cli.output import note, print_json, print_table, show_duration, show_time
from headrace.cli.watching import find_state

if TYPE_CHECKING:
    from headrace.app.inspection import Observed, VersionView
    from headrace.core.statistics import Counts

_TIMES = ("total", "min", "mean", "p50", "p99", "max")
_COLUMNS = ("slot", "name", "version", "state", "records", "errors", "since", "until", *_TIMES)
_COUNTS = ("in", "scored", "dead-lettered", "skipped")


@click.command()
@state_option
@config_option
@json_option
def stats(state: Path | None, config: Path | None, as_json: bool) -> int:
    """Show what each model version scored and how fast, and whether the counts add up.

    Times are those of scoring alone, per record. Exit code 1 if the counts do not add up.
    """
    from headrace.app.inspection import add_up, list_versions, read_observed

    observed = read_observed(find_state(state, config))
    views = [view for view in list_versions(observed.snapshot) if view.saved.state != "rejected"]
    total, wrong = add_up(observed)
    if as_json:
        print_json(
            {
                "committed_at": observed.committed_at,
                "versions": [_describe(view) for view in views],
                "slots": [
                    {"data_type": slot.key.data_type, "slot": slot.key.name, **_describe_counts(slot.counts)}
                    for slot in observed.slots
                ],
                "unaddressed": _describe_counts(observed.unaddressed),
                "total": _describe_counts(total),
                "adds_up": not wrong,
                "differences": wrong,
            }
        )
    else:
        _print(views, observed, total)
        if not wrong:
            click.echo("the counts add up: in = scored + dead-lettered + skipped")
    for each in wrong:
        note(f"headrace: the counts do not add up: {each}")
    return Exit.REFUSED if wrong else Exit.DONE


def _print(views: list[VersionView], observed: Observed, total: Counts) -> None:
    if views:
        print_table(_COLUMNS, [_row(view) for view in views], numbers=("records", "errors", *_TIMES))
        click.echo()
    rows = [(str(slot.key), *_list_counts(slot.counts)) for slot in observed.slots]
    rows.append(("(no slot)", *_list_counts(observed.unaddressed)))
    rows.append(("total", *_list_counts(total)))
    print_table(("slot", *_COUNTS), rows, numbers=_COUNTS)


def _timing(view: VersionView) -> dict[str, float | None]:
    timing = view.saved.statistics.timing
    shares = {"p50": timing.quantile(0.5), "p99": timing.quantile(0.99)}
    ends = {"min": timing.min_ns, "mean": timing.mean_ns, "max": timing.max_ns}
    return {name: {**shares, **ends, "total": timing.total_ns}[name] for name in _TIMES}


def _describe(view: VersionView) -> dict[str, Any]:
    saved = view.saved
    numbers = saved.statistics
    return {
        "data_type": view.slot.data_type,
        "slot": view.slot.name,
        "name": saved.descriptor.name,
        "version": view.version,
        "digest": saved.digest,
        "position": saved.position,
        "state": str(saved.state),
        "records": numbers.records,
        "errors": numbers.errors,
        "last_error": numbers.last_error,
        "since": numbers.since,
        "until": numbers.until,
        **{f"{name}_ns": value for name, value in _timing(view).items()},
        "load_ns": numbers.load_ns,
        "verify_ns": numbers.verify_ns,
        "warm_ns": numbers.warm_ns,
        "memory_bytes": numbers.memory,
    }


def _row(view: VersionView) -> tuple[object, ...]:
    saved = view.saved
    numbers = saved.statistics
    times = (show_duration(value) for value in _timing(view).values()) if numbers.timing.count else ("",) * len(_TIMES)
    since, until = show_time(numbers.since), show_time(numbers.until)
    named = (str(view.slot), saved.descriptor.name, view.version, str(saved.state))
    return (*named, numbers.records, numbers.errors, since, until, *times)


def _list_counts(counts: Counts) -> tuple[int, int, int, int]:
    return counts.received, counts.scored, counts.dead_lettered, counts.skipped


def _describe_counts(counts: Counts) -> dict[str, int]:
    return dict(zip(("in", "scored", "dead_lettered", "skipped"), _list_counts(counts), strict=True))
