"""Which items of an AssociationModel a record holds.

A field's value is one item or several: a list, or a text that is a JSON array. An Item belongs to a record

- where its ``field`` has the value of its ``category`` (its ``value`` where it has no category);
- without ``field``, where the model has one active field: where that holds the item's ``value``;
- without ``field``, where it has several: where a field holds that value and the item is written ``field=value``, or
  the item is the field's name and the field is true.

Standard: "Association Rules", Item, PMML 4.4.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Bools, Texts, cast, split_values
from headrace.formats.pmml.datatypes import STRING
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

TRUE = frozenset({"true", "t", "1", "1.0", "yes", "y"})


class Items:
    """The items of a model, and where records hold them."""

    def __init__(self, elements: list[Element], fields: list[Field], scope: Scope) -> None:
        self.names: list[str] = []
        self.places: dict[str, int] = {}
        self._alone = len(fields) == 1
        self._anywhere: dict[str, list[int]] = {}
        self._of_field: dict[Field, dict[str, list[int]]] = {field: {} for field in fields}
        for place, element in enumerate(elements):
            if self.places.setdefault(element.require("id"), place) != place:
                raise malformed(element, f"two items have the id {element.get('id')!r}")
            value = element.require("value")
            self.names.append(value)
            known, text = self._anywhere, value
            if "field" in element.attributes:
                field = scope.field(element.get("field"), element)
                known, text = self._of_field.setdefault(field, {}), element.get("category", value)
            known.setdefault(text, []).append(place)

    def find(self, context: Context) -> Bools:
        """Tell which items (items, rows) the rows hold."""
        held = np.zeros((len(self.names), context.size), dtype=np.bool_)
        for field in self._of_field:
            column = cast(context.column(field), STRING)
            assert isinstance(column, Texts)
            table = np.zeros((len(column.categories) + 1, len(self.names)), dtype=np.bool_)
            for code, category in enumerate(column.categories):
                for value in split_values(category):
                    table[code, self._match(field, value)] = True
            held |= table[column.codes].T
        return held

    def _match(self, field: Field, value: str) -> list[int]:
        found = self._of_field[field].get(value, [])
        if self._alone:
            return found + self._anywhere.get(value, [])
        found = found + self._anywhere.get(f"{field.name}={value}", [])
        return found + self._anywhere.get(field.name, []) if value.lower() in TRUE else found
