"""A value beyond its output's type fails its row alone."""

import datetime as dt
import math

import pyarrow as pa
import pytest

from headrace.errors import RecordError
from headrace.formats.pmml.model import PmmlModel
from tests.formats.pmml.building import apply, derive, document, load, schema

EXPONENTIAL = document(
    f'<RegressionModel functionName="regression" normalizationMethod="exp">{schema("x", target="y")}'
    '<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel>'
)
FOREST = document(
    f'<MiningModel functionName="regression">{schema("x", target="y")}<Segmentation multipleModelMethod="sum">'
    + "".join(
        f'<Segment><True/><TreeModel functionName="regression">{schema("x")}<Node score="0"><True/>'
        '<Node score="1.5e308"><SimplePredicate field="x" operator="greaterThan" value="0"/></Node>'
        '<Node score="1"><SimplePredicate field="x" operator="lessOrEqual" value="0"/></Node>'
        "</Node></TreeModel></Segment>"
        for _ in range(2)
    )
    + "</Segmentation></MiningModel>"
)


def check(model: PmmlModel, name: str, type: str, values: list[float], expected: list[object]) -> None:
    problem = f"the output {name!r} overflows its type {type}"
    scores = model.score(pa.RecordBatch.from_pydict({"x": values}))
    assert scores.outputs.to_pydict()[name] == expected
    assert scores.errors == {row: problem for row, value in enumerate(expected) if value is None}
    for value, wanted in zip(values, expected, strict=True):
        if wanted is None:
            with pytest.raises(RecordError, match=problem):
                model.score_one({"x": value})
        else:
            assert model.score_one({"x": value})[name] == wanted


@pytest.mark.parametrize(("content", "small"), [(EXPONENTIAL, 1.0), (FOREST, 2.0)])
def test_an_infinite_score(content: bytes, small: float) -> None:
    check(load(content), "y", "double", [0.0, 1000.0, 0.0], [small, None, small])


def test_a_number_beyond_the_integers() -> None:
    model = load(derive(apply("round", "x"), "integer"))
    check(model, "z", "integer", [2.5, 1e19, -1e19, 2.0**53], [3, None, None, 2**53])


def test_a_date_beyond_the_calendar() -> None:
    model = load(derive('<FieldRef field="x"/>', "date"))
    check(model, "z", "date", [0.0, 1e7, -1e6], [dt.date(1970, 1, 1), None, None])


def test_what_is_derived_may_be_infinite() -> None:
    model = load(derive(apply("/", "x", "0")))
    assert model.score(pa.RecordBatch.from_pydict({"x": [1.0, -1.0]})).outputs.to_pydict()["z"] == [math.inf, -math.inf]
    assert model.score_one({"x": 1.0})["z"] == math.inf


def test_a_design_that_overflows_warns_of_nothing() -> None:
    model = load(
        document(
            '<GeneralRegressionModel functionName="regression" modelType="generalizedLinear" linkFunction="log" '
            f'distribution="normal">{schema("x", target="y")}<ParameterList><Parameter name="p"/></ParameterList>'
            '<FactorList/><CovariateList><Predictor name="x"/></CovariateList>'
            '<PPMatrix><PPCell value="1" predictorName="x" parameterName="p"/></PPMatrix>'
            '<ParamMatrix><PCell parameterName="p" beta="1e200"/></ParamMatrix></GeneralRegressionModel>'
        )
    )
    check(model, "y", "double", [0.0, 1e200, -1e200], [1.0, None, 0.0])
