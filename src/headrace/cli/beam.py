"""``headrace run`` with a Beam engine: a pipeline on a runner of the user's choice, on this machine by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.logs import divert_others
from headrace.cli.output import note, print_json
from headrace.cli.stopping import stopped_by_signals
from headrace.errors import SourceError

if TYPE_CHECKING:
    from headrace.app.beam.pipeline import BeamRun


def run_pipeline(config: Path, options: Sequence[str], *, as_json: bool) -> int:
    """Run a pipeline until it is stopped, or until its topics' end where they are not followed."""
    from headrace.app.beam.configuration import load_beam_configuration

    configuration = load_beam_configuration(config)
    directory = config.absolute().parent
    log = directory / configuration.engine.log
    divert_others(log)
    start = load_target("headrace.app.beam.pipeline:start_pipeline", "beam,kafka", "the engine 'beam'")
    try:
        running: BeamRun = start(configuration, directory, options)
        with stopped_by_signals(running.stop) as asked:
            counts = running.wait()
    except SourceError as error:
        raise SourceError(f"{error}; what Beam told is at the end of {log}") from error
    if as_json:
        print_json({**counts, "stopped": bool(asked), "results": configuration.results.topic})
    else:
        told = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in sorted(counts.items()))
        note(
            f"headrace: {told or 'this runner tells no counts'}; results in {configuration.results.topic}, "
            f"dead letters in {configuration.dead_letters.topic}"
        )
    return Exit.DONE
