"""The demo: the wine records, scored while models come, fail, switch and are rolled back, through a kill and a restart.

Everything runs through the same commands that a user has; nothing leaves the machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headrace.cli.exits import Exit
from headrace.cli.output import print_json

RATE = 36.0


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("headrace-demo"),
    show_default=True,
    help="Where everything is written; replaced if an earlier demo made it.",
)
@click.option("--rate", type=click.FloatRange(min=1.0), default=RATE, show_default=True, help="Records a second.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the story.")
def demo(directory: Path, rate: float, *, as_json: bool) -> int:
    """Serve the wine records with models that change meanwhile.

    Exits with 0 only if every record was scored once by the model that served, and the counts add up.
    """
    from headrace.cli.demo.audit import audit, show_audit
    from headrace.cli.demo.play import play
    from headrace.cli.demo.stage import set_stage
    from headrace.cli.demo.view import open_view

    stage = set_stage(directory, rate)
    with open_view(stage, quiet=as_json, live=sys.stdout.isatty()) as view:
        told = play(stage, view)
    verdict = audit(stage, told)
    if as_json:
        print_json(verdict.document())
    else:
        show_audit(stage, verdict)
    return Exit.DONE if verdict.passed else Exit.REFUSED
