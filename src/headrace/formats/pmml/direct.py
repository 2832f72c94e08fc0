"""A short way through plain models: numbers in, one forest, its number or its classes out.

It gives what the general way gives, bit for bit. For a batch that needs more (text where a number is wanted, a tree
without a prediction) it gives None, and the general way is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa

from headrace.abc.model import Scores
from headrace.formats.pmml.arrow import Writer, find_overflow, wrap
from headrace.formats.pmml.columns import Floats, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.features import find_label
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.output import OutputField
from headrace.formats.pmml.result import Result
from headrace.formats.pmml.schema import FLOATING, Input
from headrace.formats.pmml.trees.forest import Forest

_DOUBLE = pa.float64()
_VALUE = -1
"""The place of the predicted value among classes."""


class Direct:
    """A plain model. ``places`` says what each output is: a class's probability, or the predicted value."""

    def __init__(
        self, forest: Forest, inputs: Sequence[Input], places: list[int], writers: list[Writer], schema: pa.Schema
    ) -> None:
        self._forest = forest
        self._places = places
        self._writers = writers
        self._schema = schema
        self._types = schema.types
        single = [entry.data_field.type.is_float for entry in inputs]
        by_name = {entry.field.name: place for place, entry in enumerate(inputs)}
        self._names = [field.name for field in forest.fields]
        self._unused = [entry.field.name for entry in inputs if entry.field.name not in set(self._names)]
        self._used = [(name, single[by_name[name]]) for name in self._names]
        self._all_single = all(is_single for _, is_single in self._used)
        alike = self._all_single or not any(is_single for _, is_single in self._used)
        self._expected = pa.schema([(name, pa.float64()) for name in by_name] if alike and self._names else [])
        self._places_in = None if self._names == list(by_name) else np.array([by_name[name] for name in self._names])
        self._labels = self._read_labels()
        self._kept = [self._keep_labels(place) for place in range(len(places))]
        width = len(forest.labels) or 1
        chosen = [width if place == _VALUE else place for place in places]
        self._pick: Callable[[Sequence[object]], tuple[object, ...]] = (
            itemgetter(*chosen) if len(chosen) > 1 else lambda values: (values[chosen[0]],)
        )

    def _read_labels(self) -> list[object]:
        labels = self._forest.labels
        if not labels or _VALUE not in self._places:
            return []
        every = Texts(np.arange(len(labels), dtype=np.int32), labels)
        found: list[object] = self._writers[self._places.index(_VALUE)].write(every, None).to_pylist()
        return found

    def _keep_labels(self, place: int) -> dict[object, pa.Array]:
        """Return the label that an output may have as arrays of one row; none for numbers."""
        if self._places[place] != _VALUE:
            return {}
        return {label: pa.array([label], self._types[place]) for label in self._labels}

    def score(self, batch: pa.RecordBatch) -> Scores | None:
        """Score a batch; None where it needs the general way."""
        with np.errstate(all="ignore"):
            matrix = self._read(batch)
            if matrix is None:
                return None
            if len(matrix) == 1 and (values := self._predict_one(matrix)) is not None:
                return self._write_one(values)
            result = self._forest.predict(matrix)
            overflows = isinstance(result.value, Numbers) and find_overflow(result.value, DOUBLE) is not None
            return None if overflows else self._write(result)

    def _write_one(self, values: tuple[object, ...]) -> Scores:
        """Write one row. ``pa.array`` takes longer than the forest did: labels are kept as arrays, numbers wrapped."""
        arrays = [
            kept[value] if kept else wrap(np.array([value]), kind) if kind == _DOUBLE else pa.array([value], kind)
            for value, kind, kept in zip(values, self._types, self._kept, strict=True)
        ]
        return Scores(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _read(self, batch: pa.RecordBatch) -> Floats | None:
        given = batch.schema
        if given.equals(self._expected):
            together: Floats = np.asarray(batch.to_tensor(null_to_nan=True, row_major=True))
            if self._places_in is not None:
                together = together.take(self._places_in, axis=1)
            return together.astype(np.float32).astype(np.float64) if self._all_single else together
        return self._read_columns(batch, given.names)

    def _read_columns(self, batch: pa.RecordBatch, listed: list[str]) -> Floats | None:
        names = {name: place for place, name in enumerate(listed)}
        matrix: Floats = np.empty((batch.num_rows, max(len(self._used), 1)))
        for name in self._unused:
            place = names.get(name)
            if place is not None and batch.column(place).type.id not in FLOATING:
                return None
        for column, (name, single) in enumerate(self._used):
            place = names.get(name)
            if place is None:
                matrix[:, column] = np.nan
                continue
            array = batch.column(place)
            if array.type.id not in FLOATING:
                return None
            values = array.to_numpy(zero_copy_only=False)
            matrix[:, column] = values.astype(np.float32, copy=False) if single else values
        return matrix

    def _write(self, result: Result) -> Scores:
        probabilities = result.probabilities
        whole = probabilities is not None and not np.isnan(probabilities.min(initial=np.inf))
        arrays = []
        for place, writer in zip(self._places, self._writers, strict=True):
            if place == _VALUE or probabilities is None:
                arrays.append(writer.write(result.value, None))
            elif whole:
                arrays.append(wrap(np.ascontiguousarray(probabilities[:, place]), pa.float64()))
            else:
                arrays.append(writer.write(Numbers(probabilities[:, place]), None))
        return Scores(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _predict_one(self, row: Floats) -> tuple[object, ...] | None:
        """Return the outputs' values for a matrix of one row; None where it needs the general way."""
        sums = self._forest.add_up_one(row)
        if sums is None or (not self._labels and math.isinf(sums[0])):
            return None
        predicted = self._labels[sums.index(max(sums))] if self._labels else sums[0]
        return self._pick((*sums, predicted))


def open_direct(frame: ModelFrame, inputs: Sequence[Input], schema: pa.Schema, writers: list[Writer]) -> Direct | None:
    """Make the short way of a model; None where the model is not plain."""
    forest = frame.evaluator
    if not isinstance(forest, Forest) or frame.targets or not all(entry.is_plain for entry in inputs):
        return None
    known = {entry.field for entry in inputs}
    if forest.single or not forest.adds_plainly or not all(field in known for field in forest.fields):
        return None
    finals = {output.field.name: output for output in frame.final_outputs()}
    places = []
    for name in schema.names:
        place = _VALUE if name not in finals else _find_place(finals[name], forest.labels)
        if place is None:
            return None
        places.append(place)
    if any(output.expression is not None for output in frame.outputs):
        return None
    return Direct(forest, inputs, places, writers, schema)


def _find_place(output: OutputField, labels: Sequence[str]) -> int | None:
    """Return where an output's values are, None where that is not a plain place."""
    attributes = output.element.attributes
    if output.expression is not None or "segmentId" in attributes or "targetField" in attributes:
        return None
    if output.feature == "predictedValue" and output.field.type.is_text == bool(labels):
        return _VALUE
    if output.feature == "probability" and output.field.type is DOUBLE and "value" in attributes:
        return find_label(attributes["value"], labels)
    return None
