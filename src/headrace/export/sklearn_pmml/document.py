"""The document around a model: header, data dictionary, derived fields, schema, outputs, verification records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from headrace.export.sklearn_pmml.markup import Element, literal
from headrace.export.sklearn_pmml.scope import Part, RawField, Scope
from headrace.export.sklearn_pmml.segments import assemble
from headrace.records import GoldenRecord

# Wide enough for another linear algebra library's order of adding, far below a difference that anybody means.
_PRECISION = 1e-10
_ZERO_THRESHOLD = 1e-14


def build_document(
    part: Part, scope: Scope, *, description: str, name: str | None, golden: Sequence[GoldenRecord]
) -> Element:
    """Put the whole document together, in the order that the standard sets."""
    fields = [_describe_field(raw) for raw in scope.raw.values()]
    target_name = None
    if part.function != "clustering":  # whose prediction is an output and no field of the training data
        target_name = scope.target_name
        fields.append(_describe_target(part, target_name))
    derived = list(scope.derived.values())
    verification = [_verification(golden)] if golden else []
    return Element(
        "PMML",
        {"xmlns": "http://www.dmg.org/PMML-4_4", "version": "4.4"},
        Element(
            "Header",
            {"description": description},
            Element("Application", {"name": "Headrace", "version": version("headrace")}),
        ),
        Element("DataDictionary", {"numberOfFields": len(fields)}, *fields),
        assemble(part, _schema(scope.raw.values(), target_name), derived, verification, name=name),
    )


def _describe_target(part: Part, name: str) -> Element:
    if part.function == "regression":
        return Element("DataField", {"name": name, "optype": "continuous", "dataType": "double"})
    values = [Element("Value", {"value": label}) for label in part.classes]
    return Element("DataField", {"name": name, "optype": "categorical", "dataType": _data_type(part.classes)}, *values)


def _describe_field(raw: RawField) -> Element:
    if raw.categories is None:
        return Element("DataField", {"name": raw.name, "optype": "continuous", "dataType": "double"})
    values = [Element("Value", {"value": label}) for label in raw.categories] if raw.refuses_unknown else []
    attributes = {"name": raw.name, "optype": "categorical", "dataType": _data_type(raw.categories)}
    return Element("DataField", attributes, *values)


def _data_type(values: Sequence[object]) -> str:
    kinds = {type(getattr(value, "item", lambda value=value: value)()) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    return "double" if kinds and kinds <= {int, float} else "string"


def _schema(fields: Iterable[RawField], target_name: str | None) -> Element:
    target = [Element("MiningField", {"name": target_name, "usageType": "target"})] if target_name else []
    active = [
        Element(
            "MiningField",
            {
                "name": raw.name,
                "missingValueTreatment": "returnInvalid" if raw.refuses_missing else None,
                "invalidValueTreatment": None if raw.refuses_unknown or raw.categories is None else "asIs",
            },
        )
        for raw in fields
    ]
    return Element("MiningSchema", None, *target, *active)


def _verification(golden: Sequence[GoldenRecord]) -> Element:
    names = (*golden[0].inputs, *golden[0].outputs)
    columns = {name: f"c{index}_{re.sub('[^A-Za-z0-9_]', '_', name)}" for index, name in enumerate(names)}
    tolerance: dict[str, object] = {"precision": _PRECISION, "zeroThreshold": _ZERO_THRESHOLD}
    fields = [
        Element(
            "VerificationField",
            {"field": name, "column": columns[name]}
            | (tolerance if isinstance(golden[0].outputs.get(name), float) else {}),
        )
        for name in names
    ]
    rows = [
        Element(
            "row",
            None,
            *(
                Element(columns[name], text=literal(value))
                for name, value in (*record.inputs.items(), *record.outputs.items())
                if value is not None
            ),
        )
        for record in golden
    ]
    return Element(
        "ModelVerification",
        {"recordCount": len(rows), "fieldCount": len(fields)},
        Element("VerificationFields", None, *fields),
        Element("InlineTable", None, *rows),
    )
