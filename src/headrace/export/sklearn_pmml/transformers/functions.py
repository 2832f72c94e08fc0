"""Functions of single columns, and products of columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import call
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Scope, unsupported

_FUNCTIONS: dict[np.ufunc, Callable[[str], Element]] = {
    np.absolute: lambda field: call("abs", field),
    np.ceil: lambda field: call("ceil", field),
    np.exp: lambda field: call("exp", field),
    np.expm1: lambda field: call("expm1", field),
    np.floor: lambda field: call("floor", field),
    np.log: lambda field: call("ln", field),
    np.log10: lambda field: call("log10", field),
    np.log1p: lambda field: call("ln1p", field),
    np.negative: lambda field: call("*", field, -1.0),
    np.reciprocal: lambda field: call("/", 1.0, field),
    np.rint: lambda field: call("rint", field),
    np.sqrt: lambda field: call("sqrt", field),
    np.square: lambda field: call("*", field, field),
}


def _export_function(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    if step.func is None:
        return columns
    if step.func not in _FUNCTIONS or step.kw_args:
        known = ", ".join(function.__name__ for function in _FUNCTIONS)
        raise unsupported(step, f"function {step.func!r}; what can be, without arguments: None or NumPy's {known}")
    function = _FUNCTIONS[step.func]
    return [
        scope.derive(f"{step.func.__name__}({column.field})", function(scope.number(column)), [column])
        for column in columns
    ]


def _export_polynomial(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    terms = []
    for powers in step.powers_:
        factors = [field for field, power in zip(fields, powers, strict=True) for _ in range(power)]
        if len(factors) == 1:
            terms.append(columns[fields.index(factors[0])])
            continue
        terms.append(scope.derive(f"PolynomialFeatures({' * '.join(factors) or 1})", _product(factors), columns))
    return terms


def _product(factors: list[str]) -> Element:
    # scikit-learn multiplies a term of the later features by an earlier feature: from the right.
    if not factors:
        return Element("Constant", {"dataType": "double"}, text="1.0")
    if len(factors) == 1:
        return Element("FieldRef", {"field": factors[0]})
    return call("*", factors[0], _product(factors[1:]))


EXPORTERS = {
    "FunctionTransformer": _export_function,
    "PolynomialFeatures": _export_polynomial,
}
