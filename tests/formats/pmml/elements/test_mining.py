import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ModelFormatError, UnsupportedError
from headrace.formats.pmml.trees import fusion
from headrace.formats.pmml.trees.forest import Forest
from tests.formats.pmml.building import LABEL, X, Y, document, load, schema, score


def constant(value: float | None, weight: float = 1, predicate: str = "<True/>", identity: str = "") -> str:
    """A segment that predicts one number, or nothing."""
    field = "x" if value is None else None
    inner = '<NumericPredictor name="hole" coefficient="1"/>' if field else ""
    given_id = f' id="{identity}"' if identity else ""
    return (
        f'<Segment weight="{weight}"{given_id}>{predicate}<RegressionModel functionName="regression">{schema("x")}'
        f'<RegressionTable intercept="{value or 0}">{inner}</RegressionTable></RegressionModel></Segment>'
    )


def vote(label: str, yes: float, weight: float = 1, predicate: str = "<True/>") -> str:
    """A segment that predicts a class with a probability for yes."""
    return (
        f'<Segment weight="{weight}">{predicate}<TreeModel functionName="classification">{schema("x", target="label")}'
        f'<Node score="{label}"><True/><ScoreDistribution value="yes" recordCount="{yes}"/>'
        f'<ScoreDistribution value="no" recordCount="{1 - yes}"/></Node></TreeModel></Segment>'
    )


def ensemble(
    method: str, *segments: str, attributes: str = "", function: str = "regression", output: str = ""
) -> bytes:
    target = "y" if function == "regression" else "label"
    hole = '<DataField name="hole" optype="continuous" dataType="double"/>'
    return document(
        f'<MiningModel functionName="{function}">{schema("x", target=target)}{output}'
        f'<Segmentation multipleModelMethod="{method}" {attributes}>{"".join(segments)}</Segmentation></MiningModel>',
        X + Y + LABEL + hole,
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("average", 4.0),
        ("weightedAverage", 5.6),
        ("median", 3.0),
        ("weightedMedian", 8.0),
        ("x-weightedMedian", 8.0),
        ("max", 8.0),
        ("sum", 12.0),
        ("weightedSum", 56.0),
        ("x-weightedSum", 56.0),
        ("selectFirst", 1.0),
    ],
)
def test_numbers_are_combined(method: str, expected: float) -> None:
    segments = [constant(1, 2), constant(3, 2), constant(8, 6)]
    assert [expected] == score(ensemble(method, *segments), x=[0.0])["y"]


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [
        ('missingPredictionTreatment="continue"', None),
        ('missingPredictionTreatment="returnMissing"', None),
        ('missingPredictionTreatment="skipSegment"', 2.0),
        ('missingPredictionTreatment="skipSegment" missingThreshold="0.3"', None),
        ('missingPredictionTreatment="skipSegment" missingThreshold="0.4"', 2.0),
    ],
)
def test_a_missing_prediction_is_treated_as_the_model_says(treatment: str, expected: float | None) -> None:
    content = ensemble("average", constant(1), constant(3), constant(None), attributes=treatment)
    assert [expected] == score(content, x=[0.0])["y"]


LOW = '<SimplePredicate field="x" operator="lessThan" value="0"/>'
HIGH = '<SimplePredicate field="x" operator="greaterOrEqual" value="0"/>'


def test_a_segment_takes_part_only_where_its_predicate_is_true() -> None:
    content = ensemble("sum", constant(1, predicate=LOW), constant(10, predicate=HIGH), constant(100))
    assert [101.0, 110.0, 100.0] == score(content, x=[-1.0, 1.0, None])["y"]


def test_rows_that_no_segment_takes_have_no_prediction() -> None:
    for method in ("average", "selectFirst", "max", "median"):
        assert [1.0, None] == score(ensemble(method, constant(1, predicate=LOW)), x=[-1.0, 1.0])["y"]


def test_select_first_goes_row_by_row() -> None:
    content = ensemble("selectFirst", constant(1, predicate=LOW), constant(2))
    assert [1.0, 2.0, 2.0] == score(content, x=[-1.0, 1.0, None])["y"]


def test_a_segment_s_own_result_can_be_put_out() -> None:
    output = (
        '<Output><OutputField name="second" feature="predictedValue" segmentId="b" dataType="double"/>'
        '<OutputField name="none" feature="predictedValue" segmentId="z" dataType="double"/></Output>'
    )
    for method in ("sum", "selectAll", "modelChain"):
        content = ensemble(method, constant(1, identity="a"), constant(2, identity="b"), output=output)
        outputs = score(content, x=[0.0])
        assert ([2.0], [None]) == (outputs["second"], outputs["none"])


PROBABILITY = '<Output><OutputField name="p" feature="probability" value="yes"/></Output>'


@pytest.mark.parametrize(
    ("method", "label", "probability"),
    [
        ("majorityVote", "no", 1 / 3),
        ("weightedMajorityVote", "yes", 0.6),
        ("average", "yes", 0.5),
        ("weightedAverage", "yes", 0.66),
        ("max", "yes", 0.9),
        ("median", "no", 0.4),
    ],
)
def test_classes_are_combined(method: str, label: str, probability: float) -> None:
    segments = [vote("yes", 0.9, 3), vote("no", 0.4), vote("no", 0.2)]
    outputs = score(ensemble(method, *segments, function="classification", output=PROBABILITY), x=[0.0])
    assert [label] == outputs["label"]
    assert outputs["p"] == pytest.approx([probability])


def chain(first: str, second: str, method: str = "modelChain") -> bytes:
    return document(
        f'<MiningModel functionName="regression">{schema("x", target="y")}<Segmentation multipleModelMethod="{method}">'
        f"<Segment><True/>{first}</Segment><Segment><True/>{second}</Segment></Segmentation></MiningModel>"
    )


FIRST = (
    f'<RegressionModel functionName="regression">{schema("x")}'
    '<Output><OutputField name="stage" optype="continuous" dataType="double" isFinalResult="false"/></Output>'
    '<Targets><Target rescaleConstant="1"/></Targets>'
    '<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel>'
)
SECOND = (
    f'<RegressionModel functionName="regression">{schema("stage", target="y")}'
    '<Output><OutputField name="ten" feature="transformedValue" dataType="double"><Apply function="*">'
    '<FieldRef field="stage"/><Constant>10</Constant></Apply></OutputField></Output>'
    '<RegressionTable intercept="0"><NumericPredictor name="stage" coefficient="2"/></RegressionTable>'
    "</RegressionModel>"
)


def test_a_chain_hands_outputs_on_and_puts_out_the_final_ones() -> None:
    assert {"y": [6.0, None], "ten": [30.0, None]} == score(chain(FIRST, SECOND), x=[2.0, None])


def test_a_chain_of_several_targets_gives_each() -> None:
    def single(target: str, coefficient: int) -> str:
        return (
            f'<RegressionModel functionName="regression">{schema("x", target=target)}<RegressionTable intercept="0">'
            f'<NumericPredictor name="x" coefficient="{coefficient}"/></RegressionTable></RegressionModel>'
        )

    second = '<DataField name="w" optype="continuous" dataType="double"/>'
    both = '<MiningField name="w" usageType="target"/>'
    content = document(
        f'<MiningModel functionName="regression">{schema("x", target="y", extra=both)}'
        f'<Segmentation multipleModelMethod="x-multiModelChain"><Segment><True/>{single("y", 2)}</Segment>'
        f"<Segment><True/>{single('w', 3)}</Segment></Segmentation></MiningModel>",
        X + Y + second,
    )
    assert {"y": [2.0], "w": [3.0]} == score(content, x=[1.0])
    plain = content.replace(b"x-multiModelChain", b"modelChain")
    assert {"y": [2.0], "w": [3.0]} == score(plain, x=[1.0])


def test_a_chain_puts_out_all_targets_of_a_segment_with_several() -> None:
    neurons = "".join(f'<Neuron id="{name}" bias="1"><Con from="i" weight="{name}"/></Neuron>' for name in "23")
    outputs = "".join(
        f'<NeuralOutput outputNeuron="{name}"><DerivedField><FieldRef field="{target}"/></DerivedField></NeuralOutput>'
        for name, target in (("2", "y"), ("3", "w"))
    )
    listed = '<MiningField name="w" usageType="target"/><MiningField name="label" usageType="target"/>'
    network = (
        f'<NeuralNetwork functionName="regression" activationFunction="identity">{schema("x", target="y")}'
        '<NeuralInputs><NeuralInput id="i"><DerivedField><FieldRef field="x"/></DerivedField></NeuralInput>'
        f"</NeuralInputs><NeuralLayer>{neurons}</NeuralLayer><NeuralOutputs>{outputs}</NeuralOutputs></NeuralNetwork>"
    )
    content = document(
        f'<MiningModel functionName="classification">{schema("x", target="y", extra=listed)}'
        f'<Segmentation multipleModelMethod="modelChain"><Segment><True/>{network}</Segment>{vote("yes", 0.9)}'
        "</Segmentation></MiningModel>",
        X + Y + Y.replace('"y"', '"w"') + LABEL,
    )
    assert {"y": [9.0], "w": [13.0], "label": ["yes"]} == score(content, x=[4.0])


def test_a_nested_schema_treats_what_it_says_itself() -> None:
    nested = FIRST.replace('<MiningField name="x"/>', '<MiningField name="x" missingValueReplacement="5"/>')
    assert [12.0] == score(chain(nested, SECOND), x=[None])["y"]


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        (ensemble("blend", constant(1)), ModelFormatError, "multipleModelMethod='blend' is none of"),
        (ensemble("sum"), ModelFormatError, "it holds no Segment"),
        (
            ensemble("sum", "<Segment><True/></Segment>"),
            ModelFormatError,
            "Segment, line 1: it holds 0 models",
        ),
        (
            ensemble("sum", constant(1).replace("RegressionModel", "QuantumModel")),
            UnsupportedError,
            "QuantumModel, line 1: this model element is not supported; supported: .*TreeModel",
        ),
    ],
)
def test_broken_ensembles_are_refused(content: bytes, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        load(content)


FREE_COLOUR = '<DataField name="colour" optype="categorical" dataType="string"/>'

ASKED = (
    '<SimplePredicate field="x" operator="equal" value="0"/>',
    '<SimplePredicate field="x" operator="notEqual" value="1.5"/>',
    '<SimplePredicate field="y" operator="isMissing"/>',
    '<SimplePredicate field="y" operator="isNotMissing"/>',
    '<SimplePredicate field="colour" operator="equal" value="red"/>',
    (
        '<SimpleSetPredicate field="colour" booleanOperator="isIn"><Array type="string">red blue</Array>'
        "</SimpleSetPredicate>"
    ),
    (
        '<SimpleSetPredicate field="colour" booleanOperator="isNotIn"><Array type="string">red</Array>'
        "</SimpleSetPredicate>"
    ),
    '<SimpleSetPredicate field="x" booleanOperator="isIn"><Array type="real">-3 65535</Array></SimpleSetPredicate>',
    "<False/>",
    "<True/>",
)


@st.composite
def trees(draw: st.DrawFn, *, asked: bool = False) -> str:
    """A TreeModel of random splits, some of several children, some open-ended, under any strategy.

    Some of the children of a tree that is ``asked`` for are by sets, or by whether a value is missing.
    """
    strategy = draw(st.sampled_from(["none", "lastPrediction", "nullPrediction", "defaultChild"]))
    last = draw(st.sampled_from(["returnNullPrediction", "returnLastPrediction"]))
    serial = iter(range(10_000))

    def node(predicate: str, depth: int) -> str:
        identity, value = next(serial), draw(st.integers(-8, 8))
        children = ""
        default = ""
        if depth and draw(st.booleans()):
            field, limit = draw(st.sampled_from("xy")), draw(st.integers(-2, 2))
            one, other = draw(st.sampled_from([("lessThan", "greaterOrEqual"), ("greaterThan", "lessOrEqual")]))
            first = f'<SimplePredicate field="{field}" operator="{one}" value="{limit}"/>'
            second = f'<SimplePredicate field="{field}" operator="{other}" value="{limit}"/>'
            third = f'<SimplePredicate field="x" operator="lessOrEqual" value="{limit + 1}"/>'
            shape = draw(st.sampled_from([[first, second], [first, "<True/>"], [first, third, "<True/>"], [first]]))
            if asked:
                shape = [draw(st.sampled_from(ASKED)), *shape]
            inner = [node(predicate, depth - 1) for predicate in shape]
            children = "".join(inner)
            default = f' defaultChild="{inner[-1].split(chr(34))[1]}"'
        return f'<Node id="{identity}" score="{value}"{default}>{predicate}{children}</Node>'

    return (
        f'<TreeModel functionName="regression" missingValueStrategy="{strategy}" noTrueChildStrategy="{last}">'
        f"{schema('x', 'y', 'colour')}{node('<True/>', 3 if asked else 4)}</TreeModel>"
    )


@given(
    st.one_of(st.lists(trees(), min_size=1, max_size=4), st.lists(trees(asked=True), min_size=1, max_size=3)),
    st.sampled_from(["sum", "average", "weightedSum", "weightedAverage"]),
    st.sampled_from(["returnMissing", "skipSegment"]),
    st.sampled_from([0, fusion.PLAIN_NODES]),
    st.booleans(),
)
def test_a_fused_forest_gives_what_its_trees_give_one_by_one(
    models: list[str], method: str, treatment: str, plain: int, whole: bool
) -> None:
    grid = [-3.0, -1.0, 0.0, 1.5, 65535.0, *([] if whole else [None])]
    count = len(grid)
    colours = (["red", "green", "blue", "violet"] + ([] if whole else [None])) * count**2
    batch = pa.RecordBatch.from_pydict(
        {
            "x": grid * count * 4,
            "y": [value for value in grid for _ in grid] * 4,
            "colour": colours[: 4 * count**2],
        }
    )
    segments = "".join(f'<Segment weight="{n + 2}"><True/>{model}</Segment>' for n, model in enumerate(models))
    z = '<DataField name="z" optype="continuous" dataType="double"/>'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion, "PLAIN_NODES", plain)
        forest = load(
            document(
                f'<MiningModel functionName="regression">{schema("x", "y", "colour", target="z")}<Segmentation '
                f'multipleModelMethod="{method}" missingPredictionTreatment="{treatment}">{segments}</Segmentation>'
                "</MiningModel>",
                X + Y + FREE_COLOUR + z,
            )
        )
    assert isinstance(forest._frame.evaluator, Forest)
    singles = np.array(
        [load(document(model, X + Y + FREE_COLOUR)).score(batch).outputs.column(0).to_pylist() for model in models],
        dtype=np.float64,
    )
    absent = np.isnan(singles)
    weights = np.arange(2, 2 + len(models))[:, None] if "eighted" in method else np.ones((len(models), 1))
    total = (np.where(absent, 0, singles) * weights).sum(axis=0)
    if "verage" in method:
        total = total / np.maximum((~absent * weights).sum(axis=0), 1)
    lost = np.asarray(absent.any(axis=0) if treatment == "returnMissing" else absent.all(axis=0))
    expected = [None if missing else value for missing, value in zip(list(lost), total.tolist(), strict=True)]
    assert expected == forest.score(batch).outputs.column("z").to_pylist()
