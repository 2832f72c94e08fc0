"""Golden records: what the training library predicted, against what the model computes here.

1. Golden inputs are records: they are bound to the model as the stream's records are.
2. Outputs may name some of the model's outputs; a name that the model does not have is an error.
3. Numbers agree within ``tolerance + tolerance * |expected|``, NaN with NaN; text is compared exactly; missing is None.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.binding import bind
from headrace.errors import SignatureError, VerificationError
from headrace.packing import infer_column

if TYPE_CHECKING:
    from headrace.abc.model import Model
    from headrace.records import Descriptor, GoldenRecord


def bind_golden(model: Model, descriptor: Descriptor, exclude: Collection[str]) -> pa.RecordBatch:
    """Give the golden records as the model's inputs, a row each.

    Raises ``VerificationError`` where they do not fit the model.
    """
    columns = _to_columns(descriptor.golden)
    try:
        binding = bind(model.signature, columns.schema, descriptor.mapping, exclude)
    except SignatureError as error:
        raise VerificationError(f"the golden records do not fit the model: {error}") from error
    inputs, errors = binding.apply(columns)
    for number, reason in sorted(errors.items()):
        raise VerificationError(f"golden record {number} does not fit the model: {reason}")
    return inputs


def verify_golden(model: Model, descriptor: Descriptor, inputs: pa.RecordBatch) -> None:
    """Score the golden records and compare.

    Raises ``VerificationError`` that names the record's number, the output, what was expected and what came.
    """
    scores = model.score(inputs)
    names = scores.outputs.schema.names
    for number, golden in enumerate(descriptor.golden):
        if number in scores.errors:
            raise VerificationError(f"golden record {number} cannot be scored: {scores.errors[number]}")
        for name, expected in golden.outputs.items():
            if name not in names:
                known = ", ".join(repr(each) for each in names)
                raise VerificationError(
                    f"golden record {number} names the output {name!r}, which the model does not have; it has {known}"
                )
            got = scores.outputs.column(name)[number].as_py()
            if not agree(expected, got, descriptor.golden_tolerance):
                raise VerificationError(
                    f"golden record {number}, output {name!r}: expected {expected!r}, got {got!r}"
                    f" (tolerance {descriptor.golden_tolerance:g})"
                )


def agree(expected: object, got: object, tolerance: float) -> bool:
    """Tell whether a value is the expected one, by the rules above."""
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return (
            isinstance(got, Sequence)
            and not isinstance(got, str)
            and len(expected) == len(got)
            and all(agree(one, other, tolerance) for one, other in zip(expected, got, strict=True))
        )
    if isinstance(expected, float | int) and isinstance(got, float | int):
        if math.isnan(expected) or math.isnan(got):
            return math.isnan(expected) and math.isnan(got)
        if math.isinf(expected) or math.isinf(got):
            return expected == got
        return abs(got - expected) <= tolerance + tolerance * abs(expected)
    if isinstance(expected, str) and isinstance(got, dt.date | dt.time):
        return expected == got.isoformat()
    return type(expected) is type(got) and expected == got


def _to_columns(golden: Sequence[GoldenRecord]) -> pa.RecordBatch:
    names = dict.fromkeys(name for record in golden for name in record.inputs)
    columns = {}
    for name in names:
        try:
            columns[name] = infer_column([record.inputs.get(name) for record in golden])
        except (pa.ArrowException, OverflowError) as error:
            raise VerificationError(
                f"the golden records hold values of different types for the field {name!r}: {error}"
            ) from error
    return pa.record_batch(columns)
