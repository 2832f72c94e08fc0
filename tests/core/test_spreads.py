"""Drift: values by the bins of a profile, equal to a recount of what was scored, mergeable, kept and restored."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.join import Join
from headrace.core.snapshot import decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.core.spreads import (
    MOST,
    Sample,
    Samples,
    Spread,
    add_spread,
    count_rows,
    find_bins,
    measure_shift,
    summarise_drift,
)
from headrace.core.tally import Tally, merge_tallies
from headrace.records import FieldProfile
from headrace.testing.toymodels import Recipe
from tests.core.building import WINE, Bench, plain

X = FieldProfile("x", edges=(2.0, 4.0), counts=(1, 1, 1, 0))
Y = FieldProfile("y", output=True, edges=(5.0,), counts=(1, 1, 0))
COLOUR = FieldProfile("colour", values=("red", "white"), counts=(1, 1, 0, 0))
PICKY = Recipe("picky", "y", 2).content


@pytest.mark.parametrize(
    ("profile", "values", "expected"),
    [
        (X, pa.array([1.0, 2.0, 3.9, 4.0, None, math.nan, -math.inf, math.inf]), [0, 1, 1, 2, 3, 3, 0, 2]),
        (X, pa.array([1, 2, None]), [0, 1, 3]),
        (X, pa.array(["1", "x"]), [3, 3]),
        (X, pa.nulls(2), [3, 3]),
        (COLOUR, pa.array(["white", "rosé", None, "red"]), [1, 2, 3, 0]),
        (COLOUR, pa.array(["white", None, "rosé"]).dictionary_encode(), [1, 3, 2]),
        (FieldProfile("b", values=("true",), counts=(1, 0, 0)), pa.array([True, False, None]), [0, 1, 2]),
    ],
)
def test_each_value_has_its_bin(profile: FieldProfile, values: pa.Array, expected: list[int]) -> None:
    assert expected == find_bins(profile, values).tolist()
    columns = pa.RecordBatch.from_arrays([values], names=[profile.name])
    counted = np.bincount(expected, minlength=profile.bins).tolist()
    many = replace(profile, edges=profile.edges and (*profile.edges, *map(float, range(1_000, 1_030))))
    assert [counted] == count_rows([profile], columns, columns)
    assert sum(counted) == sum(count_rows([many], columns, columns)[0])


def test_fields_are_found_as_models_find_them_and_lists_are_not_counted() -> None:
    columns = pa.RecordBatch.from_pydict({"X": [1.0, 9.0], "colour": [["red"], ["white"]]})
    outputs = pa.RecordBatch.from_pydict({"z": [1.0, 2.0]})
    assert [[1, 0, 1, 0], [0, 0, 0], [0, 0, 0, 0]] == count_rows((X, Y, COLOUR), columns, outputs)


numbers = st.lists(st.none() | st.floats(-10, 10), min_size=1, max_size=30)


@given(st.lists(numbers, min_size=1, max_size=6), st.integers(1, 40))
def test_samples_in_any_pieces_count_the_same(pieces: list[list[float | None]], settle_every: int) -> None:
    samples = Samples()
    spread: Spread = []
    for number, piece in enumerate(pieces):
        outputs = pa.RecordBatch.from_pydict({"y": pa.array(piece, pa.float64())})
        columns = pa.RecordBatch.from_pydict({"x": pa.array(piece, pa.float64())})
        samples.add(Sample((X, Y), columns, outputs), spread)
        if number % settle_every == 0:
            samples.settle(spread)
    samples.settle(spread)
    together = [each for piece in pieces for each in piece]
    column = pa.array(together, pa.float64())
    expected = count_rows((X, Y), pa.RecordBatch.from_pydict({"x": column}), pa.RecordBatch.from_pydict({"y": column}))
    assert expected == spread
    assert [len(together)] * 2 == [sum(counts) for counts in spread]


def test_what_waits_is_bounded() -> None:
    samples = Samples()
    spread: Spread = []
    one = pa.RecordBatch.from_pydict({"x": [1.0]}), pa.RecordBatch.from_pydict({"y": [1.0]})
    for _ in range(MOST - 1):
        samples.add(Sample((X, Y), *one), spread)
    assert [] == spread
    samples.add(Sample((X, Y), *one), spread)
    assert ([[MOST, 0, 0, 0], [MOST, 0, 0]], []) == (spread, samples.waiting)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4), st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_spreads_add_up(one: list[int], other: list[int]) -> None:
    into: Spread = []
    for each in ([], [one], [other], []):
        add_spread(into, each)
    assert [[a + b for a, b in zip(one, other, strict=True)]] == into
    assert 4 == len(one)


def test_shift_is_the_population_stability_index() -> None:
    assert measure_shift((10, 10), ()) is None
    assert measure_shift((10, 10), (0, 0)) is None
    assert 0.0 == measure_shift((100, 100), (100, 100))
    expected = sum((a - e) * math.log(a / e) for e, a in ((0.5, 90.5 / 101), (0.5, 10.5 / 101)))
    assert expected == pytest.approx(measure_shift((50, 50), (90, 10)))
    same = np.random.default_rng(1).multinomial(10_000, [0.1] * 10).tolist()
    assert (measure_shift([1_000] * 10, same) or 0) < 0.01


def test_counts_by_another_profile_tell_nothing() -> None:
    assert {"inputs": {}, "outputs": {}} == summarise_drift((X, Y), [[1, 2, 3]])
    assert summarise_drift((), [[1, 2, 3]]) is None


def serve() -> Bench:
    bench = Bench()
    bench.serve(PICKY, profile=(X, Y))
    bench.offer(1, 2, 5, 7)
    return bench


def test_what_was_scored_is_counted_and_what_failed_is_not() -> None:
    bench = serve()
    tally = Tally()
    rows = []
    while outcome := bench.join.advance():
        tally.add(outcome)
        rows += [row for results in outcome.results for row in results.outputs.column("y").to_pylist()]
    candidate = bench.join.models.candidate(WINE, 0)
    statistics = candidate.settle_samples()
    recount = find_bins(Y, pa.array(rows))
    assert np.bincount(recount, minlength=3).tolist() == statistics.spread[1]
    assert [3, 3] == [sum(counts) for counts in statistics.spread]
    assert statistics.spread == merge_tallies([tally]).accounts[WINE, 0].statistics.spread
    assert summarise_drift((X, Y), statistics.spread) == {
        "inputs": {"x": measure_shift(X.counts, statistics.spread[0])},
        "outputs": {"y": measure_shift(Y.counts, statistics.spread[1])},
    }


def test_without_a_profile_nothing_waits_to_be_counted() -> None:
    bench = Bench()
    bench.serve(plain(1))
    bench.offer(1, 2)
    (results,) = bench.join.advance().results
    candidate = bench.join.models.candidate(WINE, 0)
    assert ((), [], []) == (results.samples, candidate.samples.waiting, candidate.settle_samples().spread)
    assert summarise_drift((), []) is None


def test_counts_and_profile_outlive_a_restart_while_the_model_does() -> None:
    bench = serve()
    bench.advance()
    saved = decode_snapshot(encode_snapshot(take_snapshot(bench.join)))
    restored = Join(bench.settings, lambda: 0, lambda: 0)
    restore_snapshot(restored, saved)
    candidate = restored.models.candidate(WINE, 0)
    assert ((X, Y), [3, 3]) == (candidate.descriptor.profile, [sum(each) for each in candidate.statistics.spread])
    bench.serve(plain(3))
    bench.offer(1)
    bench.advance()
    over, serving = (each for slot in take_snapshot(bench.join).slots for each in (*slot.history, *slot.live))
    assert ([], []) == (over.descriptor.profile, over.statistics.spread)
    assert 3 == over.statistics.records
    assert [] == serving.statistics.spread


def test_a_snapshot_of_before_there_were_profiles_is_read() -> None:
    bench = Bench()
    bench.serve(plain(1))
    content = encode_snapshot(take_snapshot(bench.join)).replace(b',"spread":[]', b"")
    assert b"profile" not in content
    assert b"spread" not in content
    saved = decode_snapshot(content)
    assert replace(saved.slots[0].live[0].statistics, spread=[]) == saved.slots[0].live[0].statistics
