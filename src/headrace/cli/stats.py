"""``headrace stats``: what each model version scored, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.exits import Exit
from headrace.cli.options import config_option, json_option, state_option, token_option, url_option
from headrace.cli.output import note, print_json, print_table, show_duration, show_slot, show_time
from headrace.cli.watching import find_group, find_job, find_state, read_running

_TIMES = ("total", "min", "mean", "p50", "p99", "max")
_COLUMNS = ("slot", "name", "version", "state", "records", "errors", "since", "until", *_TIMES)
_COUNTS = ("in", "scored", "dead-lettered", "skipped")


@click.command()
@state_option
@config_option
@url_option
@token_option
@json_option
def stats(state: Path | None, config: Path | None, url: str, token_env: str, as_json: bool) -> int:
    """Show what each model version scored and how fast, and whether the counts add up.

    Of a state directory or a Kafka group as of the last commit, of all tasks of a Flink job as of its newest
    checkpoint, or of a running engine by the address of its monitor.
    Times are those of scoring alone, per record. Exit code 1 if the counts do not add up.
    """
    told = read_statistics(state, config, url, token_env)
    if as_json:
        print_json(told)
    else:
        _print(told)
        if told["adds_up"]:
            click.echo("the counts add up: in = scored + dead-lettered + skipped")
    for each in told["differences"]:
        note(f"headrace: the counts do not add up: {each}")
    return Exit.DONE if told["adds_up"] else Exit.REFUSED


def read_statistics(state: Path | None, config: Path | None, url: str, token_env: str) -> dict[str, Any]:
    """Read the statistics of an engine. Raises ``UsageError`` and what finding and reading it raises."""
    if url:
        return read_running(url, "/v1/statistics", token_env)
    from headrace.app.documents import read_state_statistics

    found = None if state is not None else find_group(config) or find_job(config)
    if found is None:
        return read_state_statistics(find_state(state, config))
    from headrace.monitor.documents import describe_statistics

    return describe_statistics(found.read_view())


def _print(told: dict[str, Any]) -> None:
    if told["versions"]:
        profiled = any(each.get("drift") for each in told["versions"])
        heads, last = ((*_COLUMNS, "drift"), None) if profiled else (_COLUMNS, -1)
        print_table(heads, [_row(each)[:last] for each in told["versions"]], numbers=("records", "errors", *_TIMES))
        click.echo()
    rows = [(show_slot(slot), *_list_counts(slot)) for slot in told["slots"]]
    rows.append(("(no slot)", *_list_counts(told["unaddressed"])))
    rows.append(("total", *_list_counts(told["total"])))
    print_table(("slot", *_COUNTS), rows, numbers=_COUNTS)


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    times = (show_duration(told[f"{name}_ns"]) for name in _TIMES) if told["records"] else ("",) * len(_TIMES)
    named = (show_slot(told), told["name"], told["version"], told["state"])
    when = (show_time(told["since"]), show_time(told["until"]))
    return (*named, told["records"], told["errors"], *when, *times, _show_drift(told.get("drift")))


def _show_drift(drift: dict[str, dict[str, float]] | None) -> str:
    """Write the most drifted field and by how much."""
    found = [(shift, name) for side in (drift or {}).values() for name, shift in side.items()]
    return "{1} {0:.2f}".format(*max(found)) if found else ""


def _list_counts(told: dict[str, int]) -> tuple[int, ...]:
    return tuple(told[name.replace("-", "_")] for name in _COUNTS)
