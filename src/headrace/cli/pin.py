"""``headrace pin``: keep a slot's serving model."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.options import command_options, key_of
from headrace.cli.sending import Waiting, find_destination, send_command
from headrace.records import Pin


@click.command()
@command_options
def pin(
    log: Path | None,
    config: Path | None,
    data_type: str,
    slot: str,
    wait: bool,
    state: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Keep a slot's serving model; later ones are staged until an unpin."""
    destination = find_destination(log, state, config, wait=wait)
    key = key_of(data_type, slot)
    return send_command(destination, Pin(key), key, Waiting(wait, timeout, as_json), {"command": "pin"})
