"""What a function has to know of an argument beyond its values, where that is a field.

- isValid and isNotValid ask the dictionary: a value that it excludes is not valid, though it may have been let in.
- Of an ordinal field of texts, lessThan and its kin compare places in the declared order, not letters.

Standard: "Built-in Functions", and "Data Dictionary" on ordinal fields, PMML 4.4.
"""

from __future__ import annotations

from headrace.formats.pmml.columns import Column, Texts, encode_booleans
from headrace.formats.pmml.expressions.functions.builtin import Builtin
from headrace.formats.pmml.expressions.functions.texts import as_texts
from headrace.formats.pmml.scope import Compute, Context, Field, Scope
from headrace.formats.pmml.xml import Element

ORDERED = frozenset({"lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"})


def find_reference(element: Element, scope: Scope) -> Field | None:
    """Return the field that an argument is, None where it is anything else."""
    plain = element.tag == "FieldRef" and "mapMissingTo" not in element.attributes
    return scope.find(element.get("field")) if plain else None


def compile_validity(element: Element, scope: Scope, wanted: bool) -> Compute | None:
    """Compile isValid or isNotValid of a field of the dictionary; None where the argument is no such field."""
    field = find_reference(element, scope)
    data_field = scope.dictionary.fields.get(element.get("field"))
    if field is None or data_field is None or field.vocabulary is not data_field.vocabulary:
        return None

    def compute(context: Context) -> Column:
        column = context.column(field)
        valid = ~column.missing()
        invalid = data_field.find_invalid(column)
        if invalid is not None:
            valid &= ~invalid
        return encode_booleans(valid if wanted else ~valid)

    return compute


def order_arguments(builtin: Builtin, elements: list[Element], scope: Scope, arguments: list[Compute]) -> list[Compute]:
    """Have a comparison compare places in the declared order, where an argument is an ordinal field of texts."""
    if builtin.name not in ORDERED:
        return arguments
    for element in elements:
        field = find_reference(element, scope)
        if field is not None and field.optype == "ordinal" and field.type.is_text and field.declared:
            places = {text: float(place) for place, text in enumerate(field.declared)}
            return [_rank(argument, places) for argument in arguments]
    return arguments


def _rank(argument: Compute, places: dict[str, float]) -> Compute:
    def compute(context: Context) -> Column:
        texts: Texts = as_texts(argument(context))
        return texts.measure(lambda text: places.get(text, float("nan")))

    return compute
