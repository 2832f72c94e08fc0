"""``headrace run`` with a Flink engine: a job on a cluster of the user's choice, on a mini cluster by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.output import note, print_json
from headrace.cli.stopping import stopped_by_signals

if TYPE_CHECKING:
    from headrace.app.flink.job import FlinkRun


def run_job(config: Path, options: Sequence[str], *, as_json: bool) -> int:
    """Run a job until it is stopped, or until its topics' end where they are not followed."""
    from headrace.app.flink.configuration import load_flink_configuration
    from headrace.app.flink.options import read_flink_options
    from headrace.app.flink.premises import check_flink, find_connector

    configuration = load_flink_configuration(config)
    read_flink_options(options)
    check_flink()
    find_connector()
    start = load_target("headrace.app.flink.job:start_job", "kafka", f"the engine {configuration.engine.name!r}")
    running: FlinkRun = start(configuration, config.absolute().parent, options)
    with stopped_by_signals(running.stop) as asked:
        running.wait()
    results, letters = configuration.results.topic, configuration.dead_letters.topic
    if as_json:
        print_json({"stopped": bool(asked), "results": results, "dead_letters": letters})
    else:
        note(f"headrace: the job has ended; results in {results}, dead letters in {letters}")
    return Exit.DONE
