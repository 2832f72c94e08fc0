"""Records a second end to end, beside pure scoring of the same model and scikit-learn one record at a time.

The arms take turns within one process: pure scoring of batches that are decoded already, the engine with a sink that
drops its results, the engine with a file of JSON lines (most of which is the writing of text). The engine's arms begin
with protobuf bytes and use a second thread to decode; scoring is on one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.embedded.models import LAYOUT, Forest, open_codec, read_wines, write_wines
from benchmarks.embedded.rig import BATCH, Bench, Counting, Rounds, publish
from benchmarks.figures import Figures, interleave, ratios, spread
from headrace.app.library import load
from headrace.binding import bind
from headrace.records import Raw
from headrace.transports.file_sinks import FileSink
from headrace.transports.memory_sinks import NullSink
from headrace.wire.results import encode_json_lines

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.model import Model
    from headrace.abc.sink import Sink
    from headrace.records import Results

GOAL = 0.5
ONE_BY_ONE = 100
PATIENCE = 120.0


def measure_throughput(figures: Figures, folder: Path, forest: Forest, records: int, rounds: int) -> None:
    """Print the figures of one forest."""
    values = write_wines(records)
    model = load(forest.content)
    publish(folder / "results" / "log", forest.content)
    publish(folder / "file" / "log", forest.content)
    drop: Sink[Results] = NullSink()
    keep: Sink[Results] = FileSink(folder / "file" / "results.jsonl", encode_json_lines)
    engines = {"results": EngineArm(folder / "results", values, drop), "file": EngineArm(folder / "file", values, keep)}
    arms: dict[str, Callable[[], float]] = {
        "pure": pure_arm(model, values),
        **{name: engine.run for name, engine in engines.items()},
        "sklearn": sklearn_arm(forest),
    }
    interleave(arms, 1)
    taken = interleave(arms, rounds)
    for engine in engines.values():
        engine.close()
    for name, told in {
        "pure": "pure scoring",
        "results": "end to end",
        "file": "end to end to a file",
        "sklearn": "scikit-learn one by one",
    }.items():
        low, middle, high = spread(taken[name])
        figures.tell(f"{forest.name}, {told}, records/s", f"{middle:,.0f} ({low:,.0f} to {high:,.0f})")
    low, middle, high = spread(ratios(taken["results"], taken["pure"]))
    figures.tell(f"{forest.name}, end to end by pure scoring, quartiles", f"{low:.2f} to {high:.2f}")
    figures.hold(f"{forest.name}, end to end by pure scoring", middle, GOAL)
    figures.tell(
        f"{forest.name}, end to end to a file by pure scoring", f"{spread(ratios(taken['file'], taken['pure']))[1]:.2f}"
    )
    faster = spread(ratios(taken["results"], taken["sklearn"]))[1]
    figures.tell(f"{forest.name}, end to end by scikit-learn one by one", f"{faster:,.0f}")


def pure_arm(model: Model, values: pa.Array) -> Callable[[], float]:
    """Score batches that are decoded and bound before the clock starts, all outputs."""
    batch = open_codec().decode(Raw("wines", 0, np.arange(len(values), dtype=np.int64), values=values))
    columns = batch.groups[0].columns
    binding = bind(model.signature, columns.schema, exclude=LAYOUT.named_fields())
    bound, _ = binding.apply(columns)
    batches = [bound.slice(start, BATCH) for start in range(0, len(values), BATCH)]

    def run() -> float:
        began = time.perf_counter()
        for each in batches:
            model.score(each)
        return len(values) / (time.perf_counter() - began)

    return run


class EngineArm:
    """An engine that goes over the records once a round."""

    def __init__(self, folder: Path, values: pa.Array, sink: Sink[Results]) -> None:
        self._source = Rounds(values)
        self._sink = Counting(sink)
        self._count = len(values)
        self._bench = Bench(folder, self._source, self._sink)

    def run(self) -> float:
        """Go over them, and give how many a second."""
        self._sink.expect(self._count)
        began = time.perf_counter()
        self._source.begin()
        if not self._sink.done.wait(PATIENCE):
            self.close()
            raise SystemExit("the engine gives no results")
        return self._count / (time.perf_counter() - began)

    def close(self) -> None:
        """Stop the engine."""
        self._bench.close()


def sklearn_arm(forest: Forest) -> Callable[[], float]:
    """Predict records one by one with the library that trained the forest."""
    features, _ = read_wines()
    rows = [features[row : row + 1] for row in range(ONE_BY_ONE)]

    def run() -> float:
        began = time.perf_counter()
        for row in rows:
            forest.trained.predict(row)
        return ONE_BY_ONE / (time.perf_counter() - began)

    return run
