"""GeneralRegressionModel. Standard: "General Regression", PMML 4.4. Parameters, links and baselines are in ``glm``.

A row in which a predictor, the offset, the trials or the time is missing has no prediction. The covariances of the
parameters (PCovMatrix) bear on no score.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Floats, Numbers
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.glm.design import Design, compile_design, reference_value
from headrace.formats.pmml.glm.hazards import Baselines, compile_baselines
from headrace.formats.pmml.glm.links import CUMULATIVE, PLAIN, Link, find_link
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.targets import is_single
from headrace.formats.pmml.xml import Element, malformed, unsupported

MODEL_TYPES = frozenset(
    {"regression", "generalLinear", "multinomialLogistic", "ordinalMultinomial", "generalizedLinear", "CoxRegression"}
)
DISTRIBUTIONS = frozenset({"binomial", "gamma", "igauss", "multinomial", "negbin", "normal", "poisson", "tweedie", ""})


def _drop_children(element: Element) -> None:
    element.children = []


REDUCERS = {"PCovMatrix": _drop_children}


class Amount:
    """A number that is the same for every record, or a field's: an offset, a count of trials."""

    def __init__(self, element: Element, scope: Scope, name: str, default: float) -> None:
        self.value = element.number(f"{name}Value", default)
        self._field: Field | None = None
        if f"{name}Variable" in element.attributes:
            self._field = scope.field(element.get(f"{name}Variable"), element)
            if self._field.type.is_text:
                raise malformed(element, f"{name}Variable={self._field.name!r} holds text; it must be numeric")

    @property
    def is_constant(self) -> bool:
        """Tell whether the amount is the same for every record."""
        return self._field is None

    def evaluate(self, context: Context) -> Floats | float:
        """Return the amount of each row, or of all."""
        return self.value if self._field is None else context.numbers(self._field)


class NumberRegression:
    """Predicts a number: the inverse link of the linear predictor and the offset, times the trials."""

    def __init__(self, design: Design, link: Link, offset: Amount, trials: Amount, single: bool) -> None:
        self.design = design
        self.link = link
        self.offset = offset
        self.trials = trials
        self.single = single

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            eta = self.design.evaluate(context)[:, 0] + self.offset.evaluate(context)
            value = self.link(eta.astype(np.float64)) * self.trials.evaluate(context)
        if self.single:
            return Result(Numbers(value.astype(np.float32), FLOAT))
        return Result(Numbers(value, DOUBLE))


class ClassRegression:
    """Predicts a class from linear predictors; ``places`` tells the place of each predictor's class in ``labels``."""

    def __init__(self, design: Design, labels: list[str], places: list[int], offset: Amount) -> None:
        self.design = design
        self.labels = labels
        self._places = places
        self.offset = offset

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        offset = self.offset.evaluate(context)
        shift = offset[:, None] if isinstance(offset, np.ndarray) else offset
        with np.errstate(all="ignore"):
            eta = (self.design.evaluate(context) + shift).astype(np.float64)
            probabilities = self.share(eta)
        probabilities[np.isnan(probabilities).any(axis=1)] = np.nan
        return Result(choose_label(self.labels, probabilities), self.labels, probabilities)

    def share(self, eta: Floats) -> Floats:
        """Turn linear predictors, (rows, targets), into probabilities, (rows, classes)."""
        raise NotImplementedError


class Multinomial(ClassRegression):
    """Classes by softmax; the reference category's predictor is 0."""

    def share(self, eta: Floats) -> Floats:
        """Share by softmax."""
        spread = np.zeros((len(eta), len(self.labels)))
        spread[:, self._places] = eta
        powers = np.exp(spread - spread.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares


class Ordinal(ClassRegression):
    """Classes in order: the link of each predictor gives the probability of that class or a lower one."""

    link: Link = staticmethod(PLAIN["logit"])

    def share(self, eta: Floats) -> Floats:
        """Take differences of cumulative probabilities."""
        cumulative = np.ones((len(eta), len(self.labels)))
        cumulative[:, :-1] = self.link(eta)[:, np.argsort(self._places)]
        cumulative[np.isnan(eta).any(axis=1)] = np.nan
        cumulative[:, 1:] -= cumulative[:, :-1].copy()
        return cumulative


class Binary(ClassRegression):
    """The link of one predictor gives the probability of its class, and the other class has the rest."""

    link: Link = staticmethod(PLAIN["logit"])

    def share(self, eta: Floats) -> Floats:
        """Divide between the class and the other one."""
        shares = np.zeros((len(eta), len(self.labels)))
        chosen = self._places[0]
        shares[:, chosen] = self.link(eta[:, 0])
        if len(self.labels) > 1:
            other = next(place for place in range(len(self.labels)) if place != chosen)
            shares[:, other] = 1.0 - shares[:, chosen]
        return shares


class CoxRegression:
    """Predicts the cumulative hazard: the baseline at the record's time, times the exponential of the predictor."""

    def __init__(self, design: Design, baselines: Baselines, reference: float) -> None:
        self.design = design
        self._baselines = baselines
        self._reference = reference

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            risk = np.exp(self.design.evaluate(context)[:, 0].astype(np.float64) - self._reference)
            return Result(Numbers(self._baselines.evaluate(context) * risk, DOUBLE))


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a GeneralRegressionModel."""
    element.require("modelType")
    kind = element.choice("modelType", MODEL_TYPES, "")
    element.choice("distribution", DISTRIBUTIONS, "")
    single = is_single(element)
    design = compile_design(element, scope, np.float32 if single else np.float64)
    if kind == "CoxRegression":
        if info.is_classification:
            raise unsupported(element, "a CoxRegression is scored as a regression of the cumulative hazard only")
        return CoxRegression(design, compile_baselines(element, scope), reference_value(element, design))
    offset = Amount(element, scope, "offset", 0.0)
    if not info.is_classification:
        if kind in ("multinomialLogistic", "ordinalMultinomial"):
            raise malformed(element, f"modelType={kind!r} is for classification")
        if len(design.targets) > 1:
            raise malformed(element, f"a regression has no target categories; it has {len(design.targets)}")
        link = find_link(element) if kind == "generalizedLinear" else PLAIN["identity"]
        return NumberRegression(design, link, offset, Amount(element, scope, "trials", 1.0), single)
    if kind in ("regression", "generalLinear"):
        raise malformed(element, f"modelType={kind!r} is for regression")
    return _compile_classes(element, kind, design, info, offset)


def _compile_classes(element: Element, kind: str, design: Design, info: ModelInfo, offset: Amount) -> ClassRegression:
    modelled = [name for name in design.targets if name is not None]
    reference = element.attributes.get("targetReferenceCategory")
    labels = _list_labels(element, modelled, reference, info.target_values)
    places = [labels.index(name) for name in modelled]
    if kind == "generalizedLinear" and len(modelled) == 1:
        binary = Binary(design, labels, places, offset)
        binary.link = find_link(element)
        return binary
    if len(modelled) >= len(labels):
        raise malformed(element, f"all {len(labels)} classes have parameters; one is the reference and has none")
    if kind == "ordinalMultinomial" or "cumulativeLink" in element.attributes:
        return _compile_ordinal(element, design, labels, places, offset)
    if kind == "generalizedLinear" and element.get("linkFunction") != "logit":
        raise malformed(element, f"linkFunction={element.get('linkFunction')!r} is for one target category")
    return Multinomial(design, labels, places, offset)


def _compile_ordinal(
    element: Element, design: Design, labels: list[str], places: list[int], offset: Amount
) -> ClassRegression:
    element.require("cumulativeLink")
    link = PLAIN[element.choice("cumulativeLink", CUMULATIVE, "")]
    if sorted(places) != list(range(len(labels) - 1)):
        raise malformed(element, "every class but the last one has parameters")
    ordinal = Ordinal(design, labels, places, offset)
    ordinal.link = link
    return ordinal


def _list_labels(element: Element, modelled: list[str], reference: str | None, declared: tuple[str, ...]) -> list[str]:
    """List the classes: as the target declares them, else those that are modelled and the reference."""
    if not modelled:
        raise malformed(element, "a classification's parameters name target categories")
    named = [*modelled, *([] if reference is None else [reference])]
    unknown = [name for name in named if declared and name not in declared]
    if unknown:
        raise malformed(element, f"the target has no value {unknown[0]!r}")
    return list(dict.fromkeys(declared or named))
