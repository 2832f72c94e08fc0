"""Scores the rows of a table by pypmml as long as it is told to: what ``jpmml`` does in Java.

A batch goes in and comes out as JSON, which is how pypmml hands tables to its JVM.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Load, say how long it took, and answer each line of ``milliseconds size`` by ``records nanoseconds``."""
    from pypmml import Model, PMMLContext  # type: ignore[import-untyped,import-not-found,unused-ignore]

    begin = time.perf_counter_ns()
    PMMLContext.getOrCreate(gateway="jpype")
    model: Any = Model.fromFile(sys.argv[1])
    print("loaded", time.perf_counter_ns() - begin, flush=True)
    with Path(sys.argv[2]).open(encoding="ascii") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    for line in sys.stdin:
        milliseconds, size = map(int, line.split())
        run = make_run(model, rows, size)
        times, start = 0, time.perf_counter_ns()
        while time.perf_counter_ns() - start < milliseconds * 1_000_000 or not times:
            run()
            times += 1
        print(times * size, time.perf_counter_ns() - start, flush=True)


def make_run(model: Any, rows: list[dict[str, float]], size: int) -> Callable[[], object]:
    """Return what scores a batch once."""
    if size == 1:
        return lambda: model.predict(rows[0])
    names = list(rows[0])
    data = [[row[name] for name in names] for row in rows[:size]]
    return lambda: json.loads(model.predict(json.dumps({"columns": names, "data": data})))


if __name__ == "__main__":
    main()
