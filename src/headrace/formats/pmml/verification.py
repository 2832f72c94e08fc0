"""ModelVerification: records that the model carries, with the results that it must give for them.

A number agrees if it lies within ``precision`` (relative) of the expected one, or if both are within
``zeroThreshold`` of zero. An empty cell is not compared. Standard: "Model Verification", PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from headrace.abc.model import Scores
from headrace.errors import VerificationError
from headrace.formats.pmml.expressions.map_values import local_name, read_table
from headrace.formats.pmml.xml import Element, malformed

PRECISION = 1e-6
ZERO_THRESHOLD = 1e-16


@dataclass(frozen=True, slots=True)
class VerificationField:
    """One column of the records, an input or a result."""

    name: str
    values: list[str]
    precision: float
    zero: float

    def agrees(self, expected: str, actual: object) -> bool:
        """Tell whether a result is the expected one."""
        if actual is None:
            return False
        if isinstance(actual, bool):
            return expected.strip().lower() in (str(actual).lower(), str(int(actual)))
        try:
            wanted, found = float(expected), float(actual)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return expected == str(actual)
        if wanted == found or (abs(wanted) <= self.zero and abs(found) <= self.zero):
            return True
        return abs(wanted - found) <= self.precision * abs(wanted)


def read_verification(model: Element) -> list[VerificationField]:
    """Read a model's ModelVerification; empty where it has none."""
    element = model.find("ModelVerification")
    if element is None:
        return []
    table = read_table(element)
    fields = []
    for child in element.child("VerificationFields").find_all("VerificationField"):
        name = child.require("field")
        values = table.get(local_name(child.get("column", name)))
        if values is None:
            raise malformed(child, f"the table has no column {child.get('column', name)!r}")
        precision = child.number("precision", PRECISION)
        fields.append(VerificationField(name, values, precision, child.number("zeroThreshold", ZERO_THRESHOLD)))
    count = element.integer("recordCount", len(fields[0].values) if fields else 0)
    if any(len(field.values) != count for field in fields):
        raise malformed(element, f"recordCount={count}, but the table holds another number of records")
    return fields


def verify(fields: list[VerificationField], inputs: set[str], score: Callable[[pa.RecordBatch], Scores]) -> None:
    """Score the records and compare. Raises ``VerificationError`` naming record, field, expected and got."""
    if not fields:
        return
    given = {field.name: pa.array([value or None for value in field.values], pa.string()) for field in fields}
    batch = pa.RecordBatch.from_pydict({name: column for name, column in given.items() if name in inputs})
    if not batch.num_columns:
        return
    scores = score(batch)
    for row, reason in sorted(scores.errors.items()):
        raise VerificationError(f"ModelVerification, record {row + 1}: it cannot be scored: {reason}")
    names = set(scores.outputs.schema.names)
    for field in fields:
        if field.name not in inputs and field.name in names:
            _compare(field, scores.outputs.column(field.name).to_pylist())


def _compare(field: VerificationField, actual: list[object]) -> None:
    for row, (expected, found) in enumerate(zip(field.values, actual, strict=True)):
        if expected and not field.agrees(expected, found):
            raise VerificationError(
                f"ModelVerification, record {row + 1}, field {field.name!r}: expected {expected}, got {found}"
            )
