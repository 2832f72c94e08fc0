"""``headrace retire``: end a slot's service, or forget one retained version."""

from __future__ import annotations

import click

from headrace.cli.options import errand_options
from headrace.cli.sending import Errand, send_command
from headrace.records import Retire


@click.command()
@click.option(
    "--digest", default="", help="Forget this retained version instead: a digest, its beginning, or a version."
)
@errand_options
def retire(errand: Errand, digest: str) -> int:
    """End a slot's service: records no longer address it, until the next publication.

    With --digest the slot goes on, and one version that it retains is forgotten, so that nobody rolls back to it.
    """
    named = errand.find_digest(digest) if digest else ""
    about = {"command": "retire"} | ({"digest": named} if named else {})
    return send_command(errand, Retire(errand.slot, named), about)
