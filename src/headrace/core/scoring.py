"""Rows and their candidates to results and dead letters.

Rules:

1. The rows of one candidate are scored at once; the outputs go back into the order of the records.
2. A row that the model refuses is a dead letter; its neighbours are scored. Where a model fails on a whole batch, its
   rows are scored one by one, so that only those that fail are lost to it.
3. ``score_ns`` is the time of binding and scoring the segment divided by its rows, as a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.binding import bind
from headrace.errors import HeadraceError, SignatureError
from headrace.records import DeadLetters, Failure, Results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.abc.model import Model
    from headrace.binding import Binding
    from headrace.core.assignment import Assignment
    from headrace.core.candidate import Candidate
    from headrace.records import Batch, Int64Array, ModelVersion, SlotKey

    Timer = Callable[[], int]

BINDINGS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """What one candidate made of its rows: ``rows`` are the batch's row numbers of those it scored."""

    version: ModelVersion
    rows: Int64Array
    outputs: pa.RecordBatch
    each_ns: int


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores rows; ``timer`` gives nanoseconds, ``exclude`` names fields that are no features."""

    timer: Timer
    exclude: frozenset[str] = frozenset()

    def score(
        self, candidate: Candidate, columns: pa.RecordBatch, rows: Int64Array
    ) -> tuple[Portion | None, list[Failure]]:
        """Score ``columns`` with one candidate; ``rows`` are the batch's row numbers of the columns' rows."""
        began = self.timer()
        outputs, errors = self._outputs(candidate, columns)
        each_ns = max(0, self.timer() - began) // max(1, len(rows))
        failures = [Failure(int(rows[row]), code, reason) for row, (code, reason) in sorted(errors.items())]
        portion = None
        if outputs is not None and len(errors) < len(rows):
            if errors:
                kept = np.delete(np.arange(len(rows)), list(errors))
                outputs, rows = outputs.take(pa.array(kept)), rows[kept]
            portion = Portion(candidate.version, rows, outputs, each_ns)
            candidate.statistics.records += len(rows)
            candidate.statistics.timing.add(len(rows), each_ns)
        if failures:
            candidate.statistics.errors += len(failures)
            candidate.statistics.last_error = failures[-1].reason
        return portion, failures

    def _outputs(
        self, candidate: Candidate, columns: pa.RecordBatch
    ) -> tuple[pa.RecordBatch | None, Mapping[int, tuple[str, str]]]:
        model = candidate.model
        if model is None:
            message = f"model {candidate.version} was asked to score while it is {candidate.state}"
            raise HeadraceError(message)
        try:
            binding = self.binding(candidate, model, columns.schema)
        except SignatureError as error:
            return None, dict.fromkeys(range(columns.num_rows), ("missing-field", str(error)))
        bound, unbound = binding.apply(columns)
        errors = {row: ("wrong-type", reason) for row, reason in unbound.items()}
        try:
            scores = model.score(bound)
        except Exception as error:  # noqa: BLE001 a model is a stranger's program: whatever it raises is a row's error
            return _one_by_one(model, bound, errors, error)
        for row, reason in scores.errors.items():
            errors.setdefault(row, ("scoring-failed", reason))
        return scores.outputs, errors

    def binding(self, candidate: Candidate, model: Model, schema: pa.Schema) -> Binding:
        """Tie the fields of a schema to the model's inputs; kept per schema."""
        known = candidate.bindings.get(schema)
        if known is None:
            if len(candidate.bindings) >= BINDINGS:
                candidate.bindings.clear()
            known = bind(model.signature, schema, candidate.descriptor.mapping, exclude=self.exclude)
            candidate.bindings[schema] = known
        return known


def _one_by_one(
    model: Model, bound: pa.RecordBatch, errors: dict[int, tuple[str, str]], whole: Exception
) -> tuple[pa.RecordBatch | None, Mapping[int, tuple[str, str]]]:
    if bound.num_rows == 1:
        errors.setdefault(0, ("scoring-failed", _told(whole)))
        return None, errors
    pieces: list[pa.RecordBatch] = []
    places: list[int] = []
    for row in range(bound.num_rows):
        if row in errors:
            continue
        try:
            scores = model.score(bound.slice(row, 1))
        except Exception as error:  # noqa: BLE001 as above
            errors[row] = ("scoring-failed", _told(error))
            continue
        if scores.errors:
            errors[row] = ("scoring-failed", scores.errors[0])
            continue
        pieces.append(scores.outputs)
        places.append(row)
    if not pieces:
        return None, errors
    whole_batch = pa.concat_batches(pieces)
    takes = np.zeros(bound.num_rows, dtype=np.int64)
    takes[places] = np.arange(len(places))
    return whole_batch.take(pa.array(takes)), errors


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__


def score_assigned(
    scorer: Scorer, assignment: Assignment, columns: pa.RecordBatch, rows: Int64Array
) -> tuple[list[Portion], list[tuple[ModelVersion, list[Failure]]]]:
    """Score the rows of one slot, each with its candidate; rows with a negative code are left out."""
    portions: list[Portion] = []
    refused: list[tuple[ModelVersion, list[Failure]]] = []
    for index, candidate in enumerate(assignment.candidates):
        if assignment.single:
            part, part_rows = columns, rows
        else:
            chosen = np.flatnonzero(assignment.of_row[: len(rows)] == index)
            if not len(chosen):
                continue
            part, part_rows = columns.take(pa.array(chosen)), rows[chosen]
        portion, failures = scorer.score(candidate, part, part_rows)
        if portion is not None:
            portions.append(portion)
        if failures:
            refused.append((candidate.version, failures))
    return portions, refused


def assemble_results(batch: Batch, slot: SlotKey, portions: list[Portion], scored_at: int) -> list[Results]:
    """Put portions of one slot back into the order of their records."""
    if len(portions) == 1:
        return [_results(batch, slot, portions, np.zeros(len(portions[0].rows), dtype=np.int64), None, scored_at)]
    rows = np.concatenate([portion.rows for portion in portions])
    of = np.repeat(np.arange(len(portions)), [len(portion.rows) for portion in portions])
    order = np.argsort(rows, kind="stable")
    if all(portion.outputs.schema == portions[0].outputs.schema for portion in portions):
        return [_results(batch, slot, portions, of, order, scored_at)]
    return _runs(batch, slot, portions, of[order], scored_at)


def _results(
    batch: Batch, slot: SlotKey, portions: list[Portion], of: Int64Array, order: Int64Array | None, scored_at: int
) -> Results:
    rows = portions[0].rows
    outputs = portions[0].outputs
    if order is not None:
        rows = np.concatenate([portion.rows for portion in portions])[order]
        outputs = pa.concat_batches([portion.outputs for portion in portions]).take(pa.array(order))
        of = of[order]
    each_ns = np.array([portion.each_ns for portion in portions], dtype=np.int64)
    versions = tuple(portion.version for portion in portions)
    return Results(batch, slot, rows, outputs, versions, of, each_ns[of], scored_at)


def _runs(batch: Batch, slot: SlotKey, portions: list[Portion], of: Int64Array, scored_at: int) -> list[Results]:
    """Cut where the version changes: outputs of different names or types share no columns."""
    cuts = np.flatnonzero(np.diff(of)) + 1
    taken = [0] * len(portions)
    made = []
    for run in np.split(of, cuts):
        index, rows = int(run[0]), len(run)
        portion, start = portions[index], taken[index]
        taken[index] += rows
        piece = Portion(
            portion.version, portion.rows[start : start + rows], portion.outputs.slice(start, rows), portion.each_ns
        )
        made.append(_results(batch, slot, [piece], np.zeros(rows, dtype=np.int64), None, scored_at))
    return made


def dead_letters(
    batch: Batch, slot: SlotKey | None, refused: list[tuple[ModelVersion, list[Failure]]]
) -> list[DeadLetters]:
    """Make the dead letters of one slot, by the version that refused them."""
    return [DeadLetters(batch, slot, tuple(failures), version) for version, failures in refused]
