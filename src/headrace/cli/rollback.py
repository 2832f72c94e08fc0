"""``headrace rollback``: return a slot to a version that it retains."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.options import command_options, id_option, key_of, valid_from_option
from headrace.cli.sending import Waiting, find_destination, send_command
from headrace.records import Rollback


@click.command()
@click.argument("target")
@valid_from_option
@id_option
@command_options
def rollback(
    target: str,
    valid_from: int | None,
    publication_id: str,
    log: Path | None,
    config: Path | None,
    data_type: str,
    slot: str,
    wait: bool,
    state: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Return a slot to TARGET: a digest, the beginning of one, or a version ("3", "forest 3").

    The version is looked up in the state directory where one is given, else in the log. It passes the whole life of a
    model again; the serving one goes on until then.
    """
    from headrace.app.publishing import find_digest

    destination = find_destination(log, state, config, wait=wait)
    key = key_of(data_type, slot)
    digest = find_digest(target, key, destination.log, destination.state)
    command = Rollback(key, digest, valid_from, publication_id)
    about = {"command": "rollback", "digest": digest}
    return send_command(destination, command, key, Waiting(wait, timeout, as_json), about)
