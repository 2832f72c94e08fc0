"""``headrace retire``: end a slot's service, or forget one retained version."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.options import command_options, key_of
from headrace.cli.sending import Waiting, find_destination, send_command
from headrace.records import Retire


@click.command()
@click.option(
    "--digest", default="", help="Forget this retained version instead: a digest, its beginning, or a version."
)
@command_options
def retire(
    digest: str,
    log: Path | None,
    config: Path | None,
    data_type: str,
    slot: str,
    wait: bool,
    state: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """End a slot's service: records no longer address it, until the next publication.

    With --digest the slot goes on, and one version that it retains is forgotten, so that nobody rolls back to it.
    """
    from headrace.app.publishing import find_digest

    destination = find_destination(log, state, config, wait=wait)
    key = key_of(data_type, slot)
    named = find_digest(digest, key, destination.log, destination.state) if digest else ""
    about = {"command": "retire"} | ({"digest": named} if named else {})
    return send_command(destination, Retire(key, named), key, Waiting(wait, timeout, as_json), about)
