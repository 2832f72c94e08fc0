"""The short way, against the general way: the same, bit for bit, for whatever comes."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RecordError
from headrace.formats.pmml.model import PmmlModel
from tests.formats.pmml.building import X, Y, document, load, schema

pytestmark = pytest.mark.slow

LABEL = '<DataField name="label" optype="categorical" dataType="integer"/>'
FLOAT = '<DataField name="f" optype="continuous" dataType="float"/>'


def split(field: str, limit: float, low: str, high: str) -> str:
    """Two nodes that divide a field's values at a limit."""
    return (
        f'<Node {low}<SimplePredicate field="{field}" operator="lessOrEqual" value="{limit}"/>{share(low)}</Node>'
        f'<Node {high}<SimplePredicate field="{field}" operator="greaterThan" value="{limit}"/>{share(high)}</Node>'
    )


def share(score: str) -> str:
    label = score.split('"')[1]
    return "".join(f'<ScoreDistribution value="{n}" recordCount="{3 if str(n) == label else n}"/>' for n in (3, 4, 5))


def forest(function: str, method: str, output: str = "") -> PmmlModel:
    target = "label" if function == "classification" else "y"
    trees = "".join(
        f'<Segment><True/><TreeModel functionName="{function}" missingValueStrategy="nullPrediction">'
        f"{schema('x', 'f')}<Node><True/>{split(field, limit, low, high)}</Node></TreeModel></Segment>"
        for field, limit, low, high in [
            ("x", 0.1, 'score="3">', 'score="4">'),
            ("f", 0.1, 'score="4">', 'score="5">'),
            ("f", -7.0, 'score="5">', 'score="3">'),
        ]
    )
    return load(
        document(
            f'<MiningModel functionName="{function}">{schema("x", "f", target=target)}{output}'
            f'<Segmentation multipleModelMethod="{method}" missingPredictionTreatment="returnMissing">{trees}'
            "</Segmentation></MiningModel>",
            X + FLOAT + Y + LABEL,
        )
    )


PROBABILITIES = (
    '<Output><OutputField name="p5" feature="probability" value="5"/>'
    '<OutputField name="p3" feature="probability" value="3"/></Output>'
)
MODELS = {
    "mean of classes": forest("classification", "average", PROBABILITIES),
    "vote": forest("classification", "majorityVote", PROBABILITIES),
    "sum": forest("regression", "sum"),
    "mean": forest("regression", "average"),
}
VALUES = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([0.1, 0.10000000149011612, -7.0, 1e300, 3.4028235677973366e38]),
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.sampled_from(["0.1", "many", ""]),
)


def score_generally(model: PmmlModel, record: dict[str, object]) -> dict[str, object] | str:
    """Score one record in the general way: its outputs, or why it fails."""
    batch = pa.RecordBatch.from_pydict({name: [value] for name, value in record.items()} or {"": [None]})
    scores = model.score_generally(batch)
    return scores.errors[0] if scores.errors else scores.outputs.to_pylist()[0]


def score_one(model: PmmlModel, record: dict[str, object]) -> dict[str, object] | str:
    try:
        return model.score_one(record)
    except RecordError as error:
        return str(error)


@pytest.mark.parametrize("kind", MODELS)
@given(record=st.dictionaries(st.sampled_from(["x", "f", "other"]), VALUES))
def test_one_record_gets_what_the_general_way_gives(kind: str, record: dict[str, object]) -> None:
    assert score_generally(MODELS[kind], record) == score_one(MODELS[kind], record)


@pytest.mark.parametrize("kind", MODELS)
@given(rows=st.lists(st.tuples(*[st.one_of(st.none(), st.floats(), st.just(0.1))] * 2), max_size=40))
@pytest.mark.parametrize("names", [("x", "f"), ("f", "x"), ("other", "x")])
def test_a_batch_gets_what_the_general_way_gives(
    kind: str, rows: list[tuple[float | None, ...]], names: tuple[str, ...]
) -> None:
    columns = {name: pa.array([row[place] for row in rows], pa.float64()) for place, name in enumerate(names)}
    batch = pa.RecordBatch.from_pydict(columns)
    expected, actual = MODELS[kind].score_generally(batch), MODELS[kind].score(batch)
    assert expected.outputs.equals(actual.outputs)
    assert dict(expected.errors) == dict(actual.errors)


def test_plain_models_have_a_short_way() -> None:
    assert [True] * len(MODELS) == [model._direct is not None for model in MODELS.values()]


def test_float_fields_are_compared_in_single_precision() -> None:
    above = math.nextafter(0.1, 1)
    assert {"y": 3 + 4 + 3} == MODELS["sum"].score_one({"x": 0.1, "f": above})


@pytest.mark.parametrize("kind", MODELS)
def test_many_rows_get_what_each_gets_alone(kind: str) -> None:
    values = [-8.0 + (7 * row % 33) / 2 for row in range(600)]
    batch = pa.RecordBatch.from_pydict({"x": values, "f": values[::-1]})
    alone = [MODELS[kind].score_one(record) for record in batch.to_pylist()]
    assert alone == MODELS[kind].score(batch).outputs.to_pylist()


@pytest.mark.parametrize("trees", [1, 80])
def test_rows_stop_at_leaves_of_every_depth(trees: int) -> None:
    """80 trees of this size have the layout of ranks."""
    chain = '<Node score="60"><SimplePredicate field="x" operator="greaterThan" value="59"/></Node>'
    for limit in range(58, -1, -1):
        chain = (
            f'<Node score="{limit}"><SimplePredicate field="x" operator="greaterThan" value="{limit}"/>'
            f'<Node score="{limit + 1}"><SimplePredicate field="x" operator="lessOrEqual" value="{limit + 1}"/></Node>'
            f"{chain}</Node>"
        )
    segment = (
        f'<Segment><True/><TreeModel functionName="regression">{schema("x")}<Node score="0"><True/>'
        f'<Node score="0"><SimplePredicate field="x" operator="lessOrEqual" value="0"/></Node>{chain}</Node>'
        "</TreeModel></Segment>"
    )
    model = load(
        document(
            f'<MiningModel functionName="regression">{schema("x", target="y")}'
            f'<Segmentation multipleModelMethod="average">{segment * trees}</Segmentation></MiningModel>',
            X + Y,
        )
    )
    values = [float(value) for value in range(61)]
    assert values == model.score(pa.RecordBatch.from_pydict({"x": values})).outputs["y"].to_pylist()
