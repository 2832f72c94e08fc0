"""``headrace events``: what happened to models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.options import config_option, json_option, state_option, token_option, url_option
from headrace.cli.output import print_json, print_table, show_digest, show_slot, show_time
from headrace.cli.watching import find_group, find_state, read_running
from headrace.errors import ConfigurationError

_COLUMNS = ("at", "kind", "position", "slot", "name", "version", "digest", "reason")


@click.command()
@state_option
@config_option
@url_option
@token_option
@click.option("--data-type", default="", help="Only the slots of this data type.")
@click.option("--kind", default="", help="Only events of this kind, such as serving or rejected.")
@click.option("--limit", type=click.IntRange(min=0), default=100, show_default=True,
              help="Show the last so many; 0 shows all that are kept.")  # fmt: skip
@json_option
def events(
    state: Path | None,
    config: Path | None,
    url: str,
    token_env: str,
    data_type: str,
    kind: str,
    limit: int,
    as_json: bool,
) -> None:
    """List what happened to models, the oldest first.

    Out of a state directory or of the topic of events of a Kafka group, or of a running engine.
    """
    found = [
        each
        for each in _read(state, config, url, token_env)
        if data_type in {"", each["data_type"]} and kind in {"", each["kind"]}
    ]
    shown = found[-limit:] if limit else found
    if as_json:
        print_json({"total": len(found), "events": shown})
        return
    if not found:
        click.echo("nothing happened to models yet")
        return
    by = ("instance",) if any(each.get("instance") for each in shown) else ()
    print_table((*_COLUMNS, *by), [(*_row(each), *(each.get(name) for name in by)) for each in shown], ("position",))
    if len(shown) < len(found):
        click.echo(f"... and {len(found) - len(shown)} before (--limit 0 shows all)")


def _read(state: Path | None, config: Path | None, url: str, token_env: str) -> list[dict[str, Any]]:
    if url:
        told: list[dict[str, Any]] = read_running(url, "/v1/events", token_env)["events"]
        return told
    group = None if state is not None else find_group(config)
    if group is not None:
        if group.configuration.events is None:
            raise ConfigurationError(f"{config} has no [events]: name a topic there, and every instance tells in it")
        return list(group.read_events())
    from headrace.app.journal import JournalReader

    return list(JournalReader(find_state(state, config)).read())


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    slot = "" if told["data_type"] is None else show_slot(told)
    named = (told["name"], told["version"], show_digest(told["digest"]))
    return (show_time(told["at"]), told["kind"], told["position"], slot, *named, told["reason"])
