"""``headrace models``: the models of a state directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.options import config_option, json_option, state_option, token_option, url_option
from headrace.cli.output import print_json, print_table, show_digest, show_time
from headrace.cli.watching import find_group, find_job, find_state, read_running

_COLUMNS = ("data type", "slot", "name", "version", "digest", "position", "state", "since", "records", "reason")


@click.command()
@state_option
@config_option
@url_option
@token_option
@click.option("--data-type", default="", help="Only the slots of this data type.")
@click.option("--all", "everything", is_flag=True, help="Also those that were retired, rejected or skipped long ago.")
@json_option
def models(
    state: Path | None, config: Path | None, url: str, token_env: str, data_type: str, everything: bool, as_json: bool
) -> None:
    """List the models that a state directory holds, as of the engine's last commit, or those of a running engine.

    Of a Kafka group those in its model topic: with a topic of events what became of each, else what its results tell.
    Of a Flink job those that its tasks know, as of its newest checkpoint.
    """
    told = _find(state, config, url, token_env)
    found = [each for each in told["models"] if data_type in {"", each["data_type"]}]
    found.sort(key=lambda each: (each["data_type"], each["slot"], each["position"]))
    if as_json:
        print_json({**told, "models": found})
        return
    if not everything:
        found = _recent(found)
    if not found:
        click.echo("no model was published" + (f" for data type {data_type!r}" if data_type else ""))
        return
    print_table(_COLUMNS, [_row(each) for each in found], numbers=("position", "records"))


def _find(state: Path | None, config: Path | None, url: str, token_env: str) -> dict[str, Any]:
    if url:
        return read_running(url, "/v1/models", token_env)
    from headrace.app.documents import read_state_models

    found = None if state is not None else find_group(config) or find_job(config)
    if found is None:
        return read_state_models(find_state(state, config))
    from headrace.monitor.documents import describe_version

    view = found.read_view()
    return {"at": view.at, "models": [describe_version(each) for each in view.versions]}


_FINAL_SHOWN = 5


def _recent(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out those that are over, but for the last few of each slot."""
    kept: list[dict[str, Any]] = []
    over: dict[object, int] = {}
    for each in reversed(models):
        if each["state"] in {"retired", "rejected", "skipped"}:
            slot = (each["data_type"], each["slot"])
            over[slot] = over.get(slot, 0) + 1
            if over[slot] > _FINAL_SHOWN:
                continue
        kept.append(each)
    return kept[::-1]


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    state = f"{told['state']} (pinned)" if told["pinned"] and told["state"] == "serving" else told["state"]
    return (
        told["data_type"],
        told["slot"],
        told["name"],
        told["version"],
        show_digest(told["digest"]),
        told["position"],
        state,
        show_time(told["since"]),
        told["records"],
        told["reason"],
    )
