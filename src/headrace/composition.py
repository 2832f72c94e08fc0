"""Models put together: the outputs of one feed the next.

Rules:

1. An input of a later model is fed by an earlier model's output of the same name, else by the record.
2. A row that one model refuses is refused by the whole; later models see null in it.
3. The outputs are those of the last model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.abc.model import Scores
from headrace.binding import bind
from headrace.errors import SignatureError
from headrace.records import Field, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.abc.model import Model


def compose(*models: Model) -> Model:
    """Make one model of several, applied from left to right.

    The result is a ``Model`` like any other: it scores batches and single records, and closing it closes all of them.
    Raises ``SignatureError`` where two inputs of the record have one name and different types.
    """
    if not models:
        message = "nothing to compose: name at least one model"
        raise SignatureError(message)
    return models[0] if len(models) == 1 else _Chain(models)


class _Chain:
    def __init__(self, models: tuple[Model, ...]) -> None:
        self._models = models
        self.signature = Signature(_open_inputs(models), models[-1].signature.outputs)

    def score(self, batch: pa.RecordBatch) -> Scores:
        columns = batch
        errors: dict[int, str] = {}
        outputs = batch
        for model in self._models:
            bound, unbound = bind(model.signature, columns.schema).apply(columns)
            scores = model.score(bound)
            errors = {**scores.errors, **unbound, **errors}
            outputs = scores.outputs
            columns = _extend(columns, outputs)
        return Scores(outputs, errors)

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        values = dict(record)
        outputs: dict[str, object] = {}
        for model in self._models:
            names = {each.name for each in model.signature.inputs}
            outputs = model.score_one({name: values[name] for name in names & values.keys()})
            values |= outputs
        return outputs

    def close(self) -> None:
        for model in self._models:
            model.close()


def _extend(columns: pa.RecordBatch, outputs: pa.RecordBatch) -> pa.RecordBatch:
    """Put a model's outputs before the columns so far; an output hides a column of its name."""
    kept = [name for name in columns.schema.names if name not in outputs.schema.names]
    arrays = [*outputs.columns, *(columns.column(name) for name in kept)]
    return pa.RecordBatch.from_arrays(arrays, names=[*outputs.schema.names, *kept])


def _open_inputs(models: tuple[Model, ...]) -> tuple[Field, ...]:
    """List what the record must bring: the inputs that no earlier model puts out."""
    made: set[str] = set()
    wanted: dict[str, Field] = {}
    for model in models:
        for each in model.signature.inputs:
            if each.name in made:
                continue
            known = wanted.setdefault(each.name, each)
            if (known.type, known.shape) != (each.type, each.shape):
                message = f"input {each.name!r} is {known.type} for one model and {each.type} for another: rename one"
                raise SignatureError(message)
            if each.required and not known.required:
                wanted[each.name] = each
        made |= {each.name for each in model.signature.outputs}
    return tuple(wanted.values())
