"""Models made of models: ``MiningModel``.

Segments are combined in their order, each with the weight 1, so that sums and means are taken as scikit-learn takes
them. In a chain the fields that earlier segments put out are inputs of the later ones, and the last one's outputs are
the chain's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.export.golden import name_probability
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Part


def combine(method: str, parts: Sequence[Part], *, weights: Sequence[float] | None = None) -> Part:
    """Combine parts of one function: "sum", "average", "weightedMedian" ..."""
    inputs = tuple(dict.fromkeys(name for part in parts for name in part.inputs))
    segments = [_segment(part, index, weights) for index, part in enumerate(parts)]
    segmentation = Element("Segmentation", {"multipleModelMethod": method}, *segments)
    return Part("MiningModel", parts[0].function, inputs, (segmentation,))


def chain(steps: Mapping[str, Part], last: Part, target_name: str) -> Part:
    """Feed the predictions of regressions, each put out under its name, to a last part, which predicts the target."""
    named = [_put_out(name, part) for name, part in steps.items()]
    inputs = dict.fromkeys(name for part in (*named, last) for name in part.inputs)
    segments = [_segment(part, index) for index, part in enumerate(named)]
    segments.append(_segment(last, len(named), target_name=target_name))
    return Part(
        "MiningModel",
        last.function,
        tuple(name for name in inputs if name not in steps),
        (Element("Segmentation", {"multipleModelMethod": "modelChain"}, *segments),),
        classes=last.classes,
        probabilities=last.probabilities,
        is_chain=True,
    )


def assemble(
    part: Part,
    schema: Element,
    derived: Sequence[Element] = (),
    verification: Sequence[Element] = (),
    name: str | None = None,
) -> Element:
    """Put a model element together in the order that the standard sets."""
    outputs = list(part.outputs)
    if part.probabilities and not part.is_chain:
        outputs += [_probability(label) for label in part.classes]
    head = [schema]
    if outputs:
        head.append(Element("Output", None, *outputs))
    if part.targets:
        head.append(part.targets)
    if derived:
        head.append(Element("LocalTransformations", None, *derived))
    attributes = {"modelName": name, "functionName": part.function, **part.attributes}
    return Element(part.tag, attributes, *head, *part.content, *verification)


def _segment(part: Part, index: int, weights: Sequence[float] | None = None, target_name: str | None = None) -> Element:
    target = [Element("MiningField", {"name": target_name, "usageType": "target"})] if target_name else []
    active = [Element("MiningField", {"name": name}) for name in part.inputs]
    schema = Element("MiningSchema", None, *target, *active)
    attributes = {"id": str(index + 1), "weight": None if weights is None else float(weights[index])}
    return Element("Segment", attributes, Element("True"), assemble(part, schema))


def _probability(label: object) -> Element:
    kind = {"optype": "continuous", "dataType": "double", "feature": "probability"}
    return Element("OutputField", {"name": name_probability(label), **kind, "value": label})


def _put_out(name: str, part: Part) -> Part:
    kind = {"optype": "continuous", "dataType": "double", "feature": "predictedValue", "isFinalResult": False}
    output = Element("OutputField", {"name": name, **kind})
    return Part(
        part.tag, part.function, part.inputs, part.content, part.attributes, (*part.outputs, output), part.targets
    )
