"""Rows and their candidates to results and dead letters.

Rules:

1. The rows of one candidate are scored at once; the outputs go back into the order of the records.
2. A row that the model refuses is a dead letter; its neighbours are scored. Where a model fails on a batch, or gives
   what its contract does not allow, the batch is halved until only rows that fail by themselves are lost.
3. ``score_ns`` is the time of binding and scoring the segment divided by its rows, as a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.binding import bind
from headrace.core.batches import concatenate
from headrace.core.spreads import Sample
from headrace.errors import HeadraceError, ModelError, SignatureError
from headrace.records import DeadLetters, Failure, Results

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc.model import Model
    from headrace.binding import Binding
    from headrace.core.assignment import Assignment
    from headrace.core.candidate import Candidate
    from headrace.records import Batch, Int64Array, ModelVersion, SlotKey

    Timer = Callable[[], int]
    Piece = tuple[int, pa.RecordBatch]
    """Outputs, and the row of the batch that their first one belongs to."""
    Errors = dict[int, tuple[str, str]]
    """By row of the batch: a short code, and the reason."""

BINDINGS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """What one candidate made of its rows: ``rows`` are the batch's row numbers of those it scored."""

    version: ModelVersion
    rows: Int64Array
    outputs: pa.RecordBatch
    each_ns: int
    sample: Sample | None = None


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
        errors: Errors = {}
        pieces = self._pieces(candidate, columns, errors)
        each_ns = max(0, self.timer() - began) // max(1, len(rows))
        failures = [Failure(int(rows[row]), code, reason) for row, (code, reason) in sorted(errors.items())]
        portion = None
        if len(errors) < len(rows):
            if errors:
                rows = np.delete(rows, list(errors))
            outputs = _gather(pieces, errors)
            sample = _sample(candidate, columns, outputs, errors) if candidate.descriptor.profile else None
            portion = Portion(candidate.version, rows, outputs, each_ns, sample)
            candidate.glimpse.add(outputs)
            candidate.statistics.records += len(rows)
            candidate.statistics.timing.add(len(rows), each_ns)
        if failures:
            candidate.statistics.errors += len(failures)
            candidate.statistics.last_error = failures[-1].reason
        return portion, failures

    def _pieces(self, candidate: Candidate, columns: pa.RecordBatch, errors: Errors) -> list[Piece]:
        model = candidate.model
        if model is None:
            message = f"model {candidate.version} was asked to score while it is {candidate.state}"
            raise HeadraceError(message)
        try:
            binding = self.binding(candidate, model, columns.schema)
        except SignatureError as error:
            errors.update(dict.fromkeys(range(columns.num_rows), ("missing-field", str(error))))
            return []
        pieces: list[Piece] = []
        _score_pieces(model, binding, columns, 0, pieces, errors)
        return pieces

    def binding(self, candidate: Candidate, model: Model, schema: pa.Schema) -> Binding:
        """Tie the fields of a schema to the model's inputs; kept per schema."""
        last = candidate.bound
        if last is not None and last[0].equals(schema):
            return last[1]
        known = candidate.bindings.get(schema)
        if known is None:
            if len(candidate.bindings) >= BINDINGS:
                candidate.bindings.clear()
            known = bind(model.signature, schema, candidate.descriptor.mapping, exclude=self.exclude)
            candidate.bindings[schema] = known
        candidate.bound = (schema, known)
        return known


def _sample(candidate: Candidate, columns: pa.RecordBatch, outputs: pa.RecordBatch, errors: Errors) -> Sample:
    """Have the rows that were scored counted by the candidate's profile."""
    if errors:
        columns = columns.take(pa.array(np.delete(np.arange(columns.num_rows), list(errors))))
    sample = Sample(candidate.descriptor.profile, columns, outputs)
    candidate.samples.add(sample, candidate.statistics.spread)
    return sample


def _score_pieces(
    model: Model, binding: Binding, columns: pa.RecordBatch, start: int, pieces: list[Piece], errors: Errors
) -> None:
    """Score a batch, in halves where it fails as a whole; rows that fail by themselves are in no piece."""
    rows = columns.num_rows
    try:
        outputs = _score_whole(model, binding, columns, start, errors)
        _check_alike(outputs, pieces)
    except Exception as error:  # noqa: BLE001 a model is a stranger's program: whatever it raises is a row's error
        if rows == 1:
            errors.setdefault(start, ("scoring-failed", str(error) or type(error).__name__))
            return
        half = rows // 2
        _score_pieces(model, binding, columns.slice(0, half), start, pieces, errors)
        _score_pieces(model, binding, columns.slice(half), start + half, pieces, errors)
        return
    pieces.append((start, outputs))


def _score_whole(model: Model, binding: Binding, columns: pa.RecordBatch, start: int, errors: Errors) -> pa.RecordBatch:
    bound, unbound = binding.apply(columns)
    for row, reason in unbound.items():
        errors[start + row] = ("wrong-type", reason)
    scores = model.score(bound)
    rows = columns.num_rows
    if scores.outputs.num_rows != rows:
        message = f"the model gave {scores.outputs.num_rows} rows of outputs for {rows} records"
        raise ModelError(message)
    if scores.errors and not all(0 <= row < rows for row in scores.errors):
        message = f"the model names errors of rows {sorted(scores.errors)}, and there are {rows}"
        raise ModelError(message)
    for row, reason in scores.errors.items():
        errors.setdefault(start + row, ("scoring-failed", reason))
    return scores.outputs


def _check_alike(outputs: pa.RecordBatch, pieces: list[Piece]) -> None:
    if pieces and outputs.schema != pieces[0][1].schema:
        message = f"the model gave {outputs.schema} after {pieces[0][1].schema}"
        raise ModelError(message)


def _gather(pieces: list[Piece], errors: Errors) -> pa.RecordBatch:
    """Put the outputs of the rows without an error together."""
    scored = []
    for start, outputs in pieces:
        good = [row for row in range(outputs.num_rows) if start + row not in errors] if errors else []
        scored.append(outputs.take(pa.array(good, pa.int64())) if errors and len(good) < outputs.num_rows else outputs)
    return scored[0] if len(scored) == 1 else concatenate(scored)


def score_assigned(
    scorer: Scorer, assignment: Assignment, columns: pa.RecordBatch, rows: Int64Array
) -> tuple[list[Portion], list[tuple[ModelVersion, list[Failure]]]]:
    """Score the rows of one slot, each with its candidate; rows with a negative code are left out."""
    portions: list[Portion] = []
    refused: list[tuple[ModelVersion, list[Failure]]] = []
    for index, candidate in enumerate(assignment.candidates):
        if assignment.of_row is None:
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
        return [_whole(batch, slot, portions[0], scored_at)]
    rows = np.concatenate([portion.rows for portion in portions])
    of = np.repeat(np.arange(len(portions)), [len(portion.rows) for portion in portions])
    order = np.argsort(rows, kind="stable")
    if any(portion.outputs.schema != portions[0].outputs.schema for portion in portions):
        return _runs(batch, slot, portions, of[order], scored_at)
    outputs = concatenate([portion.outputs for portion in portions]).take(pa.array(order))
    each_ns = np.array([portion.each_ns for portion in portions], dtype=np.int64)[of[order]]
    versions = tuple(portion.version for portion in portions)
    samples = _list_samples(portions)
    return [Results(batch, slot, rows[order], outputs, versions, of[order], each_ns, scored_at, samples)]


def _list_samples(portions: list[Portion]) -> tuple[Sample | None, ...]:
    """Give the samples by version; none at all where no version has one."""
    found = tuple(portion.sample for portion in portions)
    return found if any(each is not None for each in found) else ()


def _whole(batch: Batch, slot: SlotKey, portion: Portion, scored_at: int) -> Results:
    rows = len(portion.rows)
    version_of, score_ns = np.zeros(rows, dtype=np.int64), np.full(rows, portion.each_ns, dtype=np.int64)
    samples = _list_samples([portion])
    versions = (portion.version,)
    return Results(batch, slot, portion.rows, portion.outputs, versions, version_of, score_ns, scored_at, samples)


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
            portion.version,
            portion.rows[start : start + rows],
            portion.outputs.slice(start, rows),
            portion.each_ns,
            None if start else portion.sample,  # the whole portion's, with its first run
        )
        made.append(_whole(batch, slot, piece, scored_at))
    return made


def dead_letters(
    batch: Batch, slot: SlotKey | None, refused: list[tuple[ModelVersion, list[Failure]]]
) -> list[DeadLetters]:
    """Make the dead letters of one slot, by the version that refused them."""
    return [DeadLetters(batch, slot, tuple(failures), version) for version, failures in refused]
