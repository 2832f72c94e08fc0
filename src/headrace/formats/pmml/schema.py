"""The MiningSchema: which fields a model takes, and what happens to missing, invalid and outlying values.

Order of treatment: a value that the dictionary calls missing is missing; an invalid value is treated; an outlier is
treated; a missing value (whatever made it so) is replaced. Standard: "Mining Schema", PMML 4.4.

The outermost model's schema treats what comes in; a nested model's schema does only what it says itself, because its
values have been through the outer schema.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from headrace.formats.pmml.columns import Bools, Column, Numbers, constant, put
from headrace.formats.pmml.datatypes import STRING, DataType
from headrace.formats.pmml.dictionary import DataField
from headrace.formats.pmml.ingest import Reading, make_array, make_column, read_column
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

USAGES = frozenset(
    {"active", "predicted", "target", "supplementary", "group", "order", "frequencyWeight", "analysisWeight"}
)
INVALID = frozenset({"returnInvalid", "asIs", "asMissing", "asValue"})
OUTLIERS = frozenset({"asIs", "asMissingValues", "asExtremeValues"})
MISSING = frozenset({"asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid"})
TARGET_USAGES = ("target", "predicted")
INPUT_USAGES = ("active", "group", "order")

FLOATING = (pa.float64().id, pa.float32().id)


@dataclass(frozen=True, slots=True)
class MiningField:
    """One field of a schema."""

    name: str
    usage: str
    optype: str
    invalid: str
    invalid_replacement: str | None
    outliers: str
    low: float
    high: float
    missing: str
    missing_replacement: str | None
    importance: float
    element: Element

    @property
    def treats(self) -> bool:
        """Tell whether the field says anything about missing, invalid or outlying values itself."""
        return (
            self.missing_replacement is not None
            or self.missing == "returnInvalid"
            or self.outliers != "asIs"
            or self.invalid in ("asMissing", "asValue")
        )


def read_schema(model: Element) -> list[MiningField]:
    """Read a model's MiningSchema."""
    fields: dict[str, MiningField] = {}
    for element in model.child("MiningSchema").find_all("MiningField"):
        field = _read_field(element)
        if field.name in fields:
            raise malformed(element, f"the field {field.name!r} is listed twice")
        fields[field.name] = field
    return list(fields.values())


def _read_field(element: Element) -> MiningField:
    outliers = element.choice("outliers", OUTLIERS, "asIs")
    if outliers != "asIs" and not ("lowValue" in element.attributes or "highValue" in element.attributes):
        raise malformed(element, f"outliers={outliers!r} needs lowValue or highValue")
    invalid = element.choice("invalidValueTreatment", INVALID, "returnInvalid")
    replacement = element.attributes.get("invalidValueReplacement")
    if replacement is None and invalid == "asValue":
        raise malformed(element, "invalidValueTreatment='asValue' needs invalidValueReplacement")
    return MiningField(
        name=element.require("name"),
        usage=element.choice("usageType", USAGES, "active"),
        optype=element.get("optype"),
        invalid=invalid,
        invalid_replacement=replacement,
        outliers=outliers,
        low=element.number("lowValue", -math.inf),
        high=element.number("highValue", math.inf),
        missing=element.choice("missingValueTreatment", MISSING, "asIs"),
        missing_replacement=element.attributes.get("missingValueReplacement"),
        importance=element.number("importance", math.nan),
        element=element,
    )


class Input:
    """One input of the outermost model: reads an Arrow column and treats it."""

    def __init__(self, data_field: DataField, mining_field: MiningField | None) -> None:
        self.data_field = data_field
        self.mining_field = mining_field
        optype = (mining_field.optype if mining_field else "") or data_field.optype
        self.field = Field(data_field.name, data_field.type, optype, self._absent, vocabulary=data_field.vocabulary)
        self.field.declared = data_field.valid
        self._treatment = _Treatment(mining_field, data_field.type) if mining_field else None
        self.is_plain = data_field.is_plain and not (mining_field is not None and mining_field.treats)

    @property
    def required(self) -> bool:
        """Tell whether the records must hold the field: not where a missing value is replaced."""
        field = self.mining_field
        return field is not None and field.usage == "active" and field.missing_replacement is None

    def _absent(self, context: Context) -> Column:
        return self.treat(context, Reading(constant(None, context.size, self.data_field.type)), lambda _: None)

    def read(self, context: Context, array: pa.Array) -> None:
        """Read a batch's column into the context."""
        data_field = self.data_field
        if self.field.is_list:
            context.set(self.field, read_column(array, STRING, data_field.vocabulary, frozenset()).column)
            return
        if self.is_plain and array.type.id in FLOATING and not array.null_count:
            dtype = np.float32 if data_field.type.is_float else np.float64
            context.set(self.field, Numbers(array.to_numpy().astype(dtype, copy=False), data_field.type))
            return
        reading = read_column(array, data_field.type, data_field.vocabulary, data_field.missing)
        context.set(self.field, self.treat(context, reading, lambda row: array[row].as_py()))

    @property
    def refuses_missing(self) -> bool:
        """Tell whether a record fails for a missing value."""
        return self.mining_field is not None and self.mining_field.missing == "returnInvalid"

    def read_value(self, context: Context, value: object) -> None:
        """Read the value of a single record into the context, as a column of it would be read."""
        column = None if self.field.is_list else make_column(value, self.data_field.type)
        if column is None:
            self.read(context, make_array(value))
        elif self.is_plain:
            context.set(self.field, column)
        else:
            context.set(self.field, self.treat(context, Reading(column), lambda _: value))

    def treat(self, context: Context, reading: Reading, get_value: Callable[[int], object]) -> Column:
        """Apply the dictionary and the schema to what was read; ``get_value`` returns what a row held."""
        column = self.data_field.mark_missing(reading.column)
        invalid = self.data_field.find_invalid(column)
        if reading.unreadable is not None:
            invalid = reading.unreadable if invalid is None else invalid | reading.unreadable
        mining_field = self.mining_field
        if invalid is not None and invalid.any():
            treatment = mining_field.invalid if mining_field else "asIs"
            if treatment == "returnInvalid" or (treatment == "asIs" and reading.unreadable is not None):
                wrong = invalid if treatment == "returnInvalid" else reading.unreadable
                assert wrong is not None
                context.fail(wrong, lambda row: self._explain(get_value(row)))
            if self._treatment:
                column = self._treatment.treat_invalid(column, invalid)
        return self._treatment.treat_valid(context, column, self.field.name) if self._treatment else column

    def _explain(self, value: object) -> str:
        name, type = self.data_field.name, self.data_field.type.name
        return f"field {name!r}: the value {value!r} is not valid for this {type} field of the model"


class _Treatment:
    """What a MiningField does to a column."""

    def __init__(self, field: MiningField, type: DataType) -> None:
        self._field = field
        self._type = type
        self._missing = self._parse(field, field.missing_replacement)
        self._invalid = self._parse(field, field.invalid_replacement)

    def _parse(self, field: MiningField, text: str | None) -> float | str | None:
        if text is None or self._type.is_text:
            return text
        try:
            return self._type.parse_any(text)
        except ValueError:
            raise malformed(field.element, f"the replacement {text!r} is not a {self._type.name}") from None

    def treat_invalid(self, column: Column, invalid: Bools) -> Column:
        """Make invalid values missing, or replace them."""
        if self._field.invalid == "asMissing":
            return put(column, invalid, constant(None, len(column), self._type))
        if self._field.invalid == "asValue":
            return put(column, invalid, constant(self._invalid, len(column), self._type))
        return column

    def treat_valid(self, context: Context, column: Column, name: str) -> Column:
        """Treat outliers, then missing values."""
        field = self._field
        if field.outliers != "asIs" and isinstance(column, Numbers):
            column = self._treat_outliers(column)
        if field.missing == "returnInvalid":
            missing = column.missing()
            if missing.any():
                context.fail(
                    missing, lambda _: f"field {name!r}: the value is missing, and the model does not take that"
                )
        elif self._missing is not None:
            missing = column.missing()
            if missing.any():
                column = put(column, missing, constant(self._missing, len(column), self._type))
        return column

    def _treat_outliers(self, column: Numbers) -> Numbers:
        field, values = self._field, column.values
        if field.outliers == "asExtremeValues":
            return Numbers(np.clip(values, field.low, field.high).astype(values.dtype), column.type)
        outside = (values < field.low) | (values > field.high)
        return Numbers(np.where(outside, np.nan, values).astype(values.dtype), column.type)


def define_inputs(schema: list[MiningField], scope: Scope) -> list[Input]:
    """Bring the outermost model's inputs into scope; the list grows with further fields that the model refers to.

    Fields that the schema does not list, targets among them, are taken as they are if something refers to them.
    """
    inputs: list[Input] = []
    listed = {field.name: field for field in schema}

    def open_input(data_field: DataField, mining_field: MiningField | None) -> Field:
        entry = Input(data_field, mining_field)
        inputs.append(entry)
        return entry.field

    for name, data_field in scope.dictionary.fields.items():
        field = listed.get(name)
        if field is not None and field.usage in INPUT_USAGES:
            scope.add(open_input(data_field, field))
        else:
            scope.define(name, data_field.element, lambda _, data_field=data_field: open_input(data_field, None))  # type: ignore[misc]
    return inputs


def define_treatments(schema: list[MiningField], scope: Scope) -> None:
    """Bring a nested model's treated fields into scope; a field without a treatment is the outer one."""
    for field in schema:
        if field.usage in INPUT_USAGES and field.treats:
            scope.define(field.name, field.element, lambda inner, field=field: _treated(field, inner))  # type: ignore[misc]


def _treated(mining_field: MiningField, scope: Scope) -> Field:
    assert scope.parent is not None
    outer = scope.parent.field(mining_field.name, mining_field.element)
    treatment = _Treatment(mining_field, outer.type)
    data_field = scope.dictionary.fields.get(mining_field.name)

    def compute(context: Context) -> Column:
        column = context.column(outer)
        invalid = data_field.find_invalid(column) if data_field is not None else None
        if invalid is not None and invalid.any():
            column = treatment.treat_invalid(column, invalid)
        return treatment.treat_valid(context, column, mining_field.name)

    field = Field(outer.name, outer.type, outer.optype, compute, vocabulary=outer.vocabulary)
    field.declared = outer.declared
    return field
