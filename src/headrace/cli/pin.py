"""``headrace pin``: keep a slot's serving model."""

from __future__ import annotations

import click

from headrace.cli.options import errand_options
from headrace.cli.sending import Errand, send_command
from headrace.records import Pin


@click.command()
@errand_options
def pin(errand: Errand) -> int:
    """Keep a slot's serving model; later ones are staged until an unpin."""
    return send_command(errand, Pin(errand.slot), {"command": "pin"})
