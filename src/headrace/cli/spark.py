"""``headrace run`` with a Spark engine: a query on a master of the user's choice, on this machine by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.output import note, print_json
from headrace.cli.stopping import stopped_by_signals

if TYPE_CHECKING:
    from headrace.app.spark.query import SparkRun


def run_query(config: Path, options: Sequence[str], *, as_json: bool) -> int:
    """Run a query until it is stopped, or until its topics' end where they are not followed."""
    from headrace.app.spark.configuration import load_spark_configuration

    configuration = load_spark_configuration(config)
    start = load_target("headrace.app.spark.query:start_query", "spark,kafka", "the engine 'spark'")
    running: SparkRun = start(configuration, config.absolute().parent, options)
    with stopped_by_signals(running.stop) as asked:
        counts = running.wait()
    if as_json:
        print_json({**counts, "stopped": bool(asked), "results": configuration.results.topic})
    else:
        told = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in counts.items())
        note(
            f"headrace: {told}; results in {configuration.results.topic}, "
            f"dead letters in {configuration.dead_letters.topic}"
        )
    return Exit.DONE
