"""``headrace models``: the models of a state directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import config_option, json_option, state_option
from headrace.cli.output import print_json, print_table, show_digest, show_time
from headrace.cli.watching import find_state

if TYPE_CHECKING:
    from headrace.app.inspection import VersionView

_COLUMNS = ("data type", "slot", "name", "version", "digest", "position", "state", "since", "records", "reason")


@click.command()
@state_option
@config_option
@click.option("--data-type", default="", help="Only the slots of this data type.")
@click.option("--all", "everything", is_flag=True, help="Also those that were retired, rejected or skipped long ago.")
@json_option
def models(state: Path | None, config: Path | None, data_type: str, everything: bool, as_json: bool) -> None:
    """List the models that a state directory holds, as of the engine's last commit."""
    from headrace.app.inspection import list_versions, read_observed

    observed = read_observed(find_state(state, config))
    views = [view for view in list_versions(observed.snapshot) if data_type in {"", view.slot.data_type}]
    if as_json:
        print_json({"committed_at": observed.committed_at, "models": [describe_view(view) for view in views]})
        return
    if not everything:
        views = _recent(views)
    if not views:
        click.echo("no model was published" + (f" for data type {data_type!r}" if data_type else ""))
        return
    print_table(_COLUMNS, [_row(view) for view in views], numbers=("position", "records"))


_FINAL_SHOWN = 5


def _recent(views: list[VersionView]) -> list[VersionView]:
    """Leave out those that are over, but for the last few of each slot."""
    kept: list[VersionView] = []
    over: dict[object, int] = {}
    for view in reversed(views):
        if view.saved.state in {"retired", "rejected", "skipped"}:
            over[view.slot] = over.get(view.slot, 0) + 1
            if over[view.slot] > _FINAL_SHOWN:
                continue
        kept.append(view)
    return kept[::-1]


def describe_view(view: VersionView) -> dict[str, Any]:
    """Give a publication as JSON values; times are milliseconds since the epoch."""
    saved = view.saved
    return {
        "data_type": view.slot.data_type,
        "slot": view.slot.name,
        "name": saved.descriptor.name,
        "version": view.version,
        "description": saved.descriptor.description,
        "digest": saved.digest,
        "position": saved.position,
        "state": str(saved.state),
        "pinned": view.pinned,
        "retained": view.retained,
        "since": saved.statistics.since,
        "until": saved.statistics.until,
        "records": saved.statistics.records,
        "reason": saved.reason,
    }


def _row(view: VersionView) -> tuple[object, ...]:
    saved = view.saved
    state = f"{saved.state} (pinned)" if view.pinned and saved.state == "serving" else str(saved.state)
    return (
        view.slot.data_type,
        view.slot.name,
        saved.descriptor.name,
        view.version,
        show_digest(saved.digest),
        saved.position,
        state,
        show_time(saved.statistics.since),
        saved.statistics.records,
        saved.reason,
    )
