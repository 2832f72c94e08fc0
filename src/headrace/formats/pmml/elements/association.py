"""AssociationModel. Standard: "Association Rules", and "Output" for its result features, PMML 4.4.

A record is a transaction: its item field holds a list. Rows of a table that share the values of the group fields are
one transaction (``Shaping.group_by``). Items are texts whatever their field's type, and one that the model does not
know belongs to no rule.

An output asks for one rule of a rank, or for a list of the first so many (isMultiValued), all of them at rank 0.
The predicted value is the consequent of the exclusive recommendation of greatest confidence.
"""

from __future__ import annotations

import numpy as np

from headrace.abc.model import Shaping
from headrace.formats.pmml.association.items import Items
from headrace.formats.pmml.association.rules import ALGORITHMS, MEASURES, Rules, rank_true
from headrace.formats.pmml.columns import Bools, Column, Numbers, Texts, regroup
from headrace.formats.pmml.datatypes import STRING
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.ranking import list_texts
from headrace.formats.pmml.result import Evaluator, Feature, Result
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

RULE_FEATURES = ("antecedent", "consequent", "rule", "ruleId", *MEASURES)
FEATURES = ("ruleValue", *RULE_FEATURES)
ORDERS = frozenset({"ascending", "descending"})
_ASKED = Element("OutputField", {"ruleFeature": "consequent"}, 0)


class AssociationEvaluator:
    """Finds the rules that apply to each row."""

    def __init__(self, items: Items, rules: Rules, group_by: tuple[str, ...]) -> None:
        self._items = items
        self._rules = rules
        self.shaping = Shaping(group_by=group_by)
        self._texts = {
            "antecedent": rules.antecedents,
            "consequent": rules.consequents,
            "rule": rules.rules,
            "ruleId": rules.ids,
        }

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        antecedents, consequents = self._rules.find_held(self._items.find(context))
        applies: dict[str, Bools] = {}

        def rank(element: Element, count: int) -> Ints:
            algorithm = element.get("algorithm", "exclusiveRecommendation")
            if algorithm not in applies:
                applies[algorithm] = ALGORITHMS[algorithm](antecedents, consequents)
            ascending = element.get("rankOrder") == "ascending"
            order = self._rules.order(element.get("rankBasis", "confidence"), ascending)
            return rank_true(applies[algorithm], order, count)

        def answer(element: Element, name: str) -> Column:
            position = element.integer("rank", 1)
            if element.flag("isMultiValued") or position == 0:
                return self._list(rank(element, position or len(self._rules)), name)
            return self._pick(np.ascontiguousarray(rank(element, position)[:, position - 1]), name)

        features: dict[str, Feature] = {
            name: lambda element, name=name: answer(element, name)  # type: ignore[misc]
            for name in RULE_FEATURES
        }
        features["ruleValue"] = lambda element: answer(element, element.get("ruleFeature", "consequent"))
        features["entityId"] = lambda element: answer(element, "ruleId")
        return Result(answer(_ASKED, "consequent"), features=features)

    def _pick(self, places: Ints, name: str) -> Column:
        if name in self._texts:
            return regroup(places, self._texts[name])
        return Numbers(np.append(self._rules.measures[name], np.nan)[places])

    def _list(self, ranked: Ints, name: str) -> Texts:
        if name in self._texts:
            return list_texts(ranked, self._texts[name])
        return list_texts(ranked, [repr(value) for value in self._rules.measures[name].tolist()])


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile an AssociationModel."""
    fields = [_find_items(field.name, field.element, scope) for field in info.schema if field.usage == "active"]
    if not fields:
        raise malformed(element, "its MiningSchema has no active field, which would hold the items")
    items = Items(element.find_all("Item"), fields, scope)
    rules = Rules(element, items)
    output = element.find("Output")
    for child in [] if output is None else output.find_all("OutputField"):
        _check_output(child)
    return AssociationEvaluator(items, rules, tuple(f.name for f in info.schema if f.usage == "group"))


def _find_items(name: str, element: Element, scope: Scope) -> Field:
    """Find a field of items, and have it read as text, any text."""
    field = scope.field(name, element)
    data_field = scope.dictionary.fields.get(name)
    if data_field is not None:
        field.type = data_field.type = STRING
        data_field.valid, data_field.intervals = (), ()
    return field


def _check_output(element: Element) -> None:
    element.choice("algorithm", ALGORITHMS, "exclusiveRecommendation")
    element.choice("rankBasis", frozenset(MEASURES), "confidence")
    element.choice("rankOrder", ORDERS, "descending")
    if element.get("feature") == "ruleValue":
        element.choice("ruleFeature", frozenset(RULE_FEATURES), "consequent")
    if element.integer("rank", 1) < 0:
        raise malformed(element, f"rank={element.get('rank')!r}: ranks count from 1, and 0 is all of them")
