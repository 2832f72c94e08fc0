"""What the model around an element predicts."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.formats.pmml.datatypes import ANY, DOUBLE, STRING, DataType
from headrace.formats.pmml.schema import TARGET_USAGES, MiningField
from headrace.formats.pmml.scope import Scope
from headrace.formats.pmml.xml import Element, malformed

FUNCTIONS = frozenset(
    {"associationRules", "sequences", "classification", "regression", "clustering", "timeSeries", "mixed"}
)
_UNNAMED_TYPES = {
    "regression": DOUBLE,
    "timeSeries": DOUBLE,
    "clustering": STRING,
    "associationRules": STRING,
    "sequences": STRING,
}
"""The type of a predicted value that the schema has no field for."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelInfo:
    """What an evaluator may want to know of the model around its element."""

    function: str
    target_name: str
    target_type: DataType
    target_values: tuple[str, ...]
    ordinal: bool
    schema: tuple[MiningField, ...]

    @property
    def is_classification(self) -> bool:
        """Tell whether the model predicts a class."""
        return self.function == "classification"


def read_info(element: Element, schema: list[MiningField], scope: Scope) -> ModelInfo:
    """Read what a model predicts."""
    function = element.require("functionName")
    if function not in FUNCTIONS:
        raise malformed(element, f"functionName={function!r} is none of {', '.join(sorted(FUNCTIONS))}")
    targets = [field for field in schema if field.usage in TARGET_USAGES]
    name = targets[0].name if targets else ""
    data_field = scope.dictionary.fields.get(name) if targets else None
    if data_field is None:
        type = _UNNAMED_TYPES.get(function, ANY)
        return ModelInfo(function, name, type, (), False, tuple(schema))
    optype = targets[0].optype or data_field.optype
    return ModelInfo(function, name, data_field.type, data_field.valid, optype == "ordinal", tuple(schema))
