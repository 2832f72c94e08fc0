"""Plans for single records, against the general way: the same, bit for bit, or left to it."""

import lzma
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from headrace.errors import RecordError
from headrace.formats.pmml.model import PmmlModel
from tests.formats.pmml.building import COLOUR, LABEL, X, Y, apply, document, load, schema

pytestmark = pytest.mark.slow

CASES = Path(__file__).parents[3] / "data/pmml/cases"
SMALL = 20_000
KINDS = (
    "Regression",
    "NeuralNetwork",
    "DecisionTree",
    "dectree",
    "LR",
    "Linear",
    "GBT",
    "Multinom",
    "IrisTree",
    "XGB",
    "xgboost",
)
SURROGATES = {"cPMML__cPMML__AuditTree"} | {f"jpmml__pmml-rattle__DecisionTree{name}" for name in ("Audit", "Iris")}
"""Trees with compound predicates, which have no scalar form."""
PLANNED = sorted(
    path.parent.name
    for path in CASES.glob("*/model.pmml.xz")
    if path.stat().st_size < SMALL
    and any(kind in path.parent.name for kind in KINDS)
    and path.parent.name not in SURROGATES
)


def score_generally(model: PmmlModel, batch: pa.RecordBatch) -> list[object]:
    scores = model.score_generally(batch)
    return [scores.errors.get(row, outputs) for row, outputs in enumerate(scores.outputs.to_pylist())]


def score_one(model: PmmlModel, record: dict[str, object]) -> object:
    """Score a record, by the plan's program and by its steps: they agree, or leave it to the general way."""
    try:
        found = model.score_one(record)
    except RecordError as error:
        return str(error)
    by_steps = None if model._scalar is None else model._scalar.score_by_steps(record)
    return found if by_steps is None or repr(by_steps) == repr(found) else (found, by_steps)


@pytest.mark.parametrize("name", PLANNED)
def test_every_row_of_a_case_scores_alike(name: str) -> None:
    model = load(lzma.decompress((CASES / name / "model.pmml.xz").read_bytes()))
    assert model._direct is None
    assert model._scalar is not None
    batch = csv.read_csv(CASES / name / "input.csv").slice(0, 60).combine_chunks().to_batches()[0]
    for row, record in enumerate(batch.to_pylist()):
        one = batch.slice(row, 1)
        assert score_generally(model, one) == [score_one(model, record)]
        name_left_out = list(record)[row % len(record)]
        hole = {key: value for key, value in record.items() if key != name_left_out}
        assert score_generally(model, one.drop_columns([name_left_out])) == [score_one(model, hole)]


TREATED = (
    '<DataField name="a" optype="continuous" dataType="double"><Interval closure="openClosed" leftMargin="-5" '
    'rightMargin="50"/><Value value="-99" property="missing"/></DataField>'
    '<DataField name="n" optype="continuous" dataType="integer"/>'
    '<DataField name="f" optype="continuous" dataType="float"/>'
)
TREATMENTS = (
    '<MiningField name="a" outliers="asExtremeValues" lowValue="-2" highValue="40" {treatment}/>'
    '<MiningField name="n" missingValueReplacement="3"/>'
    '<MiningField name="f"/><MiningField name="colour" invalidValueTreatment="asMissing"/>'
)
TREATING = {
    "refused": "",
    "missing": 'invalidValueTreatment="asMissing" missingValueReplacement="1.5"',
    "replaced": 'invalidValueTreatment="asValue" invalidValueReplacement="2.5"',
    "kept": 'invalidValueTreatment="asIs"',
    "required": 'missingValueTreatment="returnInvalid"',
}
TABLE = (
    '<FieldColumnPair field="colour" column="c"/><InlineTable>'
    "<row><c>red</c><v>1.5</v></row><row><c>green</c><v>x</v></row></InlineTable>"
)
EXPRESSIONS = {
    "sum": apply("sum", "x", "a", apply("*", "n", "x")),
    "quotient": apply("/", apply("-", "x", "a"), "n"),
    "logs": apply("ln", apply("exp", apply("-", "x", "a")), attributes=' mapMissingTo="-1" defaultValue="-2"'),
    "root": apply("sqrt", apply("+", "a", "x"), attributes=' defaultValue="7"'),
    "choice": apply("if", apply("and", apply("greaterThan", "x", "a"), apply("isNotMissing", "f")), "x", "a"),
    "colour": apply("if", apply("or", apply("equal", "colour", "'red'"), apply("lessThan", "x", "0")), "a", "x"),
    "extremes": apply("-", apply("max", "x", "a", "f"), apply("min", "x", "a", "3")),
    "mean": apply("avg", "x", "a", "n"),
    "rounded": apply("+", apply("round", "x"), apply("floor", "a")),
    "replaced": '<FieldRef field="f" mapMissingTo="0.1"/>',
    "norm": '<NormContinuous field="x" outliers="asExtremeValues" mapMissingTo="9">'
    '<LinearNorm orig="-1" norm="0.3"/><LinearNorm orig="2" norm="0.9"/><LinearNorm orig="7" norm="-4"/>'
    "</NormContinuous>",
    "line": '<NormContinuous field="a"><LinearNorm orig="0.1" norm="0.3"/><LinearNorm orig="0.7" norm="0.9"/>'
    "</NormContinuous>",
    "indicator": '<NormDiscrete field="colour" value="green" mapMissingTo="0.5"/>',
    "bins": '<Discretize field="x" dataType="double" defaultValue="4" mapMissingTo="5">'
    '<DiscretizeBin binValue="1"><Interval closure="closedOpen" rightMargin="0"/></DiscretizeBin>'
    '<DiscretizeBin binValue="2.5"><Interval closure="closedClosed" leftMargin="0" rightMargin="1"/></DiscretizeBin>'
    "</Discretize>",
    "table": f'<MapValues outputColumn="v" dataType="double" defaultValue="8" mapMissingTo="9">{TABLE}</MapValues>',
}


def regression(
    treatment: str,
    method: str,
    tables: str,
    function: str,
    derived: dict[str, str],
    output: str,
    attributes: str = "",
) -> PmmlModel:
    fields = "".join(
        f'<DerivedField name="d_{name}" optype="continuous" dataType="double">{expression}</DerivedField>'
        for name, expression in derived.items()
    )
    target = "label" if function == "classification" else "y"
    return load(
        document(
            f'<RegressionModel functionName="{function}" normalizationMethod="{method}"{attributes}>'
            f"{schema('x', target=target, extra=TREATMENTS.format(treatment=treatment))}{output}"
            f"<LocalTransformations>{fields}</LocalTransformations>{tables}</RegressionModel>",
            X + Y + COLOUR + LABEL + TREATED,
        )
    )


VALUES: dict[str, st.SearchStrategy[object]] = {
    "x": st.one_of(st.none(), st.floats(), st.floats(-9, 9), st.integers(-3, 3), st.just("1.5"), st.booleans()),
    "a": st.one_of(st.none(), st.floats(-6, 52), st.sampled_from([-99.0, -99, -5.0, 50.0, 60.0, "7", "no"])),
    "n": st.one_of(st.none(), st.integers(-4, 4), st.floats(-4, 4), st.just(2.0), st.integers(-(2**62), 2**62)),
    "f": st.one_of(st.none(), st.floats(-9, 9), st.floats()),
    "colour": st.one_of(st.none(), st.sampled_from(["red", "green", "blue", "black", "", 3])),
}
RECORDS = st.fixed_dictionaries({}, optional=VALUES)
LISTED = "".join(
    f'<OutputField name="o_{name}" dataType="double" feature="transformedValue">'
    f'<FieldRef field="d_{name}"/></OutputField>'
    for name in EXPRESSIONS
)
SCALED = '<Targets><Target field="y" min="-8" max="20" rescaleFactor="3" rescaleConstant="0.1"/></Targets>'
PREDICTORS = (
    '<NumericPredictor name="x" coefficient="0.3"/><NumericPredictor name="a" exponent="2" coefficient="0.1"/>'
    '<CategoricalPredictor name="colour" value="red" coefficient="1.1"/>'
    '<CategoricalPredictor name="colour" value="blue" coefficient="-1.7"/>'
    '<PredictorTerm coefficient="0.7"><FieldRef field="n"/><FieldRef field="d_norm"/></PredictorTerm>'
)
NUMBERS = {
    name: regression(
        treatment, "none", f'<RegressionTable intercept="0.1">{PREDICTORS}</RegressionTable>', "regression",
        EXPRESSIONS, f"<Output>{LISTED}</Output>" + (SCALED if name == "kept" else ""),
    )
    for name, treatment in TREATING.items()
}  # fmt: skip
CLASSES = {
    method: regression(
        TREATING["missing"], method,
        f'<RegressionTable targetCategory="yes" intercept="0.1">{PREDICTORS}</RegressionTable>'
        '<RegressionTable targetCategory="no" intercept="0.2">'
        '<NumericPredictor name="f" coefficient="1"/></RegressionTable>',
        "classification", {"norm": EXPRESSIONS["norm"]},
        '<Output><OutputField name="p" feature="probability" value="no"/>'
        '<OutputField name="best" feature="probability"/></Output>',
    )
    for method in ("softmax", "logit", "cloglog", "simplemax", "none")
}  # fmt: skip


ORDINARY: dict[str, object] = {"x": 1.5, "a": 2.0, "n": 2, "f": 0.5, "colour": "red"}


def make_batch(record: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: [value] for name, value in record.items()} or {"": [None]})


@pytest.mark.parametrize("name", NUMBERS)
@given(record=RECORDS)
def test_expressions_and_treatments_give_what_columns_give(name: str, record: dict[str, object]) -> None:
    model = NUMBERS[name]
    assert repr(score_generally(model, make_batch(record))) == repr([score_one(model, record)])


PLAIN = (
    '<NumericPredictor name="x" coefficient="0.3"/><NumericPredictor name="n" coefficient="-0.7"/>'
    '<CategoricalPredictor name="colour" value="red" coefficient="1.1"/>'
)
BOTH = (
    f'<RegressionTable targetCategory="yes" intercept="0.1">{PLAIN}</RegressionTable>'
    '<RegressionTable targetCategory="no"/>'
)
METHODS = {"regression": ("none", "logit", "exp", "cloglog"), "classification": ("softmax", "logit", "simplemax")}
SINGLES = {
    f"{function} {method}": regression(
        TREATING["missing"], method,
        BOTH if function == "classification" else f'<RegressionTable intercept="0.1">{PLAIN}</RegressionTable>',
        function, {}, SCALED if function == "regression" else "", ' x-mathContext="float"',
    )
    for function, methods in METHODS.items()
    for method in methods
}  # fmt: skip
MODELS = {**SINGLES, **NUMBERS, **CLASSES}


@pytest.mark.parametrize("name", SINGLES)
@given(record=RECORDS)
def test_single_precision_gives_what_columns_give(name: str, record: dict[str, object]) -> None:
    model = SINGLES[name]
    assert repr(score_generally(model, make_batch(record))) == repr([score_one(model, record)])


@pytest.mark.parametrize("method", CLASSES)
@given(record=RECORDS)
def test_classes_give_what_columns_give(method: str, record: dict[str, object]) -> None:
    model = CLASSES[method]
    assert repr(score_generally(model, make_batch(record))) == repr([score_one(model, record)])


@pytest.mark.parametrize("name", PLANNED)
def test_real_models_have_programs(name: str) -> None:
    model = load(lzma.decompress((CASES / name / "model.pmml.xz").read_bytes()))
    assert model._scalar is not None
    assert model._scalar.runner is not None


def test_these_models_have_plans() -> None:
    assert [] == [name for name, model in MODELS.items() if model._scalar is None]


def test_an_ordinary_record_stays_in_the_plan() -> None:
    plan = NUMBERS["missing"]._scalar
    assert plan is not None
    assert plan.score_by_steps(ORDINARY) is not None


def test_an_ordinary_record_stays_in_the_program() -> None:
    found = {name: score_by_program(model, ORDINARY) for name, model in MODELS.items()}
    assert {name: model.score_one(ORDINARY) for name, model in MODELS.items()} == found


def score_by_program(model: PmmlModel, record: dict[str, object]) -> object:
    assert model._scalar is not None
    return None if model._scalar.runner is None else model._scalar.runner.score_one(record)


def test_a_part_without_a_scalar_form_leaves_the_whole_model_to_the_general_way() -> None:
    expression = {"norm": EXPRESSIONS["norm"], "late": apply("dateDaysSinceYear", "'2020-01-01'", "1960")}
    used = '<RegressionTable><NumericPredictor name="d_late" coefficient="1"/></RegressionTable>'
    model = regression("", "none", used, "regression", expression, "")
    assert model._scalar is None
    assert {"y": 21915.0} == model.score_one({"x": 1.0, "a": 1.0, "n": 1, "f": 1.0, "colour": "red"})
