"""Which field of a record feeds which input of a model.

An input finds its field by the first of these that holds:

1. the mapping of the descriptor or the configuration names it;
2. a field has the same name;
3. exactly one field, not taken so far, has the same name apart from case, space, underscore, dash and dot, and no
   other input would have it;
4. a model with one input, a vector of k elements, takes the one list column of k elements, else the record's k
   fields of the element's kind (numbers, or text) in their order, leaving out those known to be no features, else
   the one column of lists of any length.

A required input without a field is a ``SignatureError``. An input that is not required and has none is left out.
A vector comes as a fixed-size list of the model's element type, row-major where it has more dimensions; a scalar
comes as it is in the record, not copied and not converted.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa

from headrace.errors import SignatureError
from headrace.packing import RowErrors, pack, pack_lists
from headrace.records import Field, Signature

_SEPARATORS = str.maketrans("", "", " _-.")
_SHOWN_FIELDS = 40


def fold(name: str) -> str:
    """Give the spelling under which names that differ in case, space, underscore, dash or dot are the same."""
    return name.casefold().translate(_SEPARATORS)


@dataclass(frozen=True, slots=True)
class Source:
    """Where one input's values come from. ``element`` is None for a scalar; ``width`` -1 leaves lists as they are."""

    input: str
    fields: tuple[str, ...]
    places: tuple[int, ...]
    element: pa.DataType | None = None
    width: int = 1
    lists: bool = False

    def read(self, columns: pa.RecordBatch, errors: RowErrors) -> pa.Array:
        """Read the input's column from a batch of records, adding the rows that have no value of its type."""
        if self.element is None or (self.lists and self.width < 0):
            return columns.column(self.places[0])
        if self.lists:
            array, failed = pack_lists(columns.column(self.places[0]), self.fields[0], self.element, self.width)
        else:
            array, failed = pack(columns.select(self.places), self.element)
        for row, reason in failed.items():
            errors.setdefault(row, reason)
        return array


class Binding:
    """What ``bind`` found: records to a model's inputs, without another look at names."""

    __slots__ = ("_names", "_places", "_renames", "_scalars", "_vectors", "sources")

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources
        self._names = [source.input for source in sources]
        plain = all(source.element is None for source in sources)
        self._places = [source.places[0] for source in sources] if plain else None
        self._renames = any(source.fields[0] != source.input for source in sources)
        single = [source for source in sources if source.element is None or source.lists]
        self._scalars = tuple((source.input, source.fields[0]) for source in single)
        self._vectors = tuple((source.input, source.fields) for source in sources if source not in single)

    def apply(self, columns: pa.RecordBatch) -> tuple[pa.RecordBatch, RowErrors]:
        """Give a batch of records, of the schema that was bound, as the model's inputs, and the rows that fail.

        The batch has all rows; a failed one holds null where it failed.
        """
        if self._places is not None:
            selected = columns.select(self._places)
            return (selected.rename_columns(self._names) if self._renames else selected), {}
        errors: RowErrors = {}
        arrays = [source.read(columns, errors) for source in self.sources]
        return pa.RecordBatch.from_arrays(arrays, names=self._names), errors

    def apply_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Give one record as the model's inputs: a value each, None where it is missing, a list for a vector."""
        get = record.get
        bound: dict[str, object] = {name: get(field) for name, field in self._scalars}
        for name, fields in self._vectors:
            bound[name] = [get(field) for field in fields]
        return bound


def bind(
    signature: Signature,
    schema: pa.Schema,
    mapping: Mapping[str, tuple[str, ...]] | None = None,
    exclude: Collection[str] = (),
) -> Binding:
    """Find the field or fields of every input by the rules above.

    ``exclude`` names fields that are no features (the record's id, its event time): rule 4 leaves them out. Raises
    ``SignatureError`` that names the inputs without a field, the fields there are, and close matches.
    """
    fields: dict[str, tuple[str, ...]] = _find_mapped(signature, schema, mapping or {})
    _find_by_name(signature, schema, fields)
    if len(signature.inputs) == 1 and signature.inputs[0].shape and not fields:
        found = _find_by_place(signature.inputs[0], schema, exclude)
        if found:
            fields[signature.inputs[0].name] = found
    missing = [each for each in signature.inputs if each.required and each.name not in fields]
    if missing:
        raise SignatureError(_explain_missing(missing, schema))
    return Binding(
        tuple(_make_source(each, fields[each.name], schema) for each in signature.inputs if each.name in fields)
    )


def _find_mapped(
    signature: Signature, schema: pa.Schema, mapping: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    inputs = {each.name: each for each in signature.inputs}
    found: dict[str, tuple[str, ...]] = {}
    for name, fields in mapping.items():
        if name not in inputs:
            raise SignatureError(f"the mapping names the input {name!r}; the model has {_show_names(list(inputs))}")
        absent = [field for field in fields if schema.get_field_index(field) < 0]
        if not absent and fields:
            found[name] = tuple(fields)
        elif inputs[name].required:
            raise SignatureError(
                f"the mapping ties the input {name!r} to {_show_names(absent) if absent else 'no field'};"
                f" the record has {_show_names(schema.names)}"
            )
    return found


def _find_by_name(signature: Signature, schema: pa.Schema, fields: dict[str, tuple[str, ...]]) -> None:
    for each in signature.inputs:
        if each.name not in fields and _may_feed(each, schema, each.name):
            fields[each.name] = (each.name,)
    taken = {field for group in fields.values() for field in group}
    by_spelling: dict[str, list[str]] = {}
    for name in schema.names:
        if name not in taken:
            by_spelling.setdefault(fold(name), []).append(name)
    open_inputs = [each for each in signature.inputs if each.name not in fields]
    wanted = Counter(fold(each.name) for each in open_inputs)
    for each in open_inputs:
        spelling = fold(each.name)
        match = by_spelling.get(spelling, [])
        if len(match) == 1 and wanted[spelling] == 1 and _may_feed(each, schema, match[0]):
            fields[each.name] = (match[0],)


def _may_feed(each: Field, schema: pa.Schema, name: str) -> bool:
    """Tell whether a field of this name can be the whole input: a vector needs a list, unless it has one element."""
    place = schema.get_field_index(name)
    return place >= 0 and (not each.shape or _is_list(schema.field(place).type) or _count_elements(each) == 1)


def _find_by_place(each: Field, schema: pa.Schema, exclude: Collection[str]) -> tuple[str, ...]:
    width, element = _count_elements(each), pa.type_for_alias(each.type)
    lists = [field for field in schema if _is_list(field.type) and _is_alike(field.type.value_type, element)]
    of_width = [field for field in lists if pa.types.is_fixed_size_list(field.type) and field.type.list_size == width]
    if len(of_width) == 1:
        return (of_width[0].name,)
    names = tuple(field.name for field in schema if _is_alike(field.type, element) and field.name not in exclude)
    if names and width in {len(names), -1}:
        return names
    if len(lists) == 1 and _may_hold(lists[0].type, width):
        return (lists[0].name,)
    kind = "text" if pa.types.is_string(element) else "numeric"
    more = len(names) > width
    raise SignatureError(
        f"the model's input {each.name!r} takes {width if width >= 0 else 'some'} values and the record has "
        f"{len(names)} {kind} fields: {_show_names(names)}. "
        + ("Name those that it takes, in their order," if more else f"Name the fields of {each.name!r}")
        + " in the descriptor's mapping"
        + (", or publish a model of these fields" if not more else "")
    )


def _may_hold(kind: pa.DataType, width: int) -> bool:
    return not pa.types.is_fixed_size_list(kind) or width in {kind.list_size, -1}


def _make_source(each: Field, fields: tuple[str, ...], schema: pa.Schema) -> Source:
    places = tuple(schema.get_field_index(field) for field in fields)
    kinds = [schema.field(place).type for place in places]
    if not each.shape:
        if len(fields) > 1:
            raise SignatureError(f"the input {each.name!r} takes one value, the mapping names {_show_names(fields)}")
        if pa.types.is_nested(kinds[0]):
            raise SignatureError(f"the input {each.name!r} takes one value, the field {fields[0]!r} is a {kinds[0]}")
        return Source(each.name, fields, places)
    width, element = _count_elements(each), pa.type_for_alias(each.type)
    if len(fields) == 1 and _is_list(kinds[0]):
        if not _may_hold(kinds[0], width):
            raise SignatureError(f"the input {each.name!r} takes {width} values, {fields[0]!r} is a {kinds[0]}")
        known = kinds[0].list_size if pa.types.is_fixed_size_list(kinds[0]) else width
        return Source(each.name, fields, places, element, known, lists=True)
    nested = [field for field, kind in zip(fields, kinds, strict=True) if pa.types.is_nested(kind)]
    if nested:
        raise SignatureError(f"the input {each.name!r} takes fields of one value, {_show_names(nested)} hold more")
    if width not in {len(fields), -1}:
        raise SignatureError(
            f"the input {each.name!r} takes {width} values, it is given {len(fields)}: {_show_names(fields)}"
        )
    return Source(each.name, fields, places, element, len(fields))


def _count_elements(each: Field) -> int:
    return -1 if any(size < 0 for size in each.shape) else math.prod(each.shape)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_alike(kind: pa.DataType, element: pa.DataType) -> bool:
    if pa.types.is_string(element) or pa.types.is_boolean(element):
        return bool(kind == element or (pa.types.is_string(element) and pa.types.is_large_string(kind)))
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _explain_missing(missing: list[Field], schema: pa.Schema) -> str:
    described = [f"{each.name!r}{_hint(each.name, schema.names)}" for each in missing]
    return (
        f"the record lacks {'inputs' if len(missing) > 1 else 'an input'} of the model: {', '.join(described)}. "
        f"The record has {_show_names(schema.names)}. Tie an input to a field in the descriptor's mapping"
    )


def _hint(name: str, fields: list[str]) -> str:
    same = [field for field in fields if fold(field) == fold(name)]
    if len(same) > 1:
        return f" ({_show_names(same)} all match)"
    close = same or difflib.get_close_matches(name, fields, n=2)
    return f" (close: {_show_names(close)})" if close else ""


def _show_names(names: Collection[str]) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:_SHOWN_FIELDS])
    return (shown + (f" and {len(names) - _SHOWN_FIELDS} more" if len(names) > _SHOWN_FIELDS else "")) or "no fields"
