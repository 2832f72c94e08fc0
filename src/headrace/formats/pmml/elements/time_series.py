"""TimeSeriesModel. Standard: "Time Series Models", PMML 4.4.

The algorithm that ``bestFit`` names forecasts. A record says which step it asks for: the field that is neither target
nor order holds the horizon, 1 for the first step after the series; else the field whose usage is order holds a time,
on the scale of the series' indexes. Without either, and where the value is missing, it is the first step. A value that
is no whole number of steps from 1 up has no forecast. A table's row with the horizon n stands for the forecasts of
steps 1 to n (``Shaping.count_up``).

Beside the forecast there are its standard error and the ends of the interval that holds the given percentage of a
normal distribution around it. SpectralAnalysis and SeasonalTrendDecomposition have no content in the standard.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np

from headrace.abc.model import Shaping
from headrace.formats.pmml.columns import Column, Floats, Numbers
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Feature, Result
from headrace.formats.pmml.schema import TARGET_USAGES
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.targets import find_target
from headrace.formats.pmml.timeseries.arma import Arima, Garch
from headrace.formats.pmml.timeseries.forecast import TRANSFORMATIONS, Algorithm
from headrace.formats.pmml.timeseries.series import read_series, reduce_series
from headrace.formats.pmml.timeseries.smoothing import ExponentialSmoothing
from headrace.formats.pmml.timeseries.statespace import compile_kalman, compile_state_space
from headrace.formats.pmml.xml import Element, malformed, unsupported

REDUCERS = {"TimeSeries": reduce_series}
FEATURES = ("standardError", "confidenceIntervalLower", "confidenceIntervalUpper")
ALGORITHMS = ("ExponentialSmoothing", "ARIMA", "GARCH", "StateSpaceModel")
WITHOUT_CONTENT = ("SpectralAnalysis", "SeasonalTrendDecomposition")
METHODS = frozenset({"conditionalLeastSquares", "exactLeastSquares"})
MAX_STEPS = 10_000
LEVEL = 95.0
"""The percentage of an interval whose output names none."""


class TimeSeriesEvaluator:
    """Forecasts the steps that records ask for."""

    def __init__(self, algorithm: Algorithm, step: Field | None, start: float, names: list[str]) -> None:
        self._algorithm = algorithm
        self._step = step
        self._start = start
        self._names = names
        self.target_frames: dict[str, ModelFrame] = {}
        self.shaping = Shaping(count_up=step.name if step is not None and start == 0.0 else "")

    def evaluate(self, context: Context) -> Result:
        """Forecast for all rows."""
        steps = np.ones(context.size) if self._step is None else context.numbers(self._step) - self._start
        steps = np.where(np.isnan(steps), 1.0, steps)
        with np.errstate(invalid="ignore"):
            sound = (steps >= 1) & (steps <= MAX_STEPS) & (steps == np.floor(steps))
        places = np.where(sound, steps, 1).astype(np.intp) - 1
        forecast = self._algorithm.forecast(int(places.max(initial=0)) + 1)
        results = {}
        for target, name in enumerate(self._names):
            values = np.where(sound, forecast.values[target, places], np.nan)
            results[name] = self._make_result(values, np.where(sound, forecast.errors[target, places], np.nan))
        main = next(iter(results.values()))
        if len(results) == 1:
            return main

        def find_value(asked: Element) -> Column:
            return results[find_target(asked, self._names)].value

        return replace(main, targets=results, features={**main.features, "predictedValue": find_value})

    def _make_result(self, values: Floats, errors: Floats) -> Result:
        restore = TRANSFORMATIONS[self._algorithm.transformation][1]

        def bound(element: Element, sign: float) -> Column:
            level = element.number("value", LEVEL)
            return Numbers(restore(values + sign * NormalDist().inv_cdf(0.5 + level / 200.0) * errors))

        features: dict[str, Feature] = {
            "standardError": lambda _: Numbers(errors),
            "confidenceIntervalLower": lambda element: bound(element, -1.0),
            "confidenceIntervalUpper": lambda element: bound(element, 1.0),
        }
        return Result(Numbers(restore(values)), features=features)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a TimeSeriesModel."""
    names = [field.name for field in info.schema if field.usage in TARGET_USAGES] or [""]
    algorithm = _compile_algorithm(element, names[0])
    if algorithm.targets != len(names):
        raise malformed(
            element, f"it forecasts {algorithm.targets} series, and the MiningSchema has {len(names)} targets"
        )
    output = element.find("Output")
    for child in [] if output is None else output.find_all("OutputField"):
        if child.get("feature") in FEATURES and not 0.0 < child.number("value", LEVEL) < 100.0:
            raise malformed(child, f"value={child.get('value')!r}: an interval holds between 0 and 100 percent")
    step, start = _find_step(element, scope, info, names[0])
    evaluator = TimeSeriesEvaluator(algorithm, step, start, names)
    for name in names if len(names) > 1 else []:
        described = replace(info, target_name=name)
        evaluator.target_frames[name] = ModelFrame(described, element, evaluator, {}, [], [])
    return evaluator


def _compile_algorithm(element: Element, target: str) -> Algorithm:
    name = element.require("bestFit")
    if name in WITHOUT_CONTENT:
        raise unsupported(element, f"the standard leaves {name} without content")
    if name not in ALGORITHMS:
        raise malformed(element, f"bestFit={name!r} is none of {', '.join(ALGORITHMS)}")
    part = element.child(name)
    if name == "ExponentialSmoothing":
        return ExponentialSmoothing(part)
    if name == "StateSpaceModel":
        return compile_state_space(part)
    if name == "GARCH":
        return Garch(part, read_series(element, target))
    for tag in ("DynamicRegressor", "OutlierEffect"):
        if part.find(tag) is not None:
            raise unsupported(part, f"forecasts with {tag} are not supported")
    method = part.choice("predictionMethod", METHODS, "conditionalLeastSquares")
    return compile_kalman(part) if method == "exactLeastSquares" else Arima(part, read_series(element, target))


def _find_step(element: Element, scope: Scope, info: ModelInfo, target: str) -> tuple[Field | None, float]:
    """Find the field that says which step a record asks for, and what it holds at the end of the series."""
    others = [field for field in info.schema if field.usage not in TARGET_USAGES]
    for listed in [field for field in others if field.usage != "order"]:
        field = scope.field(listed.name, listed.element)
        if not field.type.is_text:
            return field, 0.0
    for listed in others:
        field = scope.field(listed.name, listed.element)
        if field.type.is_text or field.type.counts_days or field.type.counts_seconds:
            raise unsupported(listed.element, "a time that orders the series must be a number, as the indexes are")
        return field, read_series(element, target).end
    return None, 0.0
