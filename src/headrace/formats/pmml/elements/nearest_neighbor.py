"""NearestNeighborModel. Standard: "k-Nearest Neighbors", PMML 4.4.

A record's neighbours are the training instances that are nearest or most similar, of equals the first. An instance is
known by the value of instanceIdVariable, else by its number from 1. Instances that are not transformed go through the
model's derived fields once, at load. Without a target the predicted value is the nearest instance.

With several targets an output names the one it means by targetField, or by its own name: what R's pmml package writes
is ``Predicted_`` and the target's name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Texts, cast, encode_texts
from headrace.formats.pmml.comparison import ComparedField, Comparison, compile_comparison
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.neighbours.instances import Instances, reduce_row, reduce_table
from headrace.formats.pmml.neighbours.scoring import CATEGORICAL, CONTINUOUS, ClassTarget, Neighbours, NumberTarget
from headrace.formats.pmml.ranking import list_texts
from headrace.formats.pmml.result import Evaluator, Feature, Result
from headrace.formats.pmml.schema import TARGET_USAGES
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.targets import find_target, read_targets
from headrace.formats.pmml.xml import Element, malformed

REDUCERS = {"row": reduce_row, "InlineTable": reduce_table}
THRESHOLD = 0.001

Target = ClassTarget | NumberTarget


class NearestNeighborEvaluator:
    """Finds the neighbours of each row, and asks them."""

    def __init__(self, element: Element, comparison: Comparison, points: Floats, ids: list[str]) -> None:
        self._comparison = comparison
        self._points = points
        self._ids = ids
        self._count = min(element.integer("numberOfNeighbors"), len(ids))
        self._sought = min(max(self._count, _find_greatest_rank(element)), len(ids))
        self._threshold = element.number("threshold", THRESHOLD)
        self._treatments = read_targets(element)
        self._targets: dict[str, Target] = {}
        self._frames: dict[str, ModelFrame] = {}
        if self._count < 1:
            raise malformed(element, "numberOfNeighbors must be at least 1")

    def add_target(self, frame: ModelFrame, target: Target) -> None:
        """Have one more target predicted."""
        self._targets[frame.info.target_name] = target
        self._frames[frame.info.target_name] = frame

    @property
    def target_frames(self) -> dict[str, ModelFrame]:
        """The targets by name, where there are several."""
        return self._frames if len(self._frames) > 1 else {}

    def evaluate(self, context: Context) -> Result:
        """Score all rows. A row that has no known field has no neighbours."""
        rows = self._comparison.read_rows(context)
        places, measures = self._comparison.find_nearest(rows, self._points, self._sought)
        features = self._make_features(rows, places, measures)
        entity = Texts(np.ascontiguousarray(places[:, 0]), self._ids)
        if not self._targets:
            return Result(entity, entity=entity, features=features)
        weights = measures + self._threshold
        if not self._comparison.similarity:
            weights = 1.0 / weights
        neighbours = Neighbours(places[:, : self._count], weights[:, : self._count])
        results = {
            name: replace(target.predict(neighbours), entity=entity, features=features)
            for name, target in self._targets.items()
        }
        main = next(iter(results.values()))
        if len(results) == 1:
            return main
        treated = {name: self._treat(name, result) for name, result in results.items()}

        def find_value(element: Element) -> Column:
            return treated[find_target(element, list(treated))].value

        return replace(main, targets=treated, features={**features, "predictedValue": find_value})

    def _treat(self, name: str, result: Result) -> Result:
        treatment = self._treatments.get(name)
        return result if treatment is None else treatment.apply(result)

    def _make_features(self, rows: Floats, places: Ints, measures: Floats) -> dict[str, Feature]:
        def identify(element: Element) -> Column:
            rank = element.integer("rank", 1)
            if element.flag("isMultiValued"):
                return list_texts(places[:, : rank or places.shape[1]], self._ids)
            if not 1 <= rank <= places.shape[1]:
                return Texts(np.full(len(places), -1, dtype=np.int32), self._ids)
            return Texts(np.ascontiguousarray(places[:, rank - 1]), self._ids)

        def measure(element: Element) -> Column:
            rank = element.integer("rank", 1)
            if element.get("value") in self._ids:
                place = self._ids.index(element.get("value"))
                return Numbers(self._comparison.compare(rows, self._points[[place]])[:, 0])
            if not 1 <= rank <= measures.shape[1]:
                return Numbers(np.full(len(measures), np.nan))
            return Numbers(np.ascontiguousarray(measures[:, rank - 1]))

        return {"entityId": identify, "affinity": measure, "entityAffinity": measure}


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a NearestNeighborModel."""
    names = [field.name for field in info.schema if field.usage in TARGET_USAGES]
    instances = Instances(element.child("TrainingInstances"))
    compared = [
        ComparedField(scope.field(child.require("field"), child), child, child.number("fieldWeight", 1.0))
        for child in element.child("KNNInputs").find_all("KNNInput")
    ]
    if not compared:
        raise malformed(element.child("KNNInputs"), "it holds no KNNInput")
    comparison = compile_comparison(element.child("ComparisonMeasure"), compared)
    variable = element.get("instanceIdVariable")
    points = _read_points(instances, comparison, scope, [*names, variable])
    ids = instances.texts(variable) if variable else [str(number + 1) for number in range(instances.size)]
    evaluator = NearestNeighborEvaluator(element, comparison, points, ids)
    if not names and info.function != "clustering":
        raise malformed(element, f"a model for {info.function} needs a target in its MiningSchema")
    for name in names:
        described = info if len(names) == 1 and info.function != "mixed" else _describe_target(info, name, scope)
        frame = ModelFrame(described, element, evaluator, {}, [], [])
        evaluator.add_target(frame, _make_target(element, described, instances))
    return evaluator


def _read_points(instances: Instances, comparison: Comparison, scope: Scope, left_out: list[str]) -> Floats:
    transformed = instances.element.flag("isTransformed", True)
    for field in comparison.fields:
        if transformed and field.name not in instances:
            raise malformed(instances.element, f"the instances have no field {field.name!r}")
    return comparison.read_rows(instances.open_context(scope, left_out))


def _describe_target(info: ModelInfo, name: str, scope: Scope) -> ModelInfo:
    """Describe one of several targets: by its optype it is a class or a number."""
    data_field = scope.dictionary.fields.get(name)
    if data_field is None:
        return replace(info, target_name=name)
    function = "regression" if data_field.optype == "continuous" else "classification"
    return replace(
        info, function=function, target_name=name, target_type=data_field.type, target_values=data_field.valid
    )


def _make_target(element: Element, info: ModelInfo, instances: Instances) -> Target:
    texts = instances.texts(info.target_name)
    if info.function == "regression":
        method = element.choice("continuousScoringMethod", CONTINUOUS, "average")
        values = cast(encode_texts(text or None for text in texts), info.target_type)
        if not isinstance(values, Numbers):
            raise malformed(element, f"the target {info.target_name!r} holds text; it must be numeric")
        return NumberTarget(values.values.astype(np.float64), method)
    method = element.choice("categoricalScoringMethod", CATEGORICAL, "majorityVote")
    return ClassTarget(texts, info.target_values, method)


def _find_greatest_rank(element: Element) -> int:
    output = element.find("Output")
    fields = [] if output is None else output.find_all("OutputField")
    return max([field.integer("rank", 1) for field in fields if field.get("feature") != "predictedValue"], default=1)
