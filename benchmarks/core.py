"""What the join itself costs for one record, offered and scored on its own: ``make bench-core``.

Each figure is the median over blocks of records of the processor time of ``offer`` and ``advance``, with a model that
gives back its input, so that what is measured is the way there and back.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import pyarrow as pa

from benchmarks.figures import Figures, tell_load
from headrace.abc.model import Scores
from headrace.core.join import Join
from headrace.core.models import LoadCost
from headrace.core.settings import JoinSettings
from headrace.core.spreads import count_rows
from headrace.core.states import State
from headrace.core.timeline import END
from headrace.records import Batch, Descriptor, FieldProfile, Group, ModelMessage, Publish, Raw, SlotKey, SwitchMode
from headrace.testing.scenario import digest_of
from headrace.testing.toymodels import Recipe, ToyModel

BLOCKS = 200
BLOCK = 50
GOAL_US = 40
WINE = SlotKey("wine")
EDGES = tuple(float(edge) for edge in range(1, 10))


class Echo(ToyModel):
    """Gives back what it is given."""

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Give the inputs as outputs."""
        return Scores(batch)


def serve(mode: SwitchMode, profile: tuple[FieldProfile, ...] = ()) -> Join:
    """Make a join in which one model serves."""
    join = Join(JoinSettings(switch=mode), lambda: 0, time.perf_counter_ns)
    digest = digest_of(b"echo")
    join.models.receive(ModelMessage(0, 1, Publish(Descriptor("echo", WINE.data_type, digest=digest, profile=profile))))
    join.models.load_requests()
    join.models.progress(WINE, 0, State.VERIFYING)
    join.models.progress(WINE, 0, State.WARMING)
    join.models.accept(WINE, 0, Echo(Recipe("plain", "x", 0)), digest, LoadCost())
    join.models.read_up_to(END)
    return join


def make_records() -> list[Batch]:
    """Make batches of one record."""
    rows = np.zeros(1, dtype=np.int64)
    return [
        Batch(
            Raw("records", 0, np.array([number], dtype=np.int64)),
            (Group(WINE.data_type, rows, pa.record_batch({"x": pa.array([number], pa.int64())})),),
            times=np.array([number + 10], dtype=np.int64),
        )
        for number in range(BLOCK * BLOCKS)
    ]


def measure(mode: SwitchMode, profile: tuple[FieldProfile, ...] = ()) -> float:
    """Give the microseconds that one record takes."""
    join, records = serve(mode, profile), make_records()
    taken = []
    for start in range(0, len(records), BLOCK):
        began = time.process_time_ns()
        for batch in records[start : start + BLOCK]:
            join.offer(batch)
            join.advance()
        taken.append((time.process_time_ns() - began) / BLOCK / 1_000)
    if join.totals().scored != len(records):
        message = f"{join.totals()} of {len(records)} records"
        raise AssertionError(message)
    return statistics.median(taken)


def measure_counting(rows: int, fields: int) -> float:
    """Give the nanoseconds that counting one record by a profile of numbers takes, in batches of so many rows."""
    names = [f"x{number}" for number in range(fields)]
    profile = tuple(FieldProfile(name, edges=EDGES, counts=(1,) * 11) for name in names)
    values = np.random.default_rng(1).uniform(0, 10, (fields, rows))
    columns = pa.record_batch(dict(zip(names, map(pa.array, values), strict=True)))
    taken = []
    for _ in range(BLOCKS):
        began = time.process_time_ns()
        count_rows(profile, columns, columns)
        taken.append((time.process_time_ns() - began) / rows)
    return statistics.median(taken)


def main() -> int:
    """Print one line a figure."""
    figures = Figures()
    figures.tell("load", tell_load())
    figures.hold("one record, ready", measure(SwitchMode.READY), GOAL_US, " us", most=True)
    figures.tell("one record, ordered", f"{measure(SwitchMode.ORDERED):.2f} us")
    figures.tell("one record, event-time", f"{measure(SwitchMode.EVENT_TIME):.2f} us")
    profiled = measure(SwitchMode.READY, (FieldProfile("x", edges=EDGES, counts=(1,) * 11),))
    figures.tell("one record, ready, with a profile", f"{profiled:.2f} us")
    for rows in (1_000, 10_000):
        figures.tell(
            f"counting by a profile of 12 fields, {rows} rows", f"{measure_counting(rows, 12):.0f} ns a record"
        )
    return 0 if figures.met else 1


if __name__ == "__main__":
    raise SystemExit(main())
