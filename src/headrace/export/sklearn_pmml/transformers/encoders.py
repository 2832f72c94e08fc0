"""Encoders of categories.

An unknown category is refused at its field where scikit-learn would raise. Categories that the encoder counts as
infrequent share one column or code. A missing value is a category of its own where training saw one, else unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import call, constant, indicator
from headrace.export.sklearn_pmml.markup import Element, literal
from headrace.export.sklearn_pmml.scope import Column, Scope, unsupported

_TAKES_UNKNOWN = ("infrequent_if_exist", "warn")


def _export_one_hot(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    encoded: list[Column] = []
    for index, column in enumerate(columns):
        groups, infrequent = _group(step, index)
        field = _claim(step, column, step.categories_[index], scope)
        dropped = None if step.drop_idx_ is None else step.drop_idx_[index]
        drop = step.categories_[index][dropped] if dropped is not None else None
        for number, group in enumerate(groups):
            if dropped is not None and any(value is drop or value == drop for value in group):
                continue
            if number == infrequent and step.handle_unknown in _TAKES_UNKNOWN:
                others = [value for other in groups if other is not group for value in other]
                expression = call("if", _is_one_of(field, others), 0.0, 1.0)
            else:
                expression = indicator(_is_one_of(field, group))
            name = "infrequent" if number == infrequent else literal(group[0])
            encoded.append(scope.derive(f"OneHotEncoder({field}={name})", expression, []))
    return encoded


def _export_ordinal(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    encoded = []
    for index, column in enumerate(columns):
        categories = step.categories_[index]
        groups, _ = _group(step, index)
        field = _claim(step, column, categories, scope)
        rows = [(value, float(code)) for code, group in enumerate(groups) for value in group if not _is_missing(value)]
        unknown = _number(step.unknown_value) if step.handle_unknown == "use_encoded_value" else None
        missing = _missing_code(step, groups, unknown)
        table = Element("InlineTable").extend(
            Element("row", None, Element("input", text=literal(value)), Element("output", text=literal(code)))
            for value, code in rows
        )
        pair = Element("FieldColumnPair", {"field": field, "column": "input"})
        attributes = {
            "outputColumn": "output",
            "dataType": "double",
            "mapMissingTo": missing,
            "defaultValue": unknown,
        }
        expression = Element("MapValues", attributes, pair, table)
        passes_missing = [column] if missing is None else []
        encoded.append(scope.derive(f"OrdinalEncoder({field})", expression, passes_missing))
    return encoded


def _missing_code(step: Any, groups: Sequence[Sequence[Any]], unknown: float | None) -> float | None:
    """Give the code of a missing value: scikit-learn has a setting for NaN and takes None as any other category."""
    missing = {value is None: float(code) for code, group in enumerate(groups) for value in group if _is_missing(value)}
    if len(missing) == 2:
        raise unsupported(step, "it was trained on None and on NaN, which records do not tell apart")
    if False in missing:
        return _number(step.encoded_missing_value)
    return missing.get(True, unknown)


def _claim(step: Any, column: Column, categories: Any, scope: Scope) -> str:
    refuses = step.handle_unknown == "error"
    present = [value for value in categories.tolist() if not _is_missing(value)]
    if refuses and len(present) == len(categories):
        scope.forbid_missing([column])
    return scope.category(column, present, refuse_unknown=refuses)


def _group(step: Any, index: int) -> tuple[list[list[Any]], int | None]:
    """Give the categories that share a code, in the order of the codes, and which of them are the infrequent ones."""
    categories = step.categories_[index].tolist()
    infrequent = getattr(step, "infrequent_categories_", None) if _counts_infrequent(step) else None
    if infrequent is None or infrequent[index] is None:
        return [[value] for value in categories], None
    rare = infrequent[index].tolist()
    groups = [[value] for value in categories if value not in rare]
    return [*groups, rare], len(groups)


def _counts_infrequent(step: Any) -> bool:
    return step.min_frequency is not None or step.max_categories is not None


def _is_one_of(field: str, values: Sequence[Any]) -> Element:
    """Tell whether a field holds one of the values; a missing value is none of them unless it is among them."""
    conditions = []
    present = [value for value in values if not _is_missing(value)]
    if len(present) == 1:
        conditions.append(call("equal", field, _constant(present[0])))
    elif present:
        conditions.append(call("isIn", field, *(_constant(value) for value in present)))
    if len(present) < len(values):
        return call(
            "if", call("isMissing", field), _boolean("true"), conditions[0] if conditions else _boolean("false")
        )
    return call("if", call("isMissing", field), _boolean("false"), conditions[0])


def _constant(value: Any) -> Element:
    if isinstance(value, bool):
        return _boolean(literal(value))
    return constant(value if isinstance(value, str) else float(value))


def _boolean(text: str) -> Element:
    return Element("Constant", {"dataType": "boolean"}, text=text)


def _number(value: Any) -> float | None:
    return None if _is_missing(value) else float(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))


EXPORTERS = {
    "OneHotEncoder": _export_one_hot,
    "OrdinalEncoder": _export_ordinal,
}
