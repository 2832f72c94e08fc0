import math
from statistics import NormalDist

import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, LABEL, X, Y, document, load, schema, score

LINEAR = '<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>'


def regression(tables: str, attributes: str = "") -> bytes:
    return document(
        f'<RegressionModel functionName="regression" {attributes}>{schema("x", "colour", target="y")}{tables}'
        "</RegressionModel>",
        X + COLOUR + Y,
    )


def classification(method: str, *intercepts: float, optype: str = "categorical") -> bytes:
    labels = ["a", "b", "c"][: len(intercepts)]
    tables = "".join(
        f'<RegressionTable intercept="{intercept}" targetCategory="{label}">'
        '<NumericPredictor name="x" coefficient="0"/></RegressionTable>'
        for intercept, label in zip(intercepts, labels, strict=True)
    )
    values = "".join(f'<Value value="{label}"/>' for label in labels)
    output = "".join(f'<OutputField name="{label}" feature="probability" value="{label}"/>' for label in labels)
    return document(
        f'<RegressionModel functionName="classification" normalizationMethod="{method}">{schema("x", target="label")}'
        f"<Output>{output}</Output>{tables}</RegressionModel>",
        X + f'<DataField name="label" optype="{optype}" dataType="string">{values}</DataField>',
    )


def probabilities(method: str, *intercepts: float, optype: str = "categorical") -> list[object]:
    outputs = score(classification(method, *intercepts, optype=optype), x=[0.0])
    return [values[0] for name, values in outputs.items() if name != "label"]


def logit(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_predictors_add_up() -> None:
    tables = (
        '<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2" exponent="2"/>'
        '<CategoricalPredictor name="colour" value="red" coefficient="10"/>'
        '<CategoricalPredictor name="colour" value="blue" coefficient="20"/>'
        '<PredictorTerm coefficient="3"><FieldRef field="x"/><FieldRef field="x"/></PredictorTerm></RegressionTable>'
    )
    outputs = score(regression(tables), x=[2.0, 2.0, 2.0, 2.0, None], colour=["red", "blue", "green", None, "red"])
    assert [31.0, 41.0, 21.0, 21.0, None] == outputs["y"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", 1.0),
        ("softmax", logit(1)),
        ("logit", logit(1)),
        ("exp", math.e),
        ("probit", NormalDist().cdf(1)),
        ("cloglog", 1 - math.exp(-math.e)),
        ("loglog", math.exp(-math.exp(-1))),
        ("cauchit", 0.75),
    ],
)
def test_a_number_passes_the_inverse_link(method: str, expected: float) -> None:
    outputs = score(regression(LINEAR, f'normalizationMethod="{method}"'), x=[0.0])
    assert outputs["y"] == pytest.approx([expected])


def test_two_classes_share_what_the_link_of_the_first_gives() -> None:
    assert [logit(2), 1 - logit(2)] == pytest.approx(probabilities("logit", 2.0, 0.0))
    assert [0.3, 0.7] == pytest.approx(probabilities("none", 0.3, 0.0))


def test_several_classes_are_normalized() -> None:
    total = math.e + math.e**2 + 1
    assert [math.e / total, math.e**2 / total, 1 / total] == pytest.approx(probabilities("softmax", 1.0, 2.0, 0.0))
    assert [0.25, 0.5, 0.25] == pytest.approx(probabilities("simplemax", 1.0, 2.0, 1.0))
    total = logit(1) + logit(2) + logit(0)
    assert [logit(1) / total, logit(2) / total, logit(0) / total] == pytest.approx(
        probabilities("logit", 1.0, 2.0, 0.0)
    )
    assert [0.2, 0.3, 0.5] == pytest.approx(probabilities("none", 0.2, 0.3, 0.0))


def test_an_ordinal_target_s_values_are_cumulative() -> None:
    expected = [logit(-1), logit(1) - logit(-1), 1 - logit(1)]
    assert expected == pytest.approx(probabilities("logit", -1.0, 1.0, 0.0, optype="ordinal"))


def test_the_most_probable_class_is_predicted_and_a_missing_number_predicts_none() -> None:
    outputs = score(classification("softmax", 1.0, 2.0, 0.0), x=[0.0, None])
    assert (["b", None], None) == (outputs["label"], outputs["a"][1])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (regression(""), "it holds no RegressionTable"),
        (regression(LINEAR + LINEAR), "a regression has one RegressionTable, not 2"),
        (regression(LINEAR.replace('"x"', '"colour"')), "NumericPredictor, line 1: the field 'colour' holds text"),
        (regression(LINEAR.replace(' coefficient="2"', "")), "the attribute 'coefficient' is missing"),
        (regression(LINEAR, 'normalizationMethod="simplemax"'), "is for classification"),
        (regression(LINEAR, 'normalizationMethod="magic"'), "normalizationMethod='magic' is none of"),
        (classification("logit", 1.0), "two or more classes"),
    ],
)
def test_broken_regressions_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_single_precision_is_kept_where_the_model_asks_for_it() -> None:
    table = '<RegressionTable intercept="16777216"><NumericPredictor name="x" coefficient="1"/></RegressionTable>'
    assert [16777216.0] == score(regression(table, 'x-mathContext="float"'), x=[1.0])["y"]
    assert [16777217.0] == score(regression(table), x=[1.0])["y"]


def test_labels_are_put_out_in_the_target_s_type() -> None:
    model = classification("softmax", 1.0, 2.0).replace(b'"a"', b'"1"').replace(b'"b"', b'"0"')
    typed = model.replace(LABEL.encode(), b"").replace(
        b'name="label" optype="categorical" dataType="string"', b'name="label" optype="categorical" dataType="integer"'
    )
    assert [0] == score(typed, x=[1.0])["label"]
