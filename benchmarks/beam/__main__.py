"""``make bench-beam``: both forms of serving beside a pipeline that only counts, and beside ``RunInference``.

Rates, and how long records wait while a model is updated.

Each run is a pipeline of its own on Prism, with its worker in this process. A rate is of whole pipelines, from the
bytes of records to lines: the records that a long run has beyond a short one, by the time that it takes beyond it, so
that starting and loading do not count. ``--quick`` takes each figure once, on little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apache_beam as beam
import joblib
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.prism_runner import PrismRunner

from benchmarks.beam.arms import ARMS
from benchmarks.beam.steps import LINES, PIECE, Watch, list_records
from benchmarks.beam.updates import measure
from benchmarks.embedded.models import Forest, train_forest
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from headrace.engines.beam import ModelElement
from headrace.engines.beam.runner import local_options
from headrace.records import Descriptor, Publish
from headrace.wire.descriptor import encode_command

WHAT = ("rates", "update")
COUNTING = 0.8
RATE = 1_000
"""Records a second while a model is updated."""
SERVED = tuple(name for name in ARMS if name.startswith(("keyed", "side input")))
SHORT = 10
"""How many times longer the long run is."""


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beam", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--rounds", type=int, default=7, help="how often each pipeline runs")
    parser.add_argument("--only", action="append", choices=WHAT, help="this part alone; may be given again")
    arguments = parser.parse_args()
    figures = Figures()
    figures.tell("load", tell_load())
    what = arguments.only or WHAT
    forest = train_forest(10, 5)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        if "rates" in what:
            bench = Bench(Path(folder), forest, 100_000 if arguments.quick else 1_000_000)
            _tell_rates(figures, bench, 1 if arguments.quick else arguments.rounds)
        if "update" in what:
            large = train_forest(5, 5) if arguments.quick else train_forest(100, None)
            measure(figures, Path(folder), (forest, large), (4, 8) if arguments.quick else (10, 20), RATE)
    figures.tell("load", tell_load())


def _tell_rates(figures: Figures, bench: Bench, rounds: int) -> None:
    joblib.dump(bench.forest.trained, bench.folder / "forest.joblib")
    taken = interleave({name: partial(bench.rate, name) for name in ARMS}, rounds)
    for name, rates in taken.items():
        low, middle, high = spread(rates)
        figures.tell(f"{bench.forest.name}, {name}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    for name in SERVED:
        figures.hold(f"{name} by counted", spread(ratios(taken[name], taken["counted"]))[1], COUNTING)
        inferred = spread(ratios(taken[name], taken["RunInference"]))[1]
        figures.tell(f"{name} by RunInference", f"{inferred:.2f}")


@dataclass(frozen=True, slots=True)
class Bench:
    """The records, the model, and what pipelines over them come to."""

    folder: Path
    forest: Forest
    records: int

    def rate(self, arm: str) -> float:
        """Give the records a second of a pipeline."""
        short = self.records // SHORT
        self.run(arm, short)  # its model stays in this process
        return (self.records - short) / (self.run(arm, self.records) - self.run(arm, short))

    def run(self, arm: str, count: int) -> float:
        """Run a pipeline over so many records; give how many seconds it took."""
        LINES.clear()
        command = Publish(Descriptor("forest", "wine", model_type="pmml", content=self.forest.content))
        options = PipelineOptions(local_options(), save_main_session=False)
        began = time.perf_counter()
        with beam.Pipeline(runner=PrismRunner(), options=options) as pipeline:
            pieces = pipeline | "Pieces" >> beam.Create(range(count // PIECE), reshuffle=False)
            records = pieces | "Records" >> beam.FlatMap(list_records)
            models = pipeline | "Models" >> beam.Create([ModelElement(encode_command(command), 0)])
            lines = ARMS[arm](records, models, self.folder)
            lines | "Watch" >> beam.ParDo(Watch())  # type: ignore[no-untyped-call]
        took = time.perf_counter() - began
        if len(LINES) != count:
            raise SystemExit(f"the pipeline {arm!r} gave {len(LINES):,} lines for {count:,} records")
        return took


if __name__ == "__main__":
    main()
