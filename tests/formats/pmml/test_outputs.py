import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import LABEL, X, Y, document, load, schema, score


def regression(extra: str) -> bytes:
    return document(
        f'<RegressionModel functionName="regression">{schema("x", target="y")}{extra}'
        '<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable>'
        "</RegressionModel>"
    )


def classification(extra: str) -> bytes:
    return document(
        f'<TreeModel functionName="classification">{schema("x", target="label")}{extra}'
        '<Node><True/><Node score="yes"><SimplePredicate field="x" operator="greaterThan" value="0"/>'
        '<ScoreDistribution value="yes" recordCount="3"/><ScoreDistribution value="no" recordCount="1"/></Node></Node>'
        "</TreeModel>",
        X + LABEL,
    )


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ('rescaleFactor="2" rescaleConstant="1"', [-5.0, 5.8, None]),
        ('min="-1" max="2"', [-1.0, 2.0, None]),
        ('min="-1" max="2" rescaleFactor="10"', [-10.0, 20.0, None]),
        ('castInteger="round"', [-3.0, 2.0, None]),
        ('castInteger="ceiling"', [-3.0, 3.0, None]),
        ('castInteger="floor"', [-3.0, 2.0, None]),
    ],
)
def test_targets_treat_a_number(target: str, expected: list[float | None]) -> None:
    content = regression(f'<Targets><Target field="y" {target}/></Targets>')
    assert expected == score(content, x=[-3.0, 2.4, None])["y"]


def test_targets_fill_in_what_was_not_predicted() -> None:
    number = regression('<Targets><Target field="y"><TargetValue defaultValue="7"/></Target></Targets>')
    assert [7.0] == score(number, x=[None])["y"]
    priors = (
        '<Targets><Target field="label"><TargetValue value="yes" priorProbability="0.3"/>'
        '<TargetValue value="no" priorProbability="0.7"/></Target></Targets>'
    )
    assert ["yes", "no"] == score(classification(priors), x=[1.0, None])["label"]


def test_outputs_ask_for_features() -> None:
    content = classification(
        '<Targets><Target field="label"><TargetValue value="yes" displayValue="Yes!"/></Target></Targets><Output>'
        '<OutputField name="value" feature="predictedValue"/>'
        '<OutputField name="shown" feature="predictedDisplayValue"/>'
        '<OutputField name="best" feature="probability"/><OutputField name="no" feature="probability" value="no"/>'
        '<OutputField name="maybe" feature="probability" value="maybe"/>'
        '<OutputField name="hidden" feature="probability" isFinalResult="false"/>'
        '<OutputField name="twice" feature="transformedValue" dataType="double"><Apply function="*">'
        '<FieldRef field="hidden"/><Constant>2</Constant></Apply></OutputField>'
        '<OutputField name="advice" feature="decision" dataType="string"><Decisions><Decision value="go"/></Decisions>'
        '<Apply function="if"><Apply function="greaterThan"><FieldRef field="best"/><Constant>0.5</Constant></Apply>'
        "<Constant>go</Constant><Constant>stay</Constant></Apply></OutputField></Output>"
    )
    expected = {
        "label": ["yes", None],
        "value": ["yes", None],
        "shown": ["Yes!", None],
        "best": [0.75, None],
        "no": [0.25, None],
        "maybe": [0.0, None],
        "twice": [1.5, None],
        "advice": ["go", None],
    }
    assert expected == score(content, x=[1.0, None])


def test_the_signature_names_outputs_and_their_types() -> None:
    content = classification('<Output><OutputField name="p" feature="probability" dataType="float"/></Output>')
    assert [("label", "string"), ("p", "float")] == [(out.name, out.type) for out in load(content).signature.outputs]


def test_a_model_without_a_target_gives_a_prediction_unless_an_output_does() -> None:
    model = (
        f'<RegressionModel functionName="regression">{schema("x")}%s<RegressionTable intercept="4"/></RegressionModel>'
    )
    assert {"prediction": [4.0]} == score(document(model % "", X), x=[1.0])
    named = '<Output><OutputField name="result" feature="predictedValue"/></Output>'
    assert {"result": [4.0]} == score(document(model % named, X), x=[1.0])


def test_broken_outputs_are_refused() -> None:
    twice = '<Output><OutputField name="a"/><OutputField name="a" dataType="string"/></Output>'
    with pytest.raises(ModelFormatError, match="OutputField, line 1: the field 'a' is put out twice"):
        load(regression(twice))
    with pytest.raises(UnsupportedError, match="feature='crystalBall' is not supported here; supported: "):
        load(regression('<Output><OutputField name="a" feature="crystalBall"/></Output>'))
    with pytest.raises(ModelFormatError, match="a transformedValue holds one expression"):
        load(regression('<Output><OutputField name="a" feature="transformedValue"/></Output>'))


def test_a_field_may_be_the_target_and_still_be_referred_to() -> None:
    content = regression(
        '<Output><OutputField name="error" feature="transformedValue" dataType="double"><Apply function="-">'
        '<FieldRef field="y"/><FieldRef field="x"/></Apply></OutputField></Output>'
    )
    assert [0.5] == score(content, x=[1.0], y=[1.5])["error"]
    assert {"x": True, "y": False} == {entry.name: entry.required for entry in load(content).signature.inputs}
    assert Y.encode() in content


def test_an_output_that_is_written_twice_word_for_word_counts_once() -> None:
    twice = '<Output><OutputField name="a"/><OutputField name="a"/></Output>'
    assert {"y": [1.0], "a": [1.0]} == score(regression(twice), x=[1.0])


def test_a_residual_compares_with_what_really_was() -> None:
    content = regression('<Output><OutputField name="r" feature="residual"/></Output>')
    assert [0.5, None, None] == score(content, x=[1.0, 1.0, None], y=[1.5, None, 1.0])["r"]


def test_the_residual_of_a_class_is_what_its_probability_lacks() -> None:
    content = classification(
        '<Output><OutputField name="yes" feature="residual" value="yes"/>'
        '<OutputField name="no" feature="residual" value="no"/><OutputField name="won" feature="residual"/></Output>'
    )
    outputs = score(content, x=[1.0, 1.0, 1.0, None], label=["yes", "no", None, "yes"])
    assert [0.25, -0.75, None, None] == outputs["yes"]
    assert [-0.25, 0.75, None, None] == outputs["no"]
    assert outputs["yes"] == outputs["won"]


def test_a_residual_without_a_target_is_refused() -> None:
    content = document(
        f'<RegressionModel functionName="regression">{schema("x")}<Output><OutputField name="r" feature="residual"/>'
        '</Output><RegressionTable intercept="4"/></RegressionModel>',
        X,
    )
    with pytest.raises(ModelFormatError, match="a residual needs a target"):
        load(content)


def test_there_are_no_warnings() -> None:
    output = '<Output><OutputField name="w" feature="warning"/></Output>'
    assert [None] == score(regression(output), x=[1.0])["w"]


@pytest.mark.parametrize("element", ["SequenceModel", "TextModel"])
def test_elements_without_an_evaluation_say_so(element: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{element}, line 1: the standard .*; so it cannot be evaluated"):
        load(document(f'<{element} functionName="sequences">{schema("x")}</{element}>', X))


def test_prior_probabilities_stand_in_for_a_prediction_with_its_probabilities() -> None:
    model = (
        f'<RegressionModel functionName="classification" normalizationMethod="softmax">{schema("x", target="label")}'
        '<Output><OutputField name="p" dataType="double" optype="continuous" feature="probability" value="no"/>'
        '</Output><Targets><Target field="label"><TargetValue value="yes" priorProbability="0.25"/>'
        '<TargetValue value="no" priorProbability="0.75"/></Target></Targets>'
        '<RegressionTable targetCategory="yes" intercept="0"><NumericPredictor name="x" coefficient="1"/>'
        '</RegressionTable><RegressionTable targetCategory="no" intercept="0"/></RegressionModel>'
    )
    found = score(document(model, X + LABEL), x=[0.0, None])
    assert found == {"label": ["yes", "no"], "p": [0.5, 0.75]}


def test_what_to_display_is_the_targets_else_the_dictionarys() -> None:
    label = LABEL.replace('value="yes"/>', 'value="yes" displayValue="Yes!"/>').replace(
        'value="no"/>', 'value="no" displayValue="No!"/>'
    )
    model = (
        f'<RegressionModel functionName="classification" normalizationMethod="softmax">{schema("x", target="label")}'
        '<Output><OutputField name="shown" dataType="string" optype="categorical" feature="predictedDisplayValue"/>'
        "</Output>{}"
        '<RegressionTable targetCategory="yes" intercept="0"><NumericPredictor name="x" coefficient="1"/>'
        '</RegressionTable><RegressionTable targetCategory="no" intercept="0"/></RegressionModel>'
    )
    targets = '<Targets><Target field="label"><TargetValue value="yes" displayValue="Oh yes"/></Target></Targets>'
    assert score(document(model.format(""), X + label), x=[1.0, -1.0])["shown"] == ["Yes!", "No!"]
    assert score(document(model.format(targets), X + label), x=[1.0, -1.0])["shown"] == ["Oh yes", "No!"]
