"""MiningModel: segments, each a predicate and a model, and a method that makes one result of theirs.

Standard: "Multiple Models: Model Composition, Ensembles, and Segmentation", PMML 4.4.

A segment whose predicate is not true takes no part in a row. Methods that choose or chain are here, those that combine
numbers and classes in ``combination``, and forests of trees that need no more than one walk in ``forest``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headrace.formats.pmml.columns import Bools, Column
from headrace.formats.pmml.combination import COMBINED, SUMS, Combination
from headrace.formats.pmml.elements.tree import TreeEvaluator
from headrace.formats.pmml.frame import ModelFrame, compile_model
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.merging import merge_outputs, merge_results
from headrace.formats.pmml.output import OutputField
from headrace.formats.pmml.predicates import Predicate, compile_predicate, find_predicate, is_true
from headrace.formats.pmml.result import Evaluator, Result, missing_numbers
from headrace.formats.pmml.schema import TARGET_USAGES
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.targets import find_start, is_single
from headrace.formats.pmml.trees.forest import Forest, unpack_forest
from headrace.formats.pmml.trees.fusion import fuse
from headrace.formats.pmml.trees.tree import Tree
from headrace.formats.pmml.xml import Element, malformed, unsupported

CHAINS = ("modelChain", "x-modelChain", "multiModelChain", "x-multiModelChain")
CHOICES = ("selectFirst", "selectAll")
METHODS = frozenset({*CHAINS, *CHOICES, *COMBINED})
MISSING = frozenset({"continue", "skipSegment", "returnMissing"})


@dataclass(slots=True, eq=False)
class Segment:
    """A compiled segment; ``predicate`` is None where it always holds."""

    id: str
    predicate: Predicate | None
    weight: float
    frame: ModelFrame

    def evaluate(self, context: Context, among: Bools | None = None) -> tuple[Result | None, Bools | None]:
        """Score the rows that the predicate takes (of those in ``among``): a result of full size, and which rows.

        None for the rows means all; None for the result means that there are none.
        """
        taken = among
        if self.predicate is not None:
            true = self.predicate(context) == 1.0
            taken = true if taken is None else taken & true
        if taken is None or taken.all():
            return self.frame.evaluate(context), None
        rows = np.flatnonzero(taken)
        if not len(rows):
            return None, taken
        inner = context.subset(rows)
        result = self.frame.evaluate(inner)
        for output in self.frame.outputs:
            context.set(output.field, inner.column(output.field).place(rows, context.size))
        return result.place(rows, context.size), taken


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a MiningModel."""
    segmentation = element.find("Segmentation")
    if segmentation is None:
        raise unsupported(element, "a MiningModel without Segmentation (models embedded otherwise) is not supported")
    method = segmentation.get("multipleModelMethod")
    if method not in METHODS:
        raise malformed(segmentation, f"multipleModelMethod={method!r} is none of {', '.join(sorted(METHODS))}")
    missing_name = "missingPredictionTreatment"
    treatment = segmentation.choice(missing_name, MISSING, segmentation.get(f"x-{missing_name}", "continue"))
    if method in (*CHAINS, *CHOICES):
        segments = _compile_segments(segmentation, scope, method in CHAINS)
        several_targets = "ulti" in method or sum(field.usage in TARGET_USAGES for field in info.schema) > 1
        return Chain(segments, several_targets) if method in CHAINS else Choice(segments, method == "selectAll")
    threshold = segmentation.number("missingThreshold", 1.0)
    start = find_start(element) if method in SUMS and info.function == "regression" else 0.0
    combination = Combination(method, info, treatment, threshold, is_single(element), start)
    if segmentation.table is not None:
        return unpack_forest(segmentation, scope, combination)
    segments = _compile_segments(segmentation, scope, chained=False)
    trees = None if _asks_for_segments(element) else _find_trees(segments)
    weights = [segment.weight for segment in segments]
    forest = fuse(trees, combination, weights, list(scope.dictionary.fields)) if trees is not None else None
    if forest is None:
        return Ensemble(segments, combination)
    _condense(segmentation, forest, scope)
    return forest


def _condense(segmentation: Element, forest: Forest, scope: Scope) -> None:
    """Put a forest in the place of the segments that it was made of: it is compiled once, and small to hand over."""
    table = forest.pack(scope)
    if table is not None:
        segmentation.table = table
        segmentation.children = []


def _asks_for_segments(element: Element) -> bool:
    """Tell whether an output field asks for the result of one segment."""
    output = element.find("Output")
    return output is not None and any("segmentId" in field.attributes for field in output)


def _find_trees(segments: list[Segment]) -> list[Tree] | None:
    """Return the segments' trees, None where a segment is anything but a tree that always takes part."""
    found = []
    for segment in segments:
        evaluator = segment.frame.evaluator
        if segment.predicate is not None or not segment.frame.plain or not isinstance(evaluator, TreeEvaluator):
            return None
        found.append(evaluator.tree)
    return found


def _compile_segments(segmentation: Element, scope: Scope, chained: bool) -> list[Segment]:
    segments: list[Segment] = []
    for number, element in enumerate(segmentation.find_all("Segment"), start=1):
        predicate = find_predicate(element)
        models = [child for child in element.content() if child is not predicate]
        if len(models) != 1:
            raise malformed(element, f"it holds {len(models)} models; it must hold one")
        test = None if is_true(predicate) else compile_predicate(predicate, scope)
        frame = compile_model(models[0], scope)
        segments.append(Segment(element.get("id", str(number)), test, element.number("weight", 1.0), frame))
        if chained:
            for output in _visible_outputs(frame):
                scope.add(output.field)
    if not segments:
        raise malformed(segmentation, "it holds no Segment")
    return segments


def _visible_outputs(frame: ModelFrame) -> list[OutputField]:
    """Return the outputs that later segments may refer to: a nested chain's as well."""
    return [*getattr(frame.evaluator, "visible_outputs", []), *frame.outputs]


def _list_targets(frame: ModelFrame) -> dict[str, ModelFrame]:
    """List the targets of a segment's model, each with the model that predicts it."""
    several: dict[str, ModelFrame] = getattr(frame.evaluator, "target_frames", {})
    name = frame.info.target_name or next(iter(frame.targets), "")
    return several or ({name: frame} if name else {})


class Chain:
    """Segments in turn; each may use the outputs of those before it, and the last that takes part is the result."""

    def __init__(self, segments: list[Segment], several_targets: bool) -> None:
        self.segments = segments
        finals = {}
        for segment in segments:
            for output in segment.frame.final_outputs():
                finals[output.field.name] = output
        self.final_outputs: list[OutputField] = list(finals.values())
        self.visible_outputs = [output for segment in segments for output in _visible_outputs(segment.frame)]
        self.target_frames: dict[str, ModelFrame] = {}
        if several_targets:
            for segment in segments:
                self.target_frames.update(_list_targets(segment.frame))

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        final: Result | None = None
        outputs: dict[str, Column] = {}
        results: dict[str, Result] = {}
        targets: dict[str, Result] = {}
        for segment in self.segments:
            result, taken = segment.evaluate(context)
            if result is None:
                continue
            results[segment.id] = result
            final = result if taken is None or final is None else merge_results(final, result, taken)
            outputs.update(merge_outputs(outputs, result.outputs, taken))
            targets.update(result.targets)
            for name, frame in self.target_frames.items():
                if frame is segment.frame:
                    targets[name] = result
        if final is None:
            final = Result(missing_numbers(context.size))
        empty = Result(missing_numbers(context.size))
        for output in self.final_outputs:
            outputs.setdefault(output.field.name, missing_numbers(context.size))
        targets = {name: targets.get(name, empty) for name in self.target_frames}
        return replace(final, outputs=outputs, segments=results, targets=targets)


class Choice:
    """The first segment whose predicate is true, row by row; selectAll keeps the results of all of them as well."""

    def __init__(self, segments: list[Segment], everything: bool) -> None:
        self.segments = segments
        self._everything = everything
        finals: dict[str, OutputField] = {}
        for segment in segments:
            for output in segment.frame.final_outputs():
                finals.setdefault(output.field.name, output)
        self.final_outputs: list[OutputField] = list(finals.values())
        self.visible_outputs: list[OutputField] = []

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        open_rows = np.ones(context.size, dtype=np.bool_)
        final: Result | None = None
        results: dict[str, Result] = {}
        for segment in self.segments:
            result, taken = segment.evaluate(context, None if self._everything else open_rows)
            if result is None:
                continue
            results[segment.id] = result
            chosen = open_rows if taken is None else taken & open_rows
            final = result if final is None else merge_results(final, result, chosen)
            open_rows = open_rows & ~chosen
        if final is None:
            final = Result(missing_numbers(context.size))
        outputs = dict(final.outputs)
        for output in self.final_outputs:
            outputs.setdefault(output.field.name, missing_numbers(context.size))
        return replace(final, segments=results, outputs=outputs)


class Ensemble:
    """Segments whose results are combined."""

    def __init__(self, segments: list[Segment], combination: Combination) -> None:
        self.segments = segments
        self._combination = combination
        self.start = combination.start
        self._weights = np.array([segment.weight for segment in segments])

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        results: list[Result | None] = []
        taken = np.ones((len(self.segments), context.size), dtype=np.bool_)
        for place, segment in enumerate(self.segments):
            result, rows = segment.evaluate(context)
            results.append(result)
            if rows is not None:
                taken[place] = rows
        combined = self._combination.combine(results, taken, self._weights, context.size)
        found = {segment.id: result for segment, result in zip(self.segments, results, strict=True) if result}
        return replace(combined, segments=found)
