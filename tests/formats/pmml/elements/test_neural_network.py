import math

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import LABEL, X, Y, document, load, schema, score

FIELD = "<FieldRef field='{}'/>"


def neural_input(name: str, expression: str) -> str:
    return (
        f'<NeuralInput id="{name}"><DerivedField optype="continuous" dataType="double">{expression}</DerivedField>'
        "</NeuralInput>"
    )


def neuron(name: str, bias: float = 0.0, attributes: str = "", **weights: float) -> str:
    connections = "".join(f'<Con from="{source}" weight="{weight}"/>' for source, weight in weights.items())
    return f'<Neuron id="{name}" bias="{bias}" {attributes}>{connections}</Neuron>'


def output(name: str, expression: str) -> str:
    return f'<NeuralOutput outputNeuron="{name}"><DerivedField>{expression}</DerivedField></NeuralOutput>'


def network(
    layers: str,
    outputs: str,
    attributes: str = 'activationFunction="identity"',
    *,
    function: str = "regression",
    extra: str = "",
    inputs: str | None = None,
    fields: str = X + Y + LABEL,
    target: str = "y",
) -> bytes:
    inputs = neural_input("i", FIELD.format("x")) if inputs is None else inputs
    return document(
        f'<NeuralNetwork functionName="{function}" {attributes}>{schema("x", target=target)}{extra}'
        f"<NeuralInputs>{inputs}</NeuralInputs>{layers}<NeuralOutputs>{outputs}</NeuralOutputs></NeuralNetwork>",
        fields,
    )


NUMBER = output("o", FIELD.format("y"))
CLASSES = output("a", '<NormDiscrete field="label" value="yes"/>') + output(
    "b", '<NormDiscrete field="label" value="no"/>'
)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("threshold", 1.0),
        ("logistic", 1 / (1 + math.exp(-0.7))),
        ("tanh", math.tanh(0.7)),
        ("identity", 0.7),
        ("exponential", math.exp(0.7)),
        ("reciprocal", 1 / 0.7),
        ("square", 0.49),
        ("Gauss", math.exp(-0.49)),
        ("sine", math.sin(0.7)),
        ("cosine", math.cos(0.7)),
        ("Elliott", 0.7 / 1.7),
        ("arctan", 2 * math.atan(0.7) / math.pi),
        ("rectifier", 0.7),
    ],
)
def test_a_neuron_activates_the_weighted_sum_of_its_sources_and_its_bias(activation: str, expected: float) -> None:
    layers = f"<NeuralLayer>{neuron('o', 0.5, i=0.1)}</NeuralLayer>"
    content = network(layers, NUMBER, f'activationFunction="{activation}"')
    outputs = score(content, x=[2.0, None])
    assert [expected, None] == [pytest.approx(outputs["y"][0]), outputs["y"][1]]


def test_a_threshold_is_passed_only_above_it() -> None:
    layers = f'<NeuralLayer threshold="2">{neuron("o", i=1)}</NeuralLayer>'
    assert [0.0, 0.0, 1.0] == score(network(layers, NUMBER, 'activationFunction="threshold"'), x=[1.0, 2.0, 2.5])["y"]


def test_a_rectifier_lets_no_negative_through() -> None:
    layers = f"<NeuralLayer>{neuron('o', i=1)}</NeuralLayer>"
    assert [0.0, 3.0] == score(network(layers, NUMBER, 'activationFunction="rectifier"'), x=[-3.0, 3.0])["y"]


def test_a_radial_neuron_falls_with_the_distance_of_its_sources_from_its_weights() -> None:
    inputs = neural_input("i", FIELD.format("x")) + neural_input("j", FIELD.format("x"))
    own = neuron("o", attributes='width="3"', i=1, j=2)
    layers = f'<NeuralLayer altitude="2">{own}</NeuralLayer>'
    content = network(layers, NUMBER, 'activationFunction="radialBasis" width="9" altitude="5"', inputs=inputs)
    z = ((4.0 - 1) ** 2 + (4.0 - 2) ** 2) / (2 * 3**2)
    assert [math.exp(2 * math.log(2) - z)] == pytest.approx(score(content, x=[4.0])["y"])


def test_layers_follow_one_another_and_a_connection_may_skip_one() -> None:
    layers = (
        f'<NeuralLayer activationFunction="square">{neuron("h", 1, i=1)}</NeuralLayer>'
        f"<NeuralLayer>{neuron('o', 0.5, h=2, i=10)}</NeuralLayer>"
    )
    assert [2 * 16 + 30 + 0.5] == score(network(layers, NUMBER), x=[3.0])["y"]


def test_an_output_undoes_the_normalization_of_the_target() -> None:
    norm = (
        '<NormContinuous field="y"><LinearNorm orig="10" norm="0"/><LinearNorm orig="20" norm="1"/>'
        '<LinearNorm orig="40" norm="2"/></NormContinuous>'
    )
    layers = f"<NeuralLayer>{neuron('o', i=1)}</NeuralLayer>"
    assert [15.0, 30.0, 60.0, 0.0] == score(network(layers, output("o", norm)), x=[0.5, 1.5, 3.0, -1.0])["y"]
    derived = (
        '<LocalTransformations><DerivedField name="scaled" optype="continuous" dataType="double">'
        f"{norm}</DerivedField></LocalTransformations>"
    )
    again = (
        '<NormContinuous field="scaled"><LinearNorm orig="0" norm="1"/><LinearNorm orig="1" norm="0"/></NormContinuous>'
    )
    content = network(layers, output("o", FIELD.format("scaled")), extra=derived)
    assert [15.0] == score(content, x=[0.5])["y"]
    assert [17.5] == score(network(layers, output("o", again), extra=derived), x=[0.25])["y"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [1.0, 3.0]),
        ("simplemax", [0.25, 0.75]),
        ("softmax", [1 / (1 + math.exp(2)), 1 / (1 + math.exp(-2))]),
    ],
)
def test_the_class_of_the_highest_neuron_wins(method: str, expected: list[float]) -> None:
    extra = (
        '<Output><OutputField name="yes" feature="probability" value="yes"/>'
        '<OutputField name="no" feature="probability" value="no"/><OutputField name="id" feature="entityId"/></Output>'
    )
    layers = f'<NeuralLayer normalizationMethod="{method}">{neuron("a", i=1)}{neuron("b", i=3)}</NeuralLayer>'
    content = network(layers, CLASSES, function="classification", extra=extra, target="label")
    outputs = score(content, x=[1.0, None])
    assert (["no", None], ["b", None]) == (outputs["label"], outputs["id"])
    assert expected == pytest.approx([outputs["yes"][0], outputs["no"][0]])
    assert [None, None] == [outputs["yes"][1], outputs["no"][1]]


def test_several_targets_have_a_result_each() -> None:
    extra = (
        '<Output><OutputField name="doubled" feature="predictedValue" targetField="z"/>'
        '<OutputField name="p" feature="probability" value="no" targetField="label"/></Output>'
        '<Targets><Target field="z" rescaleFactor="2"/></Targets>'
    )
    layers = f"<NeuralLayer>{neuron('o', i=1)}{neuron('q', i=2)}{neuron('a', i=3)}{neuron('b', i=4)}</NeuralLayer>"
    outputs = NUMBER + output("q", FIELD.format("z")) + CLASSES
    fields = X + Y + LABEL + Y.replace('"y"', '"z"')
    scored = score(network(layers, outputs, extra=extra, fields=fields), x=[1.0])
    assert {"y": [1.0], "z": [4.0], "label": ["no"], "doubled": [4.0], "p": [4.0]} == scored


def test_extensions_among_neurons_and_connections_are_passed_over() -> None:
    extension = '<Extension name="a"><b/></Extension>'
    layers = f"<NeuralLayer>{neuron('o', i=2)}</NeuralLayer>".replace("<Con", extension + "<Con")
    layers = layers.replace("<Neuron ", extension + "<Neuron ").replace("/></Neuron>", f">{extension}</Con></Neuron>")
    assert [6.0] == score(network(layers, NUMBER), x=[3.0])["y"]


def test_single_precision_is_kept_where_the_model_asks_for_it() -> None:
    layers = f"<NeuralLayer>{neuron('o', 16777216, i=1)}</NeuralLayer>"
    attributes = 'activationFunction="identity"'
    assert [16777217.0] == score(network(layers, NUMBER, attributes), x=[1.0])["y"]
    assert [16777216.0] == score(network(layers, NUMBER, attributes + ' x-mathContext="float"'), x=[1.0])["y"]


ONE = f"<NeuralLayer>{neuron('o', i=1)}</NeuralLayer>"
TWO = f"<NeuralLayer>{neuron('a', i=1)}{neuron('b', i=1)}</NeuralLayer>"
FLAT = '<NormContinuous field="y"><LinearNorm orig="0" norm="1"/><LinearNorm orig="1" norm="1"/></NormContinuous>'
LOOP = (
    '<LocalTransformations><DerivedField name="p" optype="continuous" dataType="double"><FieldRef field="q"/>'
    '</DerivedField><DerivedField name="q" optype="continuous" dataType="double"><FieldRef field="p"/></DerivedField>'
    "</LocalTransformations>"
)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (network("", NUMBER), "it holds no NeuralLayer"),
        (network("<NeuralLayer/>", NUMBER), "NeuralLayer, line 1: it holds no Neuron"),
        (network(ONE, ""), "it holds no NeuralOutput"),
        (network(ONE, NUMBER, inputs=""), "it holds no NeuralInput"),
        (network(ONE, NUMBER, ""), "the attribute 'activationFunction' is missing"),
        (network(ONE, NUMBER, 'activationFunction="swish"'), "activationFunction='swish' is none of"),
        (network(ONE, NUMBER, 'activationFunction="radialBasis"'), "needs a width and an altitude above 0"),
        (network(ONE, output("x", FIELD.format("y"))), "there is no neuron 'x'"),
        (network(ONE.replace('"i"', '"k"'), NUMBER), "a connection comes from 'k'"),
        (network(ONE.replace(' weight="1"', ""), NUMBER), "Con, line 1: the attribute 'weight' is missing"),
        (network(ONE.replace('weight="1"', 'weight="one"'), NUMBER), "Con, line 1: the attribute weight='one' is not"),
        (
            network(ONE.replace("<Neuron ", '<Con from="i" weight="1"/><Neuron '), NUMBER),
            "Con, line 1: a layer holds neurons",
        ),
        (
            network(f"<NeuralLayer><Neuron id='p'>{ONE[13:-14]}</Neuron></NeuralLayer>", NUMBER),
            "Neuron, line 1: a layer",
        ),
        (network(ONE.replace('"o"', '"i"'), NUMBER), "the id 'i' is given twice"),
        (network(ONE, NUMBER, inputs=neural_input("i", FIELD.format("w"))), "there is no field 'w'"),
        (network(ONE, NUMBER, inputs=neural_input("i", FIELD.format("x")) * 2), "the id 'i' is given twice"),
        (network(ONE, NUMBER, function="classification"), "a classification's outputs are NormDiscrete"),
        (network(ONE, NUMBER * 2), "the target 'y' is a number with 2 output neurons"),
        (network(TWO, CLASSES.replace("no", "yes"), function="classification"), "has two output neurons"),
        (network(TWO, CLASSES + output("a", FIELD.format("label"))), "both a number and a class"),
        (network(ONE, output("o", FLAT)), "it has no inverse"),
        (network(ONE, output("o", FIELD.format("p")), extra=LOOP), "leads back to itself"),
    ],
)
def test_broken_networks_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_an_output_without_an_inverse_is_not_supported() -> None:
    with pytest.raises(UnsupportedError, match="has no inverse"):
        load(network(ONE, output("o", '<Apply function="exp"><FieldRef field="y"/></Apply>')))
