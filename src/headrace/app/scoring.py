"""One model over one table of text: what ``headrace score`` does.

Rules:

1. A format that says itself how a text becomes a value (PMML: by its data dictionary) is given the texts; for others a
   text is read as the type of the input that it feeds.
2. An input without a column is missing in every row, where the format knows missing values; that is told once.
3. A row that fails has empty outputs, and its neighbours are scored.
4. Where a model takes records of another shape than rows (``abc.model.Shaping``), rows are shaped first, and a row
   comes out for each record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headrace import catalog
from headrace.abc.model import Shaping
from headrace.app.model_files import read_model
from headrace.app.shaping import shape_table
from headrace.binding import Binding, bind, fold
from headrace.errors import (
    ConfigurationError,
    DescriptorError,
    ModelError,
    ModelFormatError,
    SignatureError,
    SourceError,
    VerificationError,
)
from headrace.loading import LoadOptions, choose, find_format
from headrace.wire.csv import convert_cells, infer_cells

if TYPE_CHECKING:
    from headrace.abc.model import Model
    from headrace.records import Signature

_READS_TEXT = frozenset({"pmml"})
"""Formats whose models know how a text becomes a value, and what a missing one means."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model out of a file. ``doubt`` is what its own verification found wrong, or ""."""

    model: Model
    format: str
    doubt: str = ""


@dataclass(slots=True)
class Tally:
    """Rows, and those that failed: counts and first row by reason. Rows count from 1."""

    rows: int = 0
    failed: int = 0
    reasons: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, rows: int, errors: Mapping[int, str]) -> None:
        """Count a batch."""
        for row in sorted(errors):
            count, first = self.reasons.get(errors[row], (0, self.rows + row + 1))
            self.reasons[errors[row]] = (count + 1, first)
        self.rows += rows
        self.failed += len(errors)


def load_model(path: Path, model_type: str = "", options: Mapping[str, str] = MappingProxyType({})) -> Loaded:
    """Load a model in this process, its format found by looking unless it is named, as the options ask for it.

    Raises ``SourceError``, ``ModelError`` that names the file, ``MissingExtraError``, and ``ConfigurationError`` for a
    format that there is not.
    """
    content = read_model(path)
    if model_type and model_type not in catalog.find_names("format"):
        known = ", ".join(catalog.find_names("format"))
        raise ConfigurationError(f"--format: there is no format {model_type!r}; there are: {known}")
    try:
        found = choose(find_format(content, model_type, LoadOptions()), options)
        prepared = found.prepare(content)
        model = found.assemble(prepared)
    except (ModelError, DescriptorError) as error:
        raise type(error)(f"{path}: {error}") from error
    except RecursionError as error:
        raise ModelFormatError(f"{path} is nested too deeply to be read") from error
    try:
        found.verify(model, prepared)
    except VerificationError as error:
        return Loaded(model, found.name, str(error))
    return Loaded(model, found.name)


class TextScorer:
    """Scores batches of text columns of one schema.

    ``absent`` names the inputs that no column feeds, ``columns`` the (first) column of every other input. ``sample``
    is the first batch: which columns hold numbers is seen there. Raises ``SignatureError`` where an input that cannot
    do without has no column, and ``SourceError`` where no input has one, or one is there twice.
    """

    def __init__(self, loaded: Loaded, sample: pa.RecordBatch, mapping: Mapping[str, tuple[str, ...]]) -> None:
        self._model = loaded.model
        self._types: dict[str, pa.DataType] = {}
        signature = loaded.model.signature
        _refuse_twice(sample.schema.names, signature, mapping)
        if loaded.format in _READS_TEXT:
            inputs = tuple(replace(each, required=each.name in mapping) for each in signature.inputs)
            self._binding = bind(replace(signature, inputs=inputs), sample.schema, mapping)
        else:
            self._binding = self._bind_typed(sample, mapping)
        self.columns = {source.input: source.fields[0] for source in self._binding.sources}
        fed = set(self.columns)
        self.absent = [each.name for each in signature.inputs if each.name not in fed]
        if signature.inputs and not fed:
            wanted = ", ".join(repr(each.name) for each in signature.inputs[:20])
            raise SourceError(f"no column feeds the model, which takes {wanted}; there are: {sample.schema.names}")

    def _bind_typed(self, sample: pa.RecordBatch, mapping: Mapping[str, tuple[str, ...]]) -> Binding:
        signature = self._model.signature
        guessed = pa.schema([(name, _guess(sample.column(place))) for place, name in enumerate(sample.schema.names)])
        found = bind(signature, guessed, mapping)
        types = {each.name: pa.type_for_alias(each.type) for each in signature.inputs}
        for source in found.sources:
            self._types |= dict.fromkeys(source.fields, types[source.input])
        fields = {source.input: source.fields for source in found.sources}
        return bind(signature, pa.schema(list(self._types.items())), fields)

    def score(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, str]]:
        """Score a batch; gives outputs, empty where a row failed, and the reasons by row."""
        errors: dict[int, str] = {}
        if self._types:
            batch = self._read(batch, errors)
        inputs, unbound = self._binding.apply(batch)
        scores = self._model.score(inputs)
        for found in (unbound, scores.errors):
            for row, reason in found.items():
                errors.setdefault(row, reason)
        return _empty(scores.outputs, errors), errors

    def _read(self, batch: pa.RecordBatch, errors: dict[int, str]) -> pa.RecordBatch:
        arrays = []
        for name, kind in self._types.items():
            array, wrong = convert_cells(batch.column(name), kind)
            for row, reason in wrong.items():
                errors.setdefault(row, f"the column {name!r} is {reason}")
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, names=list(self._types))


def score_table(
    loaded: Loaded, batches: Iterable[pa.RecordBatch], schema: pa.Schema, mapping: Mapping[str, tuple[str, ...]]
) -> tuple[TextScorer, Iterator[tuple[pa.RecordBatch, dict[int, str]]]]:
    """Bind a model to a table and score it block by block: one row out for each row in, or for each record of them.

    Raises as ``TextScorer`` does, at once, and what the table raises as it is read.
    """
    left = iter(batches)
    first = next(left, None)
    try:
        scorer = TextScorer(loaded, _no_rows(schema) if first is None else first, mapping)
    except SignatureError as error:
        raise SignatureError(f"{error} (here: --map INPUT=COLUMN,COLUMN)") from error

    shaping = getattr(loaded.model, "shaping", Shaping())
    table = shape_table(left if first is None else chain([first], left), shaping, scorer.columns)
    return scorer, (scorer.score(batch) for batch in table)


def _refuse_twice(columns: list[str], signature: Signature, mapping: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a column that is there twice where it may feed the model; any other one is ignored anyway."""
    mapped = {name for fields in mapping.values() for name in fields}
    wanted = {fold(each.name) for each in signature.inputs if each.name not in mapping}
    by_place = len(signature.inputs) == 1 and bool(signature.inputs[0].shape) and not mapping
    for name, count in Counter(columns).items():
        if count > 1 and (by_place or name in mapped or fold(name) in wanted):
            times = "twice" if count == 2 else f"{count} times"
            raise SourceError(f"the column {name!r} is there {times}: give each column a name of its own")


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], each.type) for each in schema], schema=schema)


def _guess(column: pa.Array) -> pa.DataType:
    """Guess whether a column of text holds numbers, flags or text; nothing at all may be numbers."""
    kind = infer_cells(column)[0].type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
    return pa.float64() if number else kind


def _empty(outputs: pa.RecordBatch, errors: Mapping[int, str]) -> pa.RecordBatch:
    """Take the outputs of failed rows away."""
    if not errors:
        return outputs
    kept = pa.array([None if row in errors else row for row in range(outputs.num_rows)], pa.int64())
    return pa.RecordBatch.from_arrays([pc.take(column, kept) for column in outputs.columns], schema=outputs.schema)
