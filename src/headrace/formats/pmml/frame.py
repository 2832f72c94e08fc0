"""A compiled model: its schema, transformations, evaluator, targets and output around one model element.

The outermost model and the models nested in a mining model are compiled and evaluated alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.errors import UnsupportedError
from headrace.formats.pmml.columns import Column
from headrace.formats.pmml.info import ModelInfo, read_info
from headrace.formats.pmml.output import OutputField, compile_outputs
from headrace.formats.pmml.registry import find_element
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.schema import define_treatments, read_schema
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.targets import Target, read_targets
from headrace.formats.pmml.transformations import compile_all, define_transformations
from headrace.formats.pmml.xml import Element, unsupported


@dataclass(frozen=True, slots=True, eq=False)
class ModelFrame:
    """One compiled model."""

    info: ModelInfo
    element: Element
    evaluator: Evaluator
    targets: dict[str, Target]
    outputs: list[OutputField]
    nested: list[OutputField]

    @property
    def plain(self) -> bool:
        """Tell whether the model's result is its evaluator's, with nothing done to it."""
        return not self.targets and not self.outputs

    def evaluate(self, context: Context) -> Result:
        """Score all rows of a context: the evaluator, then targets, then outputs."""
        result = self.evaluator.evaluate(context)
        target = self.find_target()
        if target is not None:
            result = target.apply(result)
        if not self.outputs:
            return result
        columns: dict[str, Column] = dict(result.outputs)
        for output in self.outputs:
            column = output.compute(context, result)
            if output.final:
                columns[output.field.name] = column
        return replace(result, outputs=columns)

    def find_target(self) -> Target | None:
        """Find the target that is applied to the predicted value."""
        target = self.targets.get(self.info.target_name) or self.targets.get("")
        if target is None and len(self.targets) == 1 and not self.info.target_name:
            target = next(iter(self.targets.values()))
        return target

    def final_outputs(self) -> list[OutputField]:
        """Return the final output fields, those that a chain's segments hand on first; a name counts once."""
        found = {output.field.name: output for output in [*self.nested, *self.outputs] if output.final}
        return list(found.values())


def compile_model(element: Element, scope: Scope, *, outermost: bool = False) -> ModelFrame:
    """Compile a model element within a scope.

    Raises ``ModelFormatError`` or ``UnsupportedError`` with the element's line.
    """
    module = find_element(element)
    if not element.flag("isScorable", True):
        raise unsupported(element, "the model says that it is not to be scored (isScorable='false')")
    schema = read_schema(element)
    inner = scope.child()
    if not outermost:
        define_treatments(schema, inner)
    transformations = element.find("LocalTransformations")
    define_transformations(transformations, inner)
    info = read_info(element, schema, inner)
    evaluator: Evaluator = module.compile_element(element, inner, info)
    targets = read_targets(element)
    if getattr(evaluator, "start", 0.0):  # the sum holds the constant already
        targets = {name: replace(target, offset=0.0) for name, target in targets.items()}
    own = getattr(module, "FEATURES", ())
    outputs = compile_outputs(element, inner, targets, info.target_type, own)
    compile_unused(transformations, inner)
    nested = list(getattr(evaluator, "final_outputs", []))
    return ModelFrame(info, element, evaluator, targets, outputs, nested)


def compile_unused(transformations: Element | None, scope: Scope) -> None:
    """Compile the derived fields that nothing refers to, for their errors; an unsupported one harms nobody."""
    try:
        compile_all(transformations, scope)
    except UnsupportedError:
        return
