"""The design of a general regression: from fields to the value of each parameter, and its coefficients.

Rules:

- A parameter's value is the product over its cells of the PPMatrix; one without cells is 1, an intercept.
- A covariate's cell holds an exponent. A factor's cell holds a category: 1 where the field has it, else 0; with a
  contrast matrix it is the matrix's entry in the row of the field's category and the column of the cell's.
- A cell with a target category counts for that category alone.
- A row in which a predictor is missing, or has a category that the contrast matrix lacks, has no value.

Standard: "General Regression", ParameterList, FactorList, CovariateList, PPMatrix and ParamMatrix, PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Bools, Floats
from headrace.formats.pmml.matrices import read_matrix
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

Values = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A factor's contrast matrix: what each category is worth, column by column."""

    categories: list[str]
    constants: Floats
    matrix: Floats

    def code(self, element: Element, text: str) -> Floats:
        """Return the column of a cell's category."""
        if text not in self.categories or self.categories.index(text) >= self.matrix.shape[1]:
            raise malformed(element, f"the contrast matrix has no column for {text!r}")
        return self.matrix[:, self.categories.index(text)]

    def place(self, values: Floats) -> npt.NDArray[np.intp]:
        """Return the row of each value's category; the number of rows for one that it lacks."""
        order = np.argsort(self.constants)
        found = np.minimum(np.searchsorted(self.constants[order], values), len(order) - 1)
        rows = order[found]
        return np.where(self.constants[rows] == values, rows, len(order))


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A factor or a covariate."""

    field: Field
    factor: bool
    contrast: Contrast | None


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One compiled PPCell: ``number`` is the exponent or the category's constant, ``codes`` a contrast's column."""

    predictor: Predictor
    number: float
    codes: Floats | None

    def evaluate(self, context: Context) -> Floats:
        """Return the cell's value for each row."""
        field = self.predictor.field
        if not self.predictor.factor:
            values = context.numbers(field)
            powers: Floats = values if self.number == 1.0 else values**self.number
            return powers
        values = context.measures(field)
        if self.codes is None or self.predictor.contrast is None:
            indicator: Floats = (values == self.number).astype(np.float64)
            return indicator
        coded: Floats = np.append(self.codes, np.nan)[self.predictor.contrast.place(values)]
        return coded


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Parameters with their cells, and their coefficients (parameters, targets)."""

    parameters: list[list[Cell]]
    coefficients: Floats


class Design:
    """The linear predictors of a model, one a target category; ``targets`` is [None] where there are no categories."""

    def __init__(self, targets: list[str | None], blocks: list[Block], dtype: type[np.floating]) -> None:
        self.targets = targets
        self.blocks = blocks
        self.dtype = dtype
        cells = [cell for block in blocks for cells in block.parameters for cell in cells]
        self.fields = list({cell.predictor.field: None for cell in cells})

    def evaluate(self, context: Context) -> Values:
        """Return the linear predictors, (rows, targets); NaN in a row without a value."""
        absent: Bools = np.zeros(context.size, dtype=np.bool_)
        for field in self.fields:
            absent |= np.isnan(context.measures(field))
        parts = [self._evaluate_block(block, context) for block in self.blocks]
        predictors = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        predictors[absent] = np.nan
        return predictors

    def _evaluate_block(self, block: Block, context: Context) -> Values:
        values = np.ones((context.size, len(block.parameters)), dtype=self.dtype)
        for place, cells in enumerate(block.parameters):
            for cell in cells:
                values[:, place] *= cell.evaluate(context).astype(self.dtype, copy=False)
        return values @ block.coefficients.astype(self.dtype, copy=False)


def compile_design(element: Element, scope: Scope, dtype: type[np.floating]) -> Design:
    """Compile a model's parameters."""
    parameters = _list_parameters(element)
    predictors = _compile_predictors(element, scope)
    targets, betas = _read_betas(element, parameters)
    shared: list[list[Cell]] = [[] for _ in parameters]
    own: dict[str, dict[int, list[Cell]]] = {}
    matrix = element.find("PPMatrix")
    for child in [] if matrix is None else matrix.find_all("PPCell"):
        place = _find(parameters, child.require("parameterName"), child)
        cell = _compile_cell(child, predictors, scope)
        target = child.attributes.get("targetCategory")
        if target is None:
            shared[place].append(cell)
        else:
            own.setdefault(target, {}).setdefault(place, []).append(cell)
    if not own:
        return Design(targets, [Block(shared, betas)], dtype)
    blocks = []
    for column, name in enumerate(targets):
        special = own.get(name or "", {})
        cells = [[*common, *special.get(place, [])] for place, common in enumerate(shared)]
        blocks.append(Block(cells, betas[:, column : column + 1]))
    return Design(targets, blocks, dtype)


def reference_value(element: Element, design: Design) -> float:
    """Return the linear predictor of the parameters' reference points, which a Cox regression is measured against."""
    points = np.array([child.number("referencePoint", 0.0) for child in _parameter_elements(element)])
    return float(points @ _read_betas(element, _list_parameters(element))[1][:, 0]) if len(design.targets) else 0.0


def _parameter_elements(element: Element) -> list[Element]:
    return element.child("ParameterList").find_all("Parameter")


def _list_parameters(element: Element) -> dict[str, int]:
    parameters: dict[str, int] = {}
    for child in _parameter_elements(element):
        name = child.require("name")
        if name in parameters:
            raise malformed(child, f"the parameter {name!r} is listed twice")
        parameters[name] = len(parameters)
    if not parameters:
        raise malformed(element, "it has no parameters")
    return parameters


def _compile_predictors(element: Element, scope: Scope) -> dict[str, Predictor]:
    predictors: dict[str, Predictor] = {}
    for tag in ("FactorList", "CovariateList"):
        found = element.find(tag)
        for child in [] if found is None else found.find_all("Predictor"):
            field = scope.field(child.require("name"), child)
            if field.name in predictors:
                raise malformed(child, f"the predictor {field.name!r} is listed twice")
            factor = tag == "FactorList"
            if not factor and field.type.is_text:
                raise malformed(child, f"the covariate {field.name!r} holds text; it must be numeric")
            predictors[field.name] = Predictor(field, factor, _compile_contrast(child, field) if factor else None)
    return predictors


def _compile_contrast(element: Element, field: Field) -> Contrast | None:
    matrix = element.find("Matrix")
    if matrix is None:
        return None
    listed = element.find("Categories")
    categories = list(field.declared)
    if listed is not None:
        categories = [child.require("value") for child in listed.find_all("Category")]
    numbers = read_matrix(matrix)
    if numbers.shape[0] != len(categories):
        raise malformed(matrix, f"{numbers.shape[0]} rows for {len(categories)} categories of {field.name!r}")
    constants = np.array([field.constant(element, category) for category in categories])
    return Contrast(categories, constants, numbers)


def _compile_cell(element: Element, predictors: dict[str, Predictor], scope: Scope) -> Cell:
    name = element.require("predictorName")
    predictor = predictors.get(name)
    if predictor is None:
        # Both lists may be left out; a field's type tells then which of them it belongs to.
        field = scope.field(name, element)
        predictor = predictors[name] = Predictor(field, field.type.is_text, None)
    if not predictor.factor:
        return Cell(predictor, element.number("value"), None)
    text = element.require("value")
    if predictor.contrast is not None:
        return Cell(predictor, 0.0, predictor.contrast.code(element, text))
    return Cell(predictor, predictor.field.constant(element, text), None)


def _read_betas(element: Element, parameters: dict[str, int]) -> tuple[list[str | None], Floats]:
    """Read the ParamMatrix as (parameters, targets); a cell without a target category counts for all of them."""
    cells = element.child("ParamMatrix").find_all("PCell")
    names = list(dict.fromkeys(cell.get("targetCategory") for cell in cells if "targetCategory" in cell.attributes))
    betas = np.zeros((len(parameters), max(len(names), 1)))
    for cell in cells:
        row = _find(parameters, cell.require("parameterName"), cell)
        name = cell.attributes.get("targetCategory")
        if name is None:
            betas[row] += cell.number("beta")
        else:
            betas[row, names.index(name)] += cell.number("beta")
    return [*names] or [None], betas


def _find(parameters: dict[str, int], name: str, element: Element) -> int:
    if name not in parameters:
        raise malformed(element, f"there is no parameter {name!r}")
    return parameters[name]
