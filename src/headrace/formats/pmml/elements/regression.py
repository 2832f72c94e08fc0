"""RegressionModel. Standard: "Regression", PMML 4.4.

A table's value is its intercept, plus each numeric predictor's coefficient times its value to the exponent, plus the
coefficient of each categorical predictor whose value the field has, plus the terms. A missing number makes the value
missing; a missing category adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Floats, Numbers
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.expressions.functions.distributions import normal_cdf
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.targets import is_single
from headrace.formats.pmml.xml import Element, malformed

Values = npt.NDArray[np.floating]

LINKS: dict[str, Callable[[Floats], Floats]] = {
    "none": lambda y: y,
    "exp": np.exp,
    "logit": lambda y: 1.0 / (1.0 + np.exp(-y)),
    "probit": normal_cdf,
    "cloglog": lambda y: 1.0 - np.exp(-np.exp(y)),
    "loglog": lambda y: np.exp(-np.exp(-y)),
    "cauchit": lambda y: 0.5 + np.arctan(y) / np.pi,
}
"""The inverse link of each normalization method that treats a value by itself."""

METHODS = frozenset({*LINKS, "softmax", "simplemax"})


@dataclass(slots=True, eq=False)
class Table:
    """One compiled RegressionTable."""

    label: str | None
    intercept: float
    numeric: list[tuple[Field, float, float]]
    categories: list[tuple[Field, dict[float, float]]]
    terms: list[tuple[list[Field], float]]

    def evaluate(self, context: Context, dtype: type[np.floating]) -> Values:
        """Return the table's value for each row."""
        total = np.full(context.size, self.intercept, dtype=dtype)
        for field, coefficient, exponent in self.numeric:
            values = context.numbers(field).astype(dtype, copy=False)
            total += dtype(coefficient) * (values if exponent == 1.0 else values ** dtype(exponent))
        for field, coefficients in self.categories:
            total += _look_up(context.measures(field), coefficients).astype(dtype)
        for fields, coefficient in self.terms:
            product = np.full(context.size, coefficient, dtype=dtype)
            for field in fields:
                product *= context.numbers(field).astype(dtype, copy=False)
            total += product
        return total


def _look_up(values: Floats, coefficients: dict[float, float]) -> Floats:
    found = np.zeros(len(values))
    for value, coefficient in coefficients.items():
        found[values == value] = coefficient
    return found


def compile_table(element: Element, scope: Scope) -> Table:
    """Compile a RegressionTable."""
    numeric = []
    for child in element.find_all("NumericPredictor"):
        field = _numeric_field(child, "name", scope)
        numeric.append((field, child.number("coefficient"), child.number("exponent", 1.0)))
    categories: dict[Field, dict[float, float]] = {}
    for child in element.find_all("CategoricalPredictor"):
        field = scope.field(child.require("name"), child)
        value = field.constant(child, child.require("value"))
        categories.setdefault(field, {})[value] = child.number("coefficient")
    terms = []
    for child in element.find_all("PredictorTerm"):
        fields = [_numeric_field(reference, "field", scope) for reference in child.find_all("FieldRef")]
        terms.append((fields, child.number("coefficient")))
    label = element.attributes.get("targetCategory")
    return Table(label, element.number("intercept", 0.0), numeric, list(categories.items()), terms)


def _numeric_field(element: Element, attribute: str, scope: Scope) -> Field:
    field = scope.field(element.require(attribute), element)
    if field.type.is_text:
        raise malformed(element, f"the field {field.name!r} holds text; it must be numeric")
    return field


class NumberRegression:
    """Predicts a number."""

    def __init__(self, table: Table, link: Callable[[Floats], Floats], single: bool) -> None:
        self.table = table
        self.link = link
        self.single = single

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            value = self.link(self.table.evaluate(context, np.float32 if self.single else np.float64))  # type: ignore[arg-type]
        if self.single:
            return Result(Numbers(value.astype(np.float32), FLOAT))
        return Result(Numbers(value, DOUBLE))


class ClassRegression:
    """Predicts a class: one table a class, normalized to probabilities."""

    def __init__(self, tables: list[Table], labels: list[str], method: str, ordinal: bool, single: bool) -> None:
        self.tables = tables
        self.labels = labels
        self.method = method
        self.ordinal = ordinal
        self.dtype: type[np.floating] = np.float32 if single else np.float64

    def evaluate(self, context: Context) -> Result:
        """Score all rows. A row with a missing value has no prediction."""
        values = np.stack([table.evaluate(context, self.dtype) for table in self.tables], axis=1)
        with np.errstate(all="ignore"):
            probabilities = normalize(values, self.method, self.ordinal).astype(np.float64)
        probabilities[np.isnan(probabilities).any(axis=1)] = np.nan
        return Result(choose_label(self.labels, probabilities), self.labels, probabilities)


def normalize(values: Values, method: str, ordinal: bool) -> Values:
    """Turn one value a class into probabilities.

    An ordinal target's values are cumulative: the link of each gives the probability of that class or a lower one. The
    probability of the last class (ordinal, two classes, or no method) is what the others leave.
    """
    if method == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        softened: Values = powers / powers.sum(axis=1, keepdims=True)
        return softened
    if method == "simplemax":
        shares: Values = values / values.sum(axis=1, keepdims=True)
        return shares
    linked: Values = np.stack([LINKS[method](column) for column in values.T], axis=1).astype(values.dtype)
    count = values.shape[1]
    if ordinal:
        linked[:, -1] = 1.0
        linked[:, 1:] -= linked[:, :-1].copy()
    elif count == 2 or method == "none":
        linked[:, -1] = 1.0 - linked[:, :-1].sum(axis=1)
    elif count > 2:
        linked /= linked.sum(axis=1, keepdims=True)
    return linked


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a RegressionModel."""
    tables = [compile_table(child, scope) for child in element.find_all("RegressionTable")]
    if not tables:
        raise malformed(element, "it holds no RegressionTable")
    method = element.choice("normalizationMethod", METHODS, "none")
    if not info.is_classification:
        if len(tables) != 1:
            raise malformed(element, f"a regression has one RegressionTable, not {len(tables)}")
        link = LINKS["logit"] if method == "softmax" else LINKS.get(method)
        if link is None:
            raise malformed(element, f"normalizationMethod={method!r} is for classification")
        return NumberRegression(tables[0], link, is_single(element))
    if len(tables) < 2:
        raise malformed(element, "a classification has a RegressionTable for each of two or more classes")
    labels = []
    for child, table in zip(element.find_all("RegressionTable"), tables, strict=True):
        if table.label is None:
            raise malformed(child, "the attribute 'targetCategory' is missing")
        labels.append(table.label)
    return ClassRegression(tables, labels, method, info.ordinal, is_single(element))
