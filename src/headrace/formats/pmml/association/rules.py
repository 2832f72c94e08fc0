"""The rules of an AssociationModel: which apply to a record, and in what order.

- recommendation: the record holds the antecedent
- exclusiveRecommendation: it holds the antecedent, and not all of the consequent
- ruleAssociation: it holds both

Standard: "Association Rules", and "Output", algorithm, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.association.items import Items
from headrace.formats.pmml.columns import Bools, Floats, Rows
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.ranking import write_list
from headrace.formats.pmml.xml import Element, malformed

MEASURES = ("support", "confidence", "lift", "leverage", "affinity")
ALGORITHMS: dict[str, Callable[[Bools, Bools], Bools]] = {
    "recommendation": lambda antecedent, _: antecedent,
    "exclusiveRecommendation": lambda antecedent, consequent: antecedent & ~consequent,
    "ruleAssociation": lambda antecedent, consequent: antecedent & consequent,
}


class Rules:
    """The rules of a model, their parts and measures in columns."""

    def __init__(self, model: Element, items: Items) -> None:
        itemsets = _read_itemsets(model, items)
        places = {identity: place for place, identity in enumerate(itemsets)}
        self._itemsets = list(itemsets.values())
        elements = model.find_all("AssociationRule")
        self._antecedents = _refer(elements, "antecedent", places)
        self._consequents = _refer(elements, "consequent", places)
        self.ids = [element.get("id") or str(number) for number, element in enumerate(elements, start=1)]
        self.measures = {name: np.array([e.number(name, np.nan) for e in elements]) for name in MEASURES}
        named = [[items.names[item] for item in itemset] for itemset in self._itemsets]
        self.antecedents = [write_list(named[place]) for place in self._antecedents]
        self.consequents = [write_list(named[place]) for place in self._consequents]
        self.rules = [
            f"{{{', '.join(named[left])}}}->{{{', '.join(named[right])}}}"
            for left, right in zip(self._antecedents, self._consequents, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.ids)

    def find_held(self, held: Bools) -> tuple[Bools, Bools]:
        """Tell of which rules (rows, rules) the rows hold the antecedent, and of which the consequent."""
        present = np.empty((held.shape[1], len(self._itemsets)), dtype=np.bool_)
        for place, itemset in enumerate(self._itemsets):
            present[:, place] = held[itemset].all(axis=0)
        return present[:, self._antecedents], present[:, self._consequents]

    def order(self, basis: str, ascending: bool) -> Rows:
        """Return the rules' places by one of their measures, equal ones as in the document, unknown ones last."""
        values: Floats = self.measures[basis] if ascending else -self.measures[basis]
        return np.argsort(values, kind="stable")


def rank_true(applies: Bools, order: Rows, count: int) -> Ints:
    """Return each row's first ``count`` true places in an order; -1 where there are no more."""
    ordered = applies[:, order]
    ranked = np.full((len(applies), count), -1, dtype=np.int32)
    rows, columns = np.nonzero(ordered)
    starts = np.searchsorted(rows, np.arange(len(applies)))
    ranks = np.arange(len(rows)) - starts[rows]
    kept = ranks < count
    ranked[rows[kept], ranks[kept]] = order[columns[kept]]
    return ranked


def _read_itemsets(model: Element, items: Items) -> dict[str, list[int]]:
    itemsets: dict[str, list[int]] = {}
    for element in model.find_all("Itemset"):
        members = []
        for reference in element.find_all("ItemRef"):
            place = items.places.get(reference.require("itemRef"))
            if place is None:
                raise malformed(reference, f"there is no item {reference.get('itemRef')!r}")
            members.append(place)
        if element.integer("numberOfItems", len(members)) != len(members):
            raise malformed(element, f"numberOfItems={element.get('numberOfItems')!r}, but it holds {len(members)}")
        identity = element.require("id")
        if identity in itemsets:
            raise malformed(element, f"two itemsets have the id {identity!r}")
        itemsets[identity] = members
    return itemsets


def _refer(elements: list[Element], name: str, places: dict[str, int]) -> Ints:
    found = []
    for element in elements:
        place = places.get(element.require(name))
        if place is None:
            raise malformed(element, f"there is no itemset {element.get(name)!r}")
        found.append(place)
    return np.array(found, dtype=np.int32)
