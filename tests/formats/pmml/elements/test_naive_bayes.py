import math

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import COLOUR, LABEL, X, document, load, schema, score


def counts(yes: float | None, no: float | None) -> str:
    pairs = (("yes", yes), ("no", no))
    listed = "".join(f'<TargetValueCount value="{n}" count="{c}"/>' for n, c in pairs if c is not None)
    return f"<TargetValueCounts>{listed}</TargetValueCounts>"


def pair(value: str, yes: float | None, no: float | None) -> str:
    return f'<PairCounts value="{value}">{counts(yes, no)}</PairCounts>'


def bayes_input(field: str, *content: str) -> str:
    return f'<BayesInput fieldName="{field}">{"".join(content)}</BayesInput>'


def statistics(yes: str, no: str) -> str:
    stats = "".join(f'<TargetValueStat value="{n}">{d}</TargetValueStat>' for n, d in (("yes", yes), ("no", no)) if d)
    return f"<TargetValueStats>{stats}</TargetValueStats>"


COLOURS = bayes_input("colour", pair("red", 6, 8), pair("green", 18, 0), pair("blue", 6, None))


def model(
    *inputs: str, threshold: str = 'threshold="0.01"', prior: str = counts(30, 10), function: str = "classification"
) -> bytes:
    return document(
        f'<NaiveBayesModel functionName="{function}" {threshold}>{schema("x", "colour", target="label")}'
        '<Output><OutputField name="p" feature="probability" value="yes"/></Output>'
        f'<BayesInputs>{"".join(inputs)}</BayesInputs><BayesOutput fieldName="label">{prior}</BayesOutput>'
        "</NaiveBayesModel>",
        X + COLOUR.split("<Value")[0] + "</DataField>" + LABEL,
    )


def share(yes: float, no: float) -> float:
    return yes / (yes + no)


def gauss(value: float, mean: float, variance: float) -> float:
    return math.exp(-((value - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def test_a_class_s_likelihood_is_the_product_of_its_shares_of_the_counts() -> None:
    content = model(COLOURS)
    scored = score(content, colour=["red", "green", "blue", None])
    expected = [
        share(30 * 6 / 30, 10 * 8 / 8),
        share(30 * 18 / 30, 10 * 0.01),
        share(30 * 6 / 30, 10 * 0.01),
        share(30, 10),
    ]
    assert expected == pytest.approx(scored["p"])
    assert ["no", "yes", "yes", "yes"] == scored["label"]


def test_a_value_without_counts_says_nothing() -> None:
    assert [0.75] == pytest.approx(score(model(COLOURS, threshold='threshold="0"'), colour=["mauve"])["p"])


def test_a_number_may_be_counted_by_value() -> None:
    content = model(bayes_input("x", pair("2", 1, 3), pair("1.0", 3, 1)))
    assert [share(30 * 1, 10 * 3), share(30 * 3, 10 * 1), 0.75] == pytest.approx(score(content, x=[2.0, 1.0, 3.0])["p"])


def test_a_field_may_be_discretized_for_its_input() -> None:
    derived = (
        '<DerivedField optype="categorical" dataType="string"><Discretize field="x">'
        '<DiscretizeBin binValue="low"><Interval closure="openOpen" rightMargin="0"/></DiscretizeBin>'
        '<DiscretizeBin binValue="high"><Interval closure="closedOpen" leftMargin="0"/></DiscretizeBin>'
        "</Discretize></DerivedField>"
    )
    content = model(bayes_input("x", derived, pair("low", 1, 3), pair("high", 3, 1)))
    assert [share(1, 1), share(9, 1), 0.75] == pytest.approx(score(content, x=[-1.0, 1.0, None])["p"])


GAUSS = statistics('<GaussianDistribution mean="1" variance="4"/>', '<GaussianDistribution mean="3" variance="0.25"/>')


def test_a_continuous_input_counts_by_its_density_but_never_below_the_threshold() -> None:
    scored = score(model(bayes_input("x", GAUSS), COLOURS), x=[2.0, 0.0, None], colour=["red"] * 3)["p"]
    prior, odds = 30 * 6 / 30, 10 * 8 / 8
    assert [
        share(prior * gauss(2, 1, 4), odds * gauss(2, 3, 0.25)),
        share(prior * gauss(0, 1, 4), odds * 0.01),
        share(prior, odds),
    ] == pytest.approx(scored)


def test_within_an_extension_the_threshold_stands_for_a_density_of_zero_only() -> None:
    content = model(f"<Extension>{bayes_input('x', GAUSS)}</Extension>", COLOURS)
    scored = score(content, x=[0.0, -30.0])["p"]
    expected = [
        share(30 * gauss(0, 1, 4), 10 * gauss(0, 3, 0.25)),
        share(30 * gauss(-30, 1, 4), 10 * 0.01),
    ]
    assert expected == pytest.approx(scored)


def test_the_density_may_be_of_other_distributions() -> None:
    poisson = statistics('<PoissonDistribution mean="2"/>', '<UniformDistribution lower="1" upper="5"/>')
    scored = score(model(bayes_input("x", poisson)), x=[3.0, 7.0, -1.0])["p"]
    chance = [math.exp(-2) * 2**n / math.factorial(n) for n in (3, 7)]
    assert [share(3 * chance[0], 0.25), share(3 * max(chance[1], 0.01), 0.01), 0.75] == pytest.approx(scored)
    point = statistics('<GaussianDistribution mean="1" variance="0"/>', "")
    assert [share(30, 10 * 0.01), 0.75] == pytest.approx(score(model(bayes_input("x", point)), x=[1.0, 2.0])["p"])


def test_many_inputs_do_not_run_out_of_small_numbers() -> None:
    inputs = [bayes_input("x", pair("1", 1, 1), pair("0", 1e6, 2e6))] * 200
    assert [share(3 * 2**200, 1)] == pytest.approx(score(model(*inputs), x=[1.0])["p"])


ANY = '<AnyDistribution mean="1" variance="1"/>'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (model(COLOURS, threshold=""), "the attribute 'threshold' is missing"),
        (model(COLOURS, threshold='threshold="-1"'), "the threshold -1.0 is no probability"),
        (model(COLOURS, function="regression"), "it predicts a class"),
        (model(), "it holds no BayesInput"),
        (model(COLOURS, prior=counts(None, None)), "it counts no target value"),
        (model(COLOURS, prior=counts(0, 0)), "it counts no target value"),
        (model(COLOURS, prior=counts(float("inf"), 0)), "it counts no target value"),
        (model(COLOURS, prior=counts(1, None)), "TargetValueCounts, line 1: 'no' is no value of the BayesOutput"),
        (model(bayes_input("q", pair("1", 1, 1))), "there is no field 'q'"),
        (model(bayes_input("x")), "neither PairCounts nor TargetValueStats"),
        (model(bayes_input("x", pair("one", 1, 1))), "'one' is not a value of the double field"),
        (model(bayes_input("x", pair("1", 1, 1), pair("1.0", 1, 1))), "a value has counts twice"),
        (model(bayes_input("x", pair("1", -1, 1))), "a count is below 0"),
        (model(bayes_input("colour", GAUSS)), "the field 'colour' holds text"),
        (model(bayes_input("x", statistics("<Extension/>", ""))), "it holds no distribution"),
        (model(bayes_input("x", GAUSS.replace('"4"', '"-4"'))), "the variance -4.0 is below 0"),
        (model(bayes_input("x", statistics('<PoissonDistribution mean="0"/>', ""))), "the mean 0.0 is not above 0"),
        (model(bayes_input("x", statistics('<UniformDistribution lower="1" upper="1"/>', ""))), "is not below"),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_a_mean_and_a_variance_alone_give_no_density() -> None:
    with pytest.raises(UnsupportedError, match="give no density"):
        load(model(bayes_input("x", statistics(ANY, ANY))))
