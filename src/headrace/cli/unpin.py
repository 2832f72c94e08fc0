"""``headrace unpin``: end a pin."""

from __future__ import annotations

import click

from headrace.cli.options import errand_options
from headrace.cli.sending import Errand, send_command
from headrace.records import Unpin


@click.command()
@errand_options
def unpin(errand: Errand) -> int:
    """End a pin: the newest staged model serves."""
    return send_command(errand, Unpin(errand.slot), {"command": "unpin"})
