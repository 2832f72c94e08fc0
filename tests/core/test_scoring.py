"""Rows to results and dead letters, whatever the model does."""

from __future__ import annotations

from itertools import count

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.abc.model import Scores
from headrace.core.assignment import Assignment
from headrace.core.candidate import Candidate
from headrace.core.scoring import Scorer, assemble_results, score_assigned
from headrace.core.states import State
from headrace.errors import HeadraceError
from headrace.records import Descriptor, Field, Signature, SlotKey
from headrace.testing.toymodels import KINDS, Recipe, ToyModel
from tests.core.building import batch_of

WINE = SlotKey("wine")


class Odd(ToyModel):
    """Does what a test says."""

    def __init__(self, score: object) -> None:
        super().__init__(Recipe("plain", "y", 0))
        self.scored = score

    def score(self, batch: pa.RecordBatch) -> Scores:
        assert callable(self.scored)
        result: Scores = self.scored(batch)
        return result


def candidate(model: ToyModel | None, position: int = 0) -> Candidate:
    return Candidate(WINE, position, 0, Descriptor("m", "wine"), "d", state=State.SERVING, model=model)


def columns(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(values, pa.int64())})


def scorer() -> Scorer:
    ticks = count(0, 1_000)
    return Scorer(lambda: next(ticks))


def outcome(model: ToyModel, *values: int) -> tuple[dict[int, int], dict[int, str]]:
    """Outputs by row, and codes of failures by row."""
    portion, failures = scorer().score(candidate(model), columns(*values), np.arange(len(values)))
    scored = (
        {} if portion is None else dict(zip(portion.rows.tolist(), portion.outputs.column(0).to_pylist(), strict=True))
    )
    return scored, {failure.row: failure.code for failure in failures}


def test_rows_are_scored_at_once() -> None:
    assert ({0: 8, 1: 9, 2: 10}, {}) == outcome(ToyModel(Recipe("plain", "y", 7)), 1, 2, 3)


@pytest.mark.parametrize("kind", ["picky", "brittle", "short"])
def test_a_row_that_is_refused_does_not_take_its_neighbours_along(kind: str) -> None:
    model = ToyModel(Recipe(kind, "y", 7))
    assert ({0: 8, 2: 10, 4: 13}, {1: "scoring-failed", 3: "scoring-failed"}) == outcome(model, 1, 5, 3, 10, 6)


@pytest.mark.parametrize("kind", ["picky", "brittle", "short"])
def test_where_all_rows_are_refused_nothing_is_scored(kind: str) -> None:
    codes = dict.fromkeys(range(3), "scoring-failed")
    assert ({}, codes) == outcome(ToyModel(Recipe(kind, "y", 7)), 5, 10, 15)


@given(st.sampled_from(KINDS), st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_each_row_fares_as_it_would_alone(kind: str, values: list[int]) -> None:
    recipe = Recipe(kind, "y", 7)
    alone = {row: recipe.expect(x) for row, x in enumerate(values)}
    scored, failed = outcome(ToyModel(recipe), *values)
    assert {row: y for row, y in alone.items() if y is not None} == scored
    assert {row for row, y in alone.items() if y is None} == set(failed)


def test_a_reason_is_told_for_an_exception_without_words() -> None:
    def fail(batch: pa.RecordBatch) -> Scores:
        raise ValueError

    _, failures = scorer().score(candidate(Odd(fail)), columns(1), np.arange(1))
    assert ["ValueError"] == [failure.reason for failure in failures]


def test_errors_of_rows_that_are_not_there_are_the_models_fault() -> None:
    def wander(batch: pa.RecordBatch) -> Scores:
        outputs = pa.record_batch({"y": batch.column(0)})
        return Scores(outputs, {7: "which row?"} if batch.num_rows > 1 else {})

    assert ({0: 1, 1: 2}, {}) == outcome(Odd(wander), 1, 2)


def test_outputs_of_another_type_than_those_before_are_refused() -> None:
    def waver(batch: pa.RecordBatch) -> Scores:
        if batch.num_rows > 1:
            raise ValueError
        text = batch.column(0)[0].as_py() == 2
        return Scores(pa.record_batch({"y": batch.column(0).cast(pa.string()) if text else batch.column(0)}))

    assert ({0: 1, 2: 3}, {1: "scoring-failed"}) == outcome(Odd(waver), 1, 2, 3)


def test_a_field_that_is_missing_fails_each_row() -> None:
    given = pa.record_batch({"other": pa.array([1, 2])})
    portion, failures = scorer().score(candidate(ToyModel(Recipe("plain", "y", 7))), given, np.arange(2))
    assert portion is None
    assert [(0, "missing-field"), (1, "missing-field")] == [(each.row, each.code) for each in failures]


class Vector(ToyModel):
    """Takes a vector of two."""

    @property
    def signature(self) -> Signature:
        return Signature((Field("v", "double", (2,)),), (Field("y", "int64"),))

    def score(self, batch: pa.RecordBatch) -> Scores:
        return Scores(pa.record_batch({"y": pa.array([0] * batch.num_rows)}))


def test_a_value_of_the_wrong_type_fails_its_row() -> None:
    given = pa.record_batch({"v": pa.array([[1.0, 2.0], [3.0], [4.0, 5.0]])})
    portion, failures = scorer().score(candidate(Vector(Recipe("plain", "y", 0))), given, np.arange(3))
    assert portion is not None
    assert [0, 2] == portion.rows.tolist()
    assert [(1, "wrong-type")] == [(each.row, each.code) for each in failures]


def test_a_model_that_is_not_there_is_a_defect_of_the_caller() -> None:
    with pytest.raises(HeadraceError, match="asked to score while it is serving"):
        scorer().score(candidate(None), columns(1), np.arange(1))


def test_the_time_is_shared_by_the_rows_of_the_segment() -> None:
    met = candidate(ToyModel(Recipe("picky", "y", 0)))
    portion, _ = scorer().score(met, columns(1, 2, 5), np.arange(3))
    assert portion is not None
    assert portion.each_ns == 333
    assert (2, 1, 2, 666) == (
        met.statistics.records,
        met.statistics.errors,
        met.statistics.timing.count,
        met.statistics.timing.total_ns,
    )
    assert met.statistics.last_error == "picky: 5 is refused"


def results_of(codes: list[int], *models: ToyModel) -> list[tuple[list[int], list[int], list[str]]]:
    """Rows, positions and output names of each of the results of a batch."""
    met = tuple(candidate(model, position) for position, model in enumerate(models))
    rows = np.arange(len(codes)) * 2
    assignment = Assignment(met, np.array(codes), len(codes))
    portions, _ = score_assigned(scorer(), assignment, columns(*range(1, len(codes) + 1)), rows)
    made = assemble_results(batch_of(*range(len(codes))), WINE, portions, 5)
    return [
        (
            each.rows.tolist(),
            [each.versions[version].position for version in each.version_of.tolist()],
            each.outputs.schema.names,
        )
        for each in made
    ]


def test_the_rows_of_several_versions_are_put_back_in_order() -> None:
    models = (ToyModel(Recipe("plain", "y", 0)), ToyModel(Recipe("plain", "y", 100)))
    assert [([0, 2, 4, 6], [1, 0, 1, 0], ["y"])] == results_of([1, 0, 1, 0], *models)


def test_outputs_of_different_names_leave_in_runs_and_in_order() -> None:
    models = (ToyModel(Recipe("plain", "y", 0)), ToyModel(Recipe("plain", "z", 100)))
    expected = [([0], [0], ["y"]), ([2, 4], [1, 1], ["z"]), ([6], [0], ["y"])]
    assert expected == results_of([0, 1, 1, 0], *models)


def test_rows_without_a_candidate_are_left_out() -> None:
    assert [([2], [0], ["y"])] == results_of([-1, 0, -2], ToyModel(Recipe("plain", "y", 0)))


def test_outputs_go_with_their_rows() -> None:
    met = (candidate(ToyModel(Recipe("plain", "y", 0)), 0), candidate(ToyModel(Recipe("plain", "y", 100)), 1))
    assignment = Assignment(met, np.array([1, 0, 1]), 3)
    portions, _ = score_assigned(scorer(), assignment, columns(1, 2, 3), np.arange(3))
    (made,) = assemble_results(batch_of(1, 2, 3), WINE, portions, 5)
    assert [101, 2, 103] == made.outputs.column(0).to_pylist()
