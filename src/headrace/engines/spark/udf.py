"""``score_udf``: a model as a function of Spark, for batch tables and for streams whose model never changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql.pandas.functions import arrow_udf
from pyspark.sql.pandas.types import from_arrow_schema

from headrace.core.scoring import Scorer
from headrace.loading import LoadOptions
from headrace.machinery.lone import load_lone
from headrace.machinery.shelf import find_shelf
from headrace.stores.contents import digest_of
from headrace.wire.table import make_plain

if TYPE_CHECKING:
    from pyspark.sql import Column

    from headrace.core.candidate import Candidate
    from headrace.records import Field

UNSCORED = "unscored"
"""The member that says why a row has no outputs; null where it has."""


def score_udf(
    model: str | Path | bytes,
    *,
    model_type: str = "",
    mapping: Mapping[str, tuple[str, ...]] | None = None,
    exclude: Iterable[str] = (),
    options: LoadOptions | None = None,
    in_child: bool = True,
) -> Callable[[Column], Column]:
    """Give a function from a struct of a record's fields to a struct of the model's outputs.

    ``model`` is a file of the driver's, or its bytes, which go to the workers with the query. It is loaded once per
    worker process. A row that cannot be scored has null outputs and the reason in ``unscored``; its neighbours are
    scored. ``mapping`` ties inputs of the model to fields where their names differ, ``exclude`` names fields that are
    no features.

    Raises ``ModelError`` and ``LimitError`` where the model is refused.
    """
    content = model if isinstance(model, bytes) else Path(model).read_bytes()
    name = "model" if isinstance(model, bytes) else Path(model).name
    lone = _Lone(content, name, model_type, dict(mapping or {}), frozenset(exclude), options or LoadOptions(), in_child)
    candidate = lone.load()
    assert candidate.model is not None
    schema = pa.schema([*(_as_arrow(each) for each in candidate.model.signature.outputs), (UNSCORED, pa.string())])

    def score(records: pa.Array) -> pa.Array:
        return lone.score(records, schema)

    made: Callable[[Column], Column] = arrow_udf(score, returnType=from_arrow_schema(schema))  # type: ignore[call-overload]
    return made


@dataclass(frozen=True, slots=True)
class _Lone:
    """A model to be sent to workers, and scored with there."""

    content: bytes
    name: str
    model_type: str
    mapping: Mapping[str, tuple[str, ...]]
    exclude: frozenset[str]
    options: LoadOptions
    in_child: bool

    def load(self) -> Candidate:
        """Give the model, loaded when this process first asks."""
        wanted = (digest_of(self.content), self.model_type, repr(sorted(self.mapping.items())), repr(self.options))
        if wanted not in _LOADED:
            shelf = find_shelf(self.options, in_child=self.in_child)
            _LOADED[wanted] = load_lone(
                shelf, self.content, self.name, model_type=self.model_type, mapping=self.mapping
            )
        return _LOADED[wanted]

    def score(self, records: pa.Array, schema: pa.Schema) -> pa.Array:
        """Score a batch of structs."""
        columns = make_plain(pa.RecordBatch.from_struct_array(records))
        count = len(records)
        scorer = Scorer(time.perf_counter_ns, self.exclude)
        portion, failures = scorer.score(self.load(), columns, np.arange(count))
        place: Any = pa.nulls(count, pa.int64())
        if portion is not None:
            of_row = np.full(count, -1, np.int64)
            of_row[portion.rows] = np.arange(len(portion.rows))
            place = pa.array(of_row, mask=of_row < 0)
        outputs = (
            {} if portion is None else dict(zip(portion.outputs.schema.names, portion.outputs.columns, strict=True))
        )
        reasons = {failure.row: failure.reason for failure in failures}
        members = [
            outputs[field.name].take(place).cast(field.type) if field.name in outputs else pa.nulls(count, field.type)
            for field in list(schema)[:-1]
        ]
        members.append(pa.array([reasons.get(row) for row in range(count)], pa.string()))
        return pa.StructArray.from_arrays(members, fields=list(schema))


_LOADED: dict[tuple[str, str, str, str], Candidate] = {}


def _as_arrow(output: Field) -> pa.Field:
    made = pa.type_for_alias(output.type)
    for _ in output.shape:
        made = pa.list_(made)
    return pa.field(output.name, made)
