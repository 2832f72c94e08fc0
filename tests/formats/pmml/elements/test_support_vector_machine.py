import math

import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, X, Y, document, load, schema, score

CLASSES = (
    '<DataField name="kind" optype="categorical" dataType="string">'
    '<Value value="a"/><Value value="b"/><Value value="c"/></DataField>'
)
Z = Y.replace('"y"', '"z"')
FIELDS = '<FieldRef field="x"/><FieldRef field="z"/>'
DENSE = (
    '<VectorInstance id="v"><Array type="real">1 2</Array></VectorInstance>'
    '<VectorInstance id="w"><Array type="real">-1 0</Array></VectorInstance>'
)
SPARSE = (
    '<VectorInstance id="v"><REAL-SparseArray n="2"><Indices>2 1</Indices><REAL-Entries>2 1</REAL-Entries>'
    '</REAL-SparseArray></VectorInstance><VectorInstance id="w"><REAL-SparseArray><Indices>1</Indices>'
    "<REAL-Entries>-1</REAL-Entries></REAL-SparseArray></VectorInstance>"
)
LINEAR = "<LinearKernelType/>"


def machine(attributes: str = "", names: str = "v w", values: str = "2 -3", absolute: float = 0.5) -> str:
    supports = "".join(f'<SupportVector vectorId="{name}"/>' for name in names.split())
    coefficients = "".join(f'<Coefficient value="{value}"/>' for value in values.split())
    return (
        f"<SupportVectorMachine {attributes}><SupportVectors>{supports}</SupportVectors>"
        f'<Coefficients absoluteValue="{absolute}">{coefficients}</Coefficients></SupportVectorMachine>'
    )


def constant(attributes: str, value: float) -> str:
    return machine(attributes, "", "", value)


def model(
    machines: str,
    attributes: str = "",
    *,
    function: str = "regression",
    kernel: str = LINEAR,
    vectors: str = DENSE,
    fields: str = FIELDS,
    target: str = "y",
    output: str = "",
) -> bytes:
    return document(
        f'<SupportVectorMachineModel functionName="{function}" {attributes}>'
        f"{schema('x', 'z', 'colour', target=target)}{output}{kernel}<VectorDictionary><VectorFields>{fields}"
        f"</VectorFields>{vectors}</VectorDictionary>{machines}</SupportVectorMachineModel>",
        X + Z + COLOUR + Y + CLASSES,
    )


def classes(machines: str, attributes: str = "", output: str = "") -> bytes:
    return model(machines, attributes, function="classification", target="kind", output=output)


@pytest.mark.parametrize(
    ("kernel", "first", "second"),
    [
        (LINEAR, 11.0, -3.0),
        ("<PolynomialKernelType/>", 12.0, -2.0),
        ('<PolynomialKernelType gamma="0.5" coef0="2" degree="3"/>', 7.5**3, 0.5**3),
        ("<RadialBasisKernelType/>", math.exp(-8), math.exp(-32)),
        ('<RadialBasisKernelType gamma="0.1"/>', math.exp(-0.8), math.exp(-3.2)),
        ("<SigmoidKernelType/>", math.tanh(12), math.tanh(-2)),
        ('<SigmoidKernelType gamma="0.1" coef0="-1"/>', math.tanh(0.1), math.tanh(-1.3)),
    ],
)
@pytest.mark.parametrize("vectors", [DENSE, SPARSE])
def test_a_machine_sums_coefficients_times_kernels(kernel: str, first: float, second: float, vectors: str) -> None:
    content = model(machine(), kernel=kernel, vectors=vectors)
    scored = score(content, x=[3.0, None, 3.0], z=[4.0, 4.0, None])["y"]
    assert [2 * first - 3 * second + 0.5, None, None] == [pytest.approx(scored[0]), *scored[1:]]


def test_many_records_are_scored_as_each_alone() -> None:
    content = model(machine(), kernel="<RadialBasisKernelType/>")
    xs = [place / 7000 for place in range(20_000)]
    scored = score(content, x=xs, z=[0.0] * len(xs))["y"]
    picked = [0, 16_383, 16_384, 19_999]
    assert [scored[place] for place in picked] == [score(content, x=[xs[place]], z=[0.0])["y"][0] for place in picked]


def test_a_sparse_vector_has_its_default_value_where_it_says_nothing() -> None:
    vectors = SPARSE.replace('n="2"', 'n="2" defaultValue="9"').replace("2 1", "2", 1).replace("2 1", "2")
    content = model(machine(names="v", values="1", absolute=0), vectors=vectors)
    assert [9 * 1.0 + 2 * 10.0] == score(content, x=[1.0], z=[10.0])["y"]


def test_a_category_counts_as_its_coefficient() -> None:
    fields = '<FieldRef field="x" mapMissingTo="5"/><CategoricalPredictor name="colour" value="red" coefficient="3"/>'
    content = model(machine(names="v", values="1", absolute=0), fields=fields)
    scored = score(content, x=[1.0, 1.0, 1.0, None], colour=["red", "blue", None, "red"])["y"]
    assert [1 + 2 * 3, 1.0, 1.0, 5 + 2 * 3] == scored


def test_coefficients_may_stand_for_the_fields() -> None:
    machines = '<SupportVectorMachine><Coefficients absoluteValue="1"><Coefficient value="2"/><Coefficient value="3"/>'
    machines += "</Coefficients></SupportVectorMachine>"
    content = model(machines, 'svmRepresentation="Coefficients"', kernel="", vectors="")
    assert [2 * 3 + 3 * 4 + 1.0, None] == score(content, x=[3.0, None], z=[4.0, 4.0])["y"]


@pytest.mark.parametrize(
    ("attributes", "own", "expected"),
    [
        ("", "", ["b", "b", "a"]),
        ('maxWins="true"', "", ["a", "b", "b"]),
        ('threshold="2"', "", ["b", "a", "a"]),
        ('threshold="-9"', 'threshold="2"', ["b", "a", "a"]),
    ],
)
def test_one_machine_decides_between_two_classes_by_a_threshold(attributes: str, own: str, expected: list[str]) -> None:
    two = f'targetCategory="a" alternateTargetCategory="b" {own}'
    content = classes(machine(two, "v", "1", 0.0), attributes)
    assert expected == score(content, x=[3.0, 0.0, -3.0], z=[0.0] * 3)["kind"]


def test_up_to_pmml_4_0_the_model_names_the_other_class() -> None:
    content = classes(machine('targetCategory="a"', "v", "1", 0.0), 'alternateBinaryTargetCategory="c"')
    assert ["c", "a"] == score(content, x=[3.0, -3.0], z=[0.0, 0.0])["kind"]
    two = classes(machine('targetCategory="a"', "v", "1", 0.0)).replace(b'<Value value="c"/>', b"")
    assert ["b", "a"] == score(two, x=[3.0, -3.0], z=[0.0, 0.0])["kind"]


RIVALS = constant('targetCategory="a"', 1) + constant('targetCategory="b"', -1) + constant('targetCategory="c"', 3)


def test_of_a_machine_a_class_the_least_value_wins_or_the_greatest() -> None:
    output = (
        '<Output><OutputField name="best" feature="affinity"/><OutputField name="of_a" feature="affinity" value="a"/>'
        '<OutputField name="second" feature="entityId" rank="2"/>'
        '<OutputField name="p" feature="probability" value="a"/></Output>'
    )
    rows: dict[str, list[object]] = {"x": [1.0, None], "z": [1.0, 1.0]}
    scored = score(classes(RIVALS, output=output), **rows)
    assert {
        "kind": ["b", None], "best": [-1.0, None], "of_a": [1.0, None], "second": ["a", None], "p": [None, None]
    } == scored  # fmt: skip
    assert ["c", None] == score(classes(RIVALS, 'maxWins="true" classificationMethod="OneAgainstAll"'), **rows)["kind"]


def pair(target: str, alternate: str, value: float) -> str:
    return constant(f'targetCategory="{target}" alternateTargetCategory="{alternate}"', value)


@pytest.mark.parametrize("attributes", ['classificationMethod="OneAgainstOne"', ""])
def test_pairs_vote_and_of_equals_the_first_wins(attributes: str) -> None:
    row: dict[str, list[object]] = {"x": [1.0, None], "z": [1.0, 1.0]}
    machines = pair("a", "b", 1) + pair("a", "c", 1) + pair("b", "c", 1)
    output = '<Output><OutputField name="votes" feature="affinity" value="c"/></Output>'
    assert {"kind": ["c", None], "votes": [2.0, None]} == score(classes(machines, attributes, output), **row)
    cycle = pair("b", "c", -1) + pair("a", "b", -1) + pair("a", "c", 1)
    assert ["a", None] == score(classes(cycle, attributes), **row)["kind"]


def test_single_precision_is_kept_where_the_model_asks_for_it() -> None:
    machines = machine(names="v", values="1", absolute=16777216)
    assert [16777217.0] == score(model(machines), x=[1.0], z=[0.0])["y"]
    assert [16777216.0] == score(model(machines, 'x-mathContext="float"'), x=[1.0], z=[0.0])["y"]


TWO_FIELDS = 'svmRepresentation="Coefficients"'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (model(""), "it holds no SupportVectorMachine"),
        (model(machine(), kernel=""), "it holds no kernel; those are LinearKernelType, Poly"),
        (model(machine(), fields=""), "for 0 fields"),
        (model(machine(), fields="", vectors=""), "its VectorFields are empty"),
        (model(machine(), fields='<FieldRef field="q"/>' * 2), "there is no field 'q'"),
        (model(machine(), fields='<FieldRef field="colour"/>' * 2), "the field 'colour' holds text"),
        (model(machine(), fields="<Constant>1</Constant>" * 2), "hold FieldRef and CategoricalPredictor only"),
        (model(machine(), vectors=DENSE.replace("1 2", "1 2 3")), "VectorInstance, line 1: it holds 3 values for 2"),
        (model(machine(), vectors=SPARSE.replace('n="2"', 'n="3"')), "it holds 3 values for 2 fields"),
        (model(machine(), vectors=SPARSE.replace("2 1", "3 1", 1)), "an index lies outside 1 to 2"),
        (model(machine(), vectors=SPARSE.replace("2 1", "0 1", 1)), "an index is no count from 1"),
        (model(machine(), vectors=SPARSE.replace("2 1", "nan 1", 1)), "an index is no count from 1"),
        (model(machine(), vectors=SPARSE.replace("2 1", "2", 1)), "it holds 1 indices and 2 entries"),
        (model(machine(), vectors='<VectorInstance id="v"/>'), "neither an Array nor a REAL-SparseArray"),
        (model(machine(), vectors=DENSE.replace('"w"', '"v"')), "the vector 'v' is given twice"),
        (model(machine(names="v u")), "SupportVectors, line 1: there is no vector 'u'"),
        (model(machine(values="2")), "it holds 1 coefficients for 2 support vectors"),
        (model(machine(values="2 3 4"), TWO_FIELDS), "it holds 3 coefficients for 2 fields"),
        (model(machine(), 'svmRepresentation="Lists"'), "svmRepresentation='Lists' is none of"),
        (model(machine() * 2), "a regression has one SupportVectorMachine, not 2"),
        (classes(machine()), "the attribute 'targetCategory' is missing"),
        (classes(machine('targetCategory="a"')), "the attribute 'alternateTargetCategory' is missing"),
        (classes(RIVALS, 'classificationMethod="OneAgainstOne"'), "'alternateTargetCategory' is missing"),
        (classes(RIVALS, 'classificationMethod="Duel"'), "classificationMethod='Duel' is none of"),
        (classes(RIVALS + constant('targetCategory="a"', 1)), "a class has two machines"),
    ],
)
def test_broken_machines_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)
