"""``headrace rollback``: return a slot to a version that it retains."""

from __future__ import annotations

import click

from headrace.cli.options import errand_options, id_option, valid_from_option
from headrace.cli.sending import Errand, send_command
from headrace.records import Rollback


@click.command()
@click.argument("target")
@valid_from_option
@id_option
@errand_options
def rollback(errand: Errand, target: str, valid_from: int | None, publication_id: str) -> int:
    """Return a slot to TARGET: a digest, the beginning of one, or a version ("3", "forest 3").

    The version is looked up in the state directory where one is given, else in the log. It passes the whole life of a
    model again; the serving one goes on until then.
    """
    digest = errand.find_digest(target)
    command = Rollback(errand.slot, digest, valid_from, publication_id)
    return send_command(errand, command, {"command": "rollback", "digest": digest})
