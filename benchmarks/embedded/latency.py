"""What a single record costs on the whole path, from its protobuf bytes to its result, beside scoring it alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.embedded.models import DATA_TYPE, LAYOUT, Forest, open_codec, write_wines
from benchmarks.figures import Figures, interleave
from headrace.app.library import load
from headrace.core.join import Join
from headrace.core.models import LoadCost
from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.records import Descriptor, ModelMessage, Publish, Raw
from headrace.stores.contents import digest_of

RECORDS = 1_599


def measure_latency(figures: Figures, forest: Forest, rounds: int) -> None:
    """Print median times of a record, in microseconds."""
    values = write_wines(RECORDS)
    codec = open_codec()
    raws = [Raw("wines", 0, np.array([row]), values=values[row : row + 1]) for row in range(RECORDS)]
    batches = [codec.decode(raw) for raw in raws]
    model = load(forest.content)
    names = [field.name for field in model.signature.inputs]
    records = [{name: batch.groups[0].columns.column(name)[0].as_py() for name in names} for batch in batches]
    join = open_join(forest)

    def through(raw: Raw) -> None:
        join.offer(codec.decode(raw))
        if len(join.advance().results) != 1:
            raise SystemExit("a record had no result")

    arms: dict[str, Callable[[], float]] = {
        "score_one": lambda: median_of(model.score_one, records),
        "decode": lambda: median_of(codec.decode, raws),
        "path": lambda: median_of(through, raws),
    }
    interleave(arms, 1)
    taken = interleave(arms, rounds)
    told = {"score_one": "score_one alone", "decode": "decoding alone", "path": "decode, offer and advance"}
    for name, what in told.items():
        figures.tell(f"{forest.name}, one record, {what}, us", f"{statistics.median(taken[name]) * 1e6:.1f}")


def open_join(forest: Forest) -> Join:
    """Make a join in which a forest serves."""
    join = Join(JoinSettings(exclude=frozenset(LAYOUT.named_fields())), lambda: 0, time.perf_counter_ns)
    digest = digest_of(forest.content)
    join.models.receive(ModelMessage(0, 0, Publish(Descriptor("forest", DATA_TYPE, digest=digest))))
    (request,) = join.models.load_requests()
    for state in (State.VERIFYING, State.WARMING):
        join.models.progress(request.slot, request.position, state)
    join.models.accept(request.slot, request.position, load(forest.content), digest, LoadCost())
    return join


def median_of(call: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Call for each item, and give the median time of a call in seconds."""
    times = []
    for item in items:
        began = time.perf_counter()
        call(item)
        times.append(time.perf_counter() - began)
    return statistics.median(times)
