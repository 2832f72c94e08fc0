"""``make bench-embedded``: throughput, latency of one record, and the cost of a switch.

``--quick`` takes each figure once, on little, to see that the benchmark works; ``--only`` takes some of the parts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.embedded.latency import measure_latency
from benchmarks.embedded.models import train_forest, write_table
from benchmarks.embedded.switch import Goals, measure_switch
from benchmarks.embedded.throughput import measure_throughput
from benchmarks.figures import Figures, tell_load

PARTS = ("throughput", "latency", "switch-pmml", "switch-onnx")
PMML = Goals(ratio=1.2, wait_ms=20)
ONNX = Goals(ratio=None, wait_ms=100)


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedded", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--only", choices=PARTS, action="append", help="take this part (may be given more than once)")
    arguments = parser.parse_args()
    quick, parts = arguments.quick, arguments.only or PARTS
    rounds = 1 if quick else 7
    figures = Figures()
    figures.tell("load", tell_load())
    small = train_forest(10, 5)
    large = train_forest(5, 5) if quick else train_forest(100, None)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        folder = Path(name)
        if "throughput" in parts:
            rows = {"small": 10_000 if quick else 1_000_000, "large": 10_000 if quick else 60_000}
            measure_throughput(figures, folder / "small", small, rows["small"], rounds)
            measure_throughput(figures, folder / "large", large, rows["large"], rounds)
        if "latency" in parts:
            measure_latency(figures, small, rounds)
            measure_latency(figures, large, rounds)
        if "switch-pmml" in parts:
            measure_switch(figures, folder / "pmml", "a forest arrives", small, large.content, PMML, rounds)
        if "switch-onnx" in parts:
            table = write_table(1 if quick else 100)
            measure_switch(figures, folder / "onnx", "an ONNX model arrives", small, table, ONNX, rounds)
    figures.tell("load", tell_load())


if __name__ == "__main__":
    main()
