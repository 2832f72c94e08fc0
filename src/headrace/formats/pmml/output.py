"""Output: named values beside the predicted one, final results or inputs of later models in a chain.

Standard: "Output", PMML 4.4. The features themselves are in ``features``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headrace.formats.pmml.columns import Column, cast
from headrace.formats.pmml.datatypes import ANY, DOUBLE, INTEGER, STRING, DataType, read_type
from headrace.formats.pmml.expressions.compiler import FAMILIES, compile_expression
from headrace.formats.pmml.features import Request, check_feature, compute_feature
from headrace.formats.pmml.result import Result, missing_numbers
from headrace.formats.pmml.schema import TARGET_USAGES, read_schema
from headrace.formats.pmml.scope import Compute, Context, Field, Scope
from headrace.formats.pmml.targets import Target
from headrace.formats.pmml.xml import Element, malformed

_BY_EXPRESSION = frozenset({"transformedValue", "decision"})
_TEXT_FEATURES = frozenset(
    {"entityId", "clusterId", "predictedDisplayValue", "reasonCode", "warning"}
    | {"antecedent", "consequent", "rule", "ruleId"}
)


@dataclass(frozen=True, slots=True, eq=False)
class OutputField:
    """One compiled OutputField: the field that later expressions and models refer to, and how it is computed."""

    field: Field
    element: Element
    feature: str
    final: bool
    target: Target | None
    expression: Compute | None
    actual: Field | None = None

    def compute(self, context: Context, result: Result) -> Column:
        """Compute the field's column from a result, and make it known to the context."""
        column = cast(self._compute(context, result), self.field.type)
        context.set(self.field, column)
        return column

    def _compute(self, context: Context, result: Result) -> Column:
        if self.expression is not None:
            return self.expression(context)
        element = self.element
        segment = element.attributes.get("segmentId")
        if segment is not None:
            inner = result.segments.get(segment)
            if inner is None:
                return missing_numbers(result.size)
            result = inner
        target = element.attributes.get("targetField")
        if target is not None and target in result.targets:
            result = result.targets[target]
        actual = None if self.actual is None else context.column(self.actual)
        return compute_feature(self.feature, Request(element, result, self.target, actual))


def compile_outputs(
    model: Element, scope: Scope, targets: dict[str, Target], target_type: DataType, own: Sequence[str]
) -> list[OutputField]:
    """Compile a model's Output. ``own`` are the features that its element brings."""
    output = model.find("Output")
    fields: list[OutputField] = []
    for element in [] if output is None else output.find_all("OutputField"):
        compiled = _compile_field(element, scope, targets, target_type, own)
        if compiled.feature == "residual":
            compiled = replace(compiled, actual=_find_actual(element, model, scope))
        if compiled.feature == "predictedDisplayValue":
            compiled = replace(compiled, target=_find_display(compiled, model, scope))
        twins = [field for field in fields if field.field.name == compiled.field.name]
        if twins and twins[0].element.attributes == element.attributes and compiled.expression is None:
            continue
        if twins:
            raise malformed(element, f"the field {compiled.field.name!r} is put out twice")
        scope.add(compiled.field)
        fields.append(compiled)
    return fields


def _find_display(field: OutputField, model: Element, scope: Scope) -> Target:
    """Return the target with what to display for its values: as it says itself, else as the dictionary does."""
    names = [each.name for each in read_schema(model) if each.usage in TARGET_USAGES]
    target = field.target or Target(field.element.get("targetField") or next(iter(names), ""))
    data_field = scope.dictionary.fields.get(target.field or next(iter(names), ""))
    return target if data_field is None else replace(target, display={**data_field.display, **target.display})


def _find_actual(element: Element, model: Element, scope: Scope) -> Field:
    """Find the target field that a residual compares with: records may bring what really happened."""
    names = [field.name for field in read_schema(model) if field.usage in TARGET_USAGES]
    name = element.get("targetField") or next(iter(names), "")
    if not name:
        raise malformed(element, "a residual needs a target, here or in the MiningSchema")
    return scope.field(name, element)


def _compile_field(
    element: Element, scope: Scope, targets: dict[str, Target], target_type: DataType, own: Sequence[str]
) -> OutputField:
    feature = element.get("feature", "predictedValue")
    expression = None
    expressions = [child for child in element.children if child.tag in FAMILIES]
    if expressions and feature in _BY_EXPRESSION:
        expression = compile_expression(expressions[0], scope)
    elif feature == "transformedValue":
        raise malformed(element, "a transformedValue holds one expression")
    elif feature == "decision":
        feature = "predictedValue"
    else:
        check_feature(feature, element, own)
    type = _find_type(element, feature, target_type)
    optype = element.get("optype") or ("categorical" if type.is_text else "continuous")
    target = targets.get(element.get("targetField")) or (next(iter(targets.values())) if targets else None)
    field = Field(element.require("name"), type, optype, _never_set)
    return OutputField(field, element, feature, element.flag("isFinalResult", True), target, expression)


def _find_type(element: Element, feature: str, target_type: DataType) -> DataType:
    """Choose an output's type: its own, else what its feature gives."""
    if "dataType" in element.attributes:
        return read_type(element)
    if feature == "predictedValue":
        return target_type if target_type is not ANY else DOUBLE
    if feature in _BY_EXPRESSION:
        return STRING if element.get("optype") in ("categorical", "ordinal") else DOUBLE
    if feature == "ruleValue":
        feature = element.get("ruleFeature", "consequent")
    if feature in _TEXT_FEATURES or element.flag("isMultiValued"):
        return STRING
    return INTEGER if feature == "rank" else DOUBLE


def _never_set(context: Context) -> Column:
    """Stand for an output of a model that was not evaluated for these rows."""
    return missing_numbers(context.size)
