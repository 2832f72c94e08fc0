"""Scorecard. Standard: "Scorecard", PMML 4.4.

The score is the initial score plus one partial score a characteristic: that of the first attribute whose predicate is
true, its ComplexPartialScore where it has one. A characteristic without a true attribute, or with a missing partial
score, leaves the record without a score.

A reason code is ranked by how far its characteristic's partial score lies below (pointsBelow) or above (pointsAbove)
the baseline, the greatest first, equal ones in the order of the document; a code that occurs again has its first rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Texts, cast
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.expressions.compiler import compile_expression, find_expression
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.predicates import Predicate, compile_predicate, find_predicate
from headrace.formats.pmml.ranking import list_texts
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed

FEATURES = ("reasonCode",)
ALGORITHMS = frozenset({"pointsAbove", "pointsBelow"})
METHODS = frozenset({"max", "min", "mean", "neutral", "other"})


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute: when it holds, what it scores, and its reason code's place among the model's codes."""

    predicate: Predicate
    score: float
    computed: Compute | None
    reason: int


@dataclass(frozen=True, slots=True, eq=False)
class Characteristic:
    """One characteristic."""

    attributes: list[Attribute]
    baseline: float

    def evaluate(self, context: Context) -> tuple[Floats, Ints]:
        """Return each row's partial score and reason code."""
        scores = np.full(context.size, np.nan)
        reasons = np.full(context.size, -1, dtype=np.int32)
        left = np.ones(context.size, dtype=np.bool_)
        for attribute in self.attributes:
            taken = left & (attribute.predicate(context) == 1.0)
            if not taken.any():
                continue
            scores[taken] = attribute.score if attribute.computed is None else _compute(attribute, context)[taken]
            reasons[taken] = attribute.reason
            left &= ~taken
        return scores, reasons


def _compute(attribute: Attribute, context: Context) -> Floats:
    assert attribute.computed is not None
    column = cast(attribute.computed(context), DOUBLE)
    assert isinstance(column, Numbers)
    return column.values.astype(np.float64, copy=False)


class ScorecardEvaluator:
    """Adds up partial scores, and ranks reason codes."""

    def __init__(self, element: Element, characteristics: list[Characteristic], codes: list[str]) -> None:
        self._initial = element.number("initialScore", 0.0)
        self._characteristics = characteristics
        self._codes = codes
        self._sign = 1.0 if element.choice("reasonCodeAlgorithm", ALGORITHMS, "pointsBelow") == "pointsBelow" else -1.0
        self._explains = element.flag("useReasonCodes", True)

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        total = np.full(context.size, self._initial)
        scores = np.empty((context.size, len(self._characteristics)))
        reasons = np.empty(scores.shape, dtype=np.int32)
        for place, characteristic in enumerate(self._characteristics):
            scores[:, place], reasons[:, place] = characteristic.evaluate(context)
            total += scores[:, place]
        ranked: list[Ints] = []

        def name_reason(element: Element) -> Column:
            if not ranked:
                ranked.append(self._rank(scores, reasons))
            codes, rank = ranked[0], element.integer("rank", 1)
            if element.flag("isMultiValued"):
                return list_texts(codes[:, : rank or codes.shape[1]], self._codes)
            if not 1 <= rank <= codes.shape[1]:
                return Texts(np.full(context.size, -1, dtype=np.int32), [])
            return Texts(np.ascontiguousarray(codes[:, rank - 1]), self._codes)

        return Result(Numbers(total), features={"reasonCode": name_reason})

    def _rank(self, scores: Floats, reasons: Ints) -> Ints:
        """Return each row's reason codes, the strongest first; -1 where there are no more."""
        ranked = np.full(reasons.shape, -1, dtype=np.int32)
        if not self._explains:
            return ranked
        baselines = np.array([characteristic.baseline for characteristic in self._characteristics])
        order = np.argsort(-self._sign * (baselines - scores), axis=1, kind="stable")
        sorted_reasons = np.take_along_axis(reasons, order, axis=1)
        filled = np.zeros(len(scores), dtype=np.intp)
        unscored = np.isnan(scores).any(axis=1)
        for place in range(sorted_reasons.shape[1]):
            code = sorted_reasons[:, place]
            new = (code >= 0) & ~(ranked == code[:, None]).any(axis=1) & ~unscored
            ranked[np.flatnonzero(new), filled[new]] = code[new]
            filled += new
        return ranked


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a Scorecard."""
    del info
    element.choice("baselineMethod", METHODS, "other")
    codes: dict[str, int] = {}
    children = element.child("Characteristics").find_all("Characteristic")
    if not children:
        raise malformed(element, "it holds no Characteristic")
    characteristics = [_compile_characteristic(child, element, scope, codes) for child in children]
    return ScorecardEvaluator(element, characteristics, list(codes))


def _compile_characteristic(element: Element, card: Element, scope: Scope, codes: dict[str, int]) -> Characteristic:
    explains = card.flag("useReasonCodes", True)
    baseline = element.number("baselineScore", card.number("baselineScore", np.nan))
    if explains and np.isnan(baseline):
        raise malformed(element, "reason codes need a baselineScore, here or on the Scorecard")
    children = element.find_all("Attribute")
    if not children:
        raise malformed(element, "it holds no Attribute")
    return Characteristic([_compile_attribute(child, element, explains, scope, codes) for child in children], baseline)


def _compile_attribute(
    element: Element, characteristic: Element, explains: bool, scope: Scope, codes: dict[str, int]
) -> Attribute:
    code = element.get("reasonCode") or characteristic.get("reasonCode")
    if explains and not code:
        raise malformed(element, "it has no reasonCode, nor has its Characteristic")
    reason = codes.setdefault(code, len(codes)) if code else -1
    predicate = compile_predicate(find_predicate(element), scope)
    expression = element.find("ComplexPartialScore")
    if expression is None:
        return Attribute(predicate, element.number("partialScore"), None, reason)
    return Attribute(predicate, np.nan, compile_expression(find_expression(expression), scope), reason)
