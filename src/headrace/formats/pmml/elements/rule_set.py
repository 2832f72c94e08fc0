"""RuleSetModel. Standard: "Ruleset", PMML 4.4.

A compound rule holds its predicate over the rules within it, so rules come out flat, in the order of the document. The
first RuleSelectionMethod is the one used:

- firstHit: the first rule that fires
- weightedMax: the firing rule of greatest weight, the first of equals
- weightedSum: the score whose firing rules have the greatest sum of weights, the first of equals; the confidence is
  that sum over the number of firing rules, and the entity is the first rule of that score

Where no rule fires, the default score and confidence hold, or there is no prediction. A class has a probability where
the rule that decides (or the rule set) has a ScoreDistribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Bools, Codes, Floats, Numbers, Texts
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.predicates import Predicate, compile_predicate, find_predicate
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.xml import Element, malformed

CRITERIA = frozenset({"firstHit", "weightedMax", "weightedSum"})
_NO_RULE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One simple rule; ``predicates`` are its own and those of the compound rules around it."""

    element: Element
    predicates: tuple[Predicate, ...]
    score: str
    weight: float
    confidence: float

    def fires(self, context: Context) -> Bools:
        """Tell in which rows every predicate is true."""
        fired: Bools = self.predicates[0](context) == 1.0
        for predicate in self.predicates[1:]:
            fired &= predicate(context) == 1.0
        return fired


class RuleSetEvaluator:
    """Selects among the rules that fire. The default is one more rule, at the end of every table."""

    def __init__(self, rules: list[Rule], default: Element, criterion: str, is_class: bool) -> None:
        self._rules = rules
        self._criterion = criterion
        self._is_class = is_class
        scores = [*(rule.score for rule in rules), default.attributes.get("defaultScore")]
        self._labels = list(dict.fromkeys(score for score in scores if score is not None))
        self._codes = np.array([_NO_RULE if s is None else self._labels.index(s) for s in scores], dtype=np.int32)
        self._numbers = np.array([]) if is_class else self._read_numbers(default)
        self._weights = np.array([rule.weight for rule in rules])
        self._confidences = np.array(
            [*(rule.confidence for rule in rules), default.number("defaultConfidence", np.nan)]
        )
        self._ids = [rule.element.get("id") or str(number) for number, rule in enumerate(rules, start=1)]
        self._classes, self._shares = self._read_distributions([*(rule.element for rule in rules), default])

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        chosen, confidences = self._choose(context)
        codes = self._codes[chosen]
        entity = Texts(np.where(chosen == len(self._rules), _NO_RULE, chosen).astype(np.int32), self._ids)
        if not self._is_class:
            return Result(Numbers(self._numbers[codes]), entity=entity)
        spread = np.full((context.size, len(self._classes)), np.nan)
        scored = np.flatnonzero(codes >= 0)
        spread[scored, codes[scored]] = confidences[scored]
        shares = None if self._shares is None else self._shares[chosen]
        return Result(Texts(codes, self._labels), self._classes, shares, spread, entity)

    def _choose(self, context: Context) -> tuple[Codes, Floats]:
        """Return the rule that decides each row, and the confidence of its score."""
        if self._criterion == "weightedSum":
            return self._sum_weights(context)
        chosen = np.full(context.size, len(self._rules), dtype=np.int32)
        best = np.full(context.size, -np.inf)
        for place, rule in enumerate(self._rules):
            weight = rule.weight if self._criterion == "weightedMax" else 0.0
            better = rule.fires(context) & (weight > best)
            chosen[better] = place
            best[better] = weight
        return chosen, self._confidences[chosen]

    def _sum_weights(self, context: Context) -> tuple[Codes, Floats]:
        sums = np.full((context.size, len(self._labels)), -np.inf)
        firsts = np.full(sums.shape, len(self._rules), dtype=np.int32)
        count = np.zeros(context.size)
        for place, rule in enumerate(self._rules):
            fired = rule.fires(context)
            code = self._codes[place]
            count += fired
            new = fired & (firsts[:, code] == len(self._rules))
            firsts[new, code] = place
            sums[new, code] = 0.0
            sums[fired, code] += rule.weight
        best = sums.max(axis=1, keepdims=True, initial=-np.inf)
        earliest = np.where(sums == best, firsts, len(self._rules))
        chosen = earliest.min(axis=1, initial=len(self._rules)).astype(np.int32)
        with np.errstate(invalid="ignore"):
            confidences = np.where(count > 0, best[:, 0] / np.maximum(count, 1.0), self._confidences[-1])
        return chosen, confidences

    def _read_numbers(self, default: Element) -> Floats:
        try:
            return np.array([*(float(label) for label in self._labels), np.nan])
        except ValueError:
            raise malformed(default, "the scores of a regression must be numbers") from None

    def _read_distributions(self, elements: list[Element]) -> tuple[list[str], Floats | None]:
        """Read score distributions: the classes, those of the scores first, and a row of probabilities a rule."""
        counts = [_read_counts(element) for element in elements]
        classes = list(dict.fromkeys([*self._labels, *(label for each in counts for label in each)]))
        if not any(counts):
            return classes, None
        shares = np.full((len(elements), len(classes)), np.nan)
        for row, each in enumerate(counts):
            total = sum(each.values())
            if total > 0.0:
                shares[row] = [each.get(label, 0.0) / total for label in classes]
        return classes, shares


def _read_counts(element: Element) -> dict[str, float]:
    """Read a rule's ScoreDistribution: probabilities where they are given, else counts of records."""
    parts = element.find_all("ScoreDistribution")
    name = "probability" if parts and all("probability" in part.attributes for part in parts) else "recordCount"
    return {part.require("value"): part.number(name) for part in parts}


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a RuleSetModel."""
    rule_set = element.child("RuleSet")
    method = rule_set.child("RuleSelectionMethod").require("criterion")
    if method not in CRITERIA:
        raise malformed(rule_set, f"criterion={method!r} is none of {', '.join(sorted(CRITERIA))}")
    rules: list[Rule] = []
    for child in rule_set.find_all("SimpleRule", "CompoundRule"):
        _compile_rule(child, scope, (), rules)
    return RuleSetEvaluator(rules, rule_set, method, info.function != "regression")


def _compile_rule(element: Element, scope: Scope, outer: tuple[Predicate, ...], rules: list[Rule]) -> None:
    predicate = find_predicate(element)
    predicates = (*outer, compile_predicate(predicate, scope))
    if element.tag == "SimpleRule":
        weight, confidence = element.number("weight", 1.0), element.number("confidence", 1.0)
        rules.append(Rule(element, predicates, element.require("score"), weight, confidence))
        return
    inner = element.find_all("SimpleRule", "CompoundRule")
    if not inner:
        raise malformed(element, "it holds no rules")
    for child in inner:
        _compile_rule(child, scope, predicates, rules)
