"""RegressionModel and GeneralRegressionModel of one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.elements import general_regression as general
from headrace.formats.pmml.elements.regression import LINKS, ClassRegression, NumberRegression, Table, normalize
from headrace.formats.pmml.glm.design import Block, Cell, Design
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar import program
from headrace.formats.pmml.scalar.casts import round_single
from headrace.formats.pmml.scalar.expressions import find_measure, find_number
from headrace.formats.pmml.scalar.functions import exp
from headrace.formats.pmml.scalar.outcome import Outcome, add_classes, blank_missing
from headrace.formats.pmml.scalar.plan import Compute, Plan, Term
from headrace.formats.pmml.scalar.ways import NoPlan, is_missing


def compile_number(plan: Plan, evaluator: NumberRegression) -> Outcome:
    """Compile the regression of a number."""
    total = _add_table(plan, evaluator.table, single=evaluator.single)
    name = next(name for name, link in LINKS.items() if link is evaluator.link)
    if name != "none":
        if evaluator.single:
            total = plan.add_step(_link_single(name), [total], form=_write_single_link(name))
        else:
            total = plan.add_step(_find_link(name), [total], form=_LINK_FORMS.get(name))
    return Outcome(Term(total, FLOAT if evaluator.single else DOUBLE))


def compile_classes(plan: Plan, evaluator: ClassRegression) -> Outcome:
    """Compile the regression of classes."""
    single = evaluator.dtype is np.float32
    totals = [_add_table(plan, table, single=single) for table in evaluator.tables]
    if single:
        place = _add_single_shares(plan, evaluator, totals)
        return add_classes(plan, evaluator.labels, place)
    compute = _find_normalization(evaluator.method, evaluator.ordinal, len(totals))
    form = _find_form(evaluator.method, evaluator.ordinal, len(totals))
    return add_classes(plan, evaluator.labels, plan.add_step(compute, totals, form=form, width=len(totals)))


def _link_single(name: str) -> Compute:
    """Return an inverse link in single precision, by way of an array."""
    link = LINKS[name]

    def apply(value: float) -> float:
        with np.errstate(all="ignore"):
            return float(link(np.array([value], np.float32))[0])

    return apply


def _write_single_link(name: str) -> program.Form:
    """Return the form of ``_link_single``."""
    if name == "logit":
        return program.make_single_logit
    link = LINKS[name]
    return program.apply(lambda row: link(row.astype(np.float32)), 1)


def _add_single_shares(plan: Plan, evaluator: ClassRegression, totals: list[int]) -> int:
    """Add the step of the probabilities in single precision."""
    method, ordinal, count = evaluator.method, evaluator.ordinal, len(totals)

    def share(row: np.ndarray[Any, Any]) -> list[float]:
        with np.errstate(all="ignore"):
            return normalize(row.astype(np.float32), method, ordinal)[0].tolist()  # type: ignore[no-any-return]

    form = program.apply(lambda row: normalize(row.astype(np.float32), method, ordinal), count)
    if method == "softmax" and count < program.FEW:
        form = program.soften_single
    elif method == "logit" and count == 2:
        form = _write_single_pair
    compute = lambda *values: blank_missing(share(np.array([values])))  # noqa: E731
    return plan.add_step(compute, totals, form=program.blank(form), width=count)


def _write_single_pair(made: program.Program, arguments: Sequence[program.Slots]) -> program.Slots:
    first = program.make_single_logit(made, arguments[:1])
    return program.Slots(made.emit(programs.PAIR, [first.start], (1.0, 0.0), width=2), 2)


def _add_table(plan: Plan, table: Table, *, single: bool) -> int:
    """Add the step of one table: its terms are added up in the order of ``Table.evaluate``."""
    places = [_add_power(plan, find_number(plan, field), exponent) for field, _, exponent in table.numeric]
    coefficients = [coefficient for _, coefficient, _ in table.numeric]
    categories = [known for _, known in table.categories]
    places += [find_measure(plan, field) for field, _ in table.categories]
    for fields, coefficient in table.terms:
        factors = [find_number(plan, field) for field in fields]
        form = program.compute(programs.PRODUCT, (coefficient,))
        places.append(plan.add_step(partial(_multiply, coefficient), factors, form=form))
    intercept = table.intercept
    if single:
        if table.terms or any(exponent != 1.0 for _, _, exponent in table.numeric):
            raise NoPlan("powers or products in single precision")
        intercept, *coefficients = map(round_single, (intercept, *coefficients))
        categories = [{key: round_single(value) for key, value in known.items()} for known in categories]
        compute = make_single_sum(intercept, coefficients, categories)
    else:
        compute = make_sum(intercept, coefficients, categories, terms=bool(table.terms))
    return plan.add_step(compute, places, form=_write_sum(intercept, coefficients, categories, single=single))


def _add_power(plan: Plan, place: int, exponent: float) -> int:
    if exponent == 1.0:
        return place
    form = program.compute(programs.SQUARE) if exponent == 2.0 else None
    return plan.add_step(partial(_power, exponent), [place], ("power", exponent), form=form)


def make_single_sum(intercept: float, coefficients: list[float], categories: list[dict[float, float]]) -> Compute:
    """Return what adds up a table's terms in single precision, rounding each step."""

    def add_up(*values: float) -> float:
        total = intercept
        for coefficient, value in zip(coefficients, values, strict=False):
            total = round_single(total + round_single(coefficient * round_single(value)))
        for known, value in zip(categories, values[len(coefficients) :], strict=True):
            total = round_single(total + known.get(value, 0.0))
        return total

    return add_up


def _write_sum(
    intercept: float, coefficients: list[float], categories: list[dict[float, float]], *, single: bool
) -> program.Form:
    """Return the form of ``make_sum``, or ``make_single_sum``."""
    numeric = len(coefficients)
    constants = (float(single), intercept, float(numeric), *coefficients)

    def write(made: program.Program, arguments: Sequence[program.Slots]) -> program.Slots:
        added = program.places(arguments)
        for place, known in enumerate(categories, numeric):
            table = (0.0, 0.0, len(known), *chain.from_iterable(known.items()))
            added[place] = made.emit(programs.LOOK_UP, [added[place]], table)
        return program.Slots(made.emit(programs.LINEAR, added, constants))

    return write


def make_sum(
    intercept: float, coefficients: list[float], categories: list[dict[float, float]], *, terms: bool
) -> Compute:
    """Return what adds up a table's terms: numbers times coefficients, categories' coefficients, products."""
    numeric, coded = len(coefficients), len(coefficients) + len(categories)

    def add_numbers(*values: float) -> float:
        total = intercept
        for coefficient, value in zip(coefficients, values, strict=True):
            total += coefficient * value
        return total

    def add_all(*values: Any) -> float:
        total = add_numbers(*values[:numeric])
        for known, value in zip(categories, values[numeric:coded], strict=True):
            total += known.get(value, 0.0)
        for product in values[coded:]:
            total += product
        return total

    return add_all if categories or terms else add_numbers


def _power(exponent: float, value: float) -> float:
    if exponent == 2.0:
        return value * value
    with np.errstate(all="ignore"):
        return float((np.array([value]) ** np.float64(exponent))[0])


def _multiply(coefficient: float, *values: float) -> float:
    for value in values:
        coefficient *= value
    return coefficient


def _logit(value: float) -> float:
    return 1.0 / (1.0 + exp(-value))


def _find_link(name: str) -> Compute:
    """Return an inverse link: the plain ones as they are, the others by way of an array."""
    if name == "none":
        return float
    if name in ("exp", "logit"):
        return exp if name == "exp" else _logit
    link = LINKS[name]

    def apply(value: float) -> float:
        with np.errstate(all="ignore"):
            return float(link(np.array([value]))[0])

    return apply


_LINK_FORMS: dict[str, program.Form] = {"exp": program.make_exponential, "logit": program.make_logit}


def _find_form(method: str, ordinal: bool, count: int) -> program.Form:
    """Return the form of ``_find_normalization``."""
    if method == "softmax" and count < program.FEW:
        return program.soften
    link = _LINK_FORMS.get(method)
    if count != 2 or link is None:
        return program.blank(program.apply(lambda row: normalize(row, method, ordinal), count))

    def write(made: program.Program, arguments: Sequence[program.Slots]) -> program.Slots:
        first = link(made, arguments[:1])
        return program.Slots(made.emit(programs.PAIR, [first.start], width=2), 2)

    return write


def _find_normalization(method: str, ordinal: bool, count: int) -> Compute:
    """Return what turns the tables' values into probabilities, as ``regression.normalize`` does."""
    if method in LINKS and count == 2:
        link = _find_link(method)

        def share(first: float, _: float) -> list[float]:
            linked = link(first)
            return blank_missing([linked, 1.0 - linked])

        return share
    if method == "softmax" and count < program.FEW:
        return _soften

    def normalize_all(*values: float) -> list[float]:
        with np.errstate(all="ignore"):
            shares: list[float] = normalize(np.array([values]), method, ordinal)[0].tolist()
        return blank_missing(shares)

    return normalize_all


def _soften(*values: float) -> list[float]:
    greatest = max(values)
    if math.isnan(sum(values)):
        return _soften_all(*values)
    powers: list[float] = np.exp(np.array([value - greatest for value in values])).tolist()
    total = 0.0
    for power in powers:
        total += power
    return [power / total for power in powers]


def _soften_all(*values: float) -> list[float]:
    with np.errstate(all="ignore"):
        shares: list[float] = normalize(np.array([values]), "softmax", ordinal=False)[0].tolist()
    return blank_missing(shares)


def compile_general_number(plan: Plan, evaluator: general.NumberRegression) -> Outcome:
    """Compile the general regression of a number."""
    if evaluator.single or not (evaluator.offset.is_constant and evaluator.trials.is_constant):
        raise NoPlan("single precision, or an offset or trials by record")
    offset, trials, link = evaluator.offset.value, evaluator.trials.value, evaluator.link

    def finish(eta: Any) -> float:
        with np.errstate(all="ignore"):
            return float((link(eta[:, 0] + offset) * trials)[0])

    form = program.apply(lambda eta: link(eta[:, 0] + offset) * trials, 1)
    return Outcome(Term(plan.add_step(finish, [_add_design(plan, evaluator.design)], form=form), DOUBLE))


def compile_general_classes(plan: Plan, evaluator: general.ClassRegression) -> Outcome:
    """Compile the general regression of classes."""
    if not evaluator.offset.is_constant:
        raise NoPlan("an offset by record")
    offset, share = evaluator.offset.value, evaluator.share

    def finish(eta: Any) -> list[float]:
        with np.errstate(all="ignore"):
            return blank_missing(share(eta + offset)[0].tolist())

    width = len(evaluator.labels)
    form = program.blank(program.apply(lambda eta: share(eta + offset), width))
    shares = plan.add_step(finish, [_add_design(plan, evaluator.design)], form=form, width=width)
    return add_classes(plan, evaluator.labels, shares)


def _add_design(plan: Plan, design: Design) -> int:
    """Add the step of the linear predictors: an array of one row."""
    if design.dtype is np.float32 or len(design.blocks) != 1:
        raise NoPlan("single precision, or cells of one target category")
    block: Block = design.blocks[0]
    measures = [find_measure(plan, field) for field in design.fields]
    cells = [[_add_cell(plan, cell) for cell in parameter] for parameter in block.parameters]
    places = [place for parameter in cells for place in parameter]
    spans = []
    start = len(measures)
    for parameter in cells:
        spans.append((start, start + len(parameter)))
        start += len(parameter)
    coefficients, absent = block.coefficients, np.full((1, block.coefficients.shape[1]), np.nan)

    def predict(*values: Any) -> Any:
        if any(map(is_missing, values[: len(measures)])):
            return absent
        row = [_multiply(1.0, *values[begin:end]) for begin, end in spans]
        with np.errstate(all="ignore"):
            return np.array([row]) @ coefficients

    def write(made: program.Program, arguments: Sequence[program.Slots]) -> program.Slots:
        read = program.places(arguments)
        made.emit(programs.COPY, read[: len(measures)], width=len(measures))  # a missing one is not settled
        row = [made.emit(programs.PRODUCT, read[begin:end], (1.0, 0.0)) for begin, end in spans]
        at = made.emit(programs.TAKE, row, width=len(row))
        target = made.open([0.0] * coefficients.shape[1])
        made.call(program.multiply(coefficients, at, target))
        return program.Slots(target, coefficients.shape[1])

    return plan.add_step(predict, [*measures, *places], form=write, width=coefficients.shape[1])


def _add_cell(plan: Plan, cell: Cell) -> int:
    field = cell.predictor.field
    if not cell.predictor.factor:
        place = find_number(plan, field)
        if cell.number == 1.0:
            return place
        return plan.add_step(partial(_power, cell.number), [place], ("power", cell.number))
    if cell.codes is not None:
        raise NoPlan("a contrast matrix")
    wanted = cell.number
    form = program.compute(programs.LOOK_UP, (0.0, 0.0, 1, wanted, 1.0))
    return plan.add_step(lambda value: float(value == wanted), [find_measure(plan, field)], ("cell", wanted), form=form)
