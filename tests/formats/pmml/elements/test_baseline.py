import math

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import COLOUR, X, Y, document, load, schema, score


def model(
    distribution: str, attributes: str = 'field="x" testStatistic="zValue"', function: str = "regression"
) -> bytes:
    return document(
        f'<BaselineModel functionName="{function}">{schema("x", "colour", target="y")}'
        f"<TestDistributions {attributes}><Baseline>{distribution}</Baseline></TestDistributions></BaselineModel>",
        X + COLOUR + Y,
    )


GAUSS = '<GaussianDistribution mean="550.2" variance="48.2"/>'


@pytest.mark.parametrize(
    ("distribution", "mean", "variance"),
    [
        (GAUSS, 550.2, 48.2),
        ('<AnyDistribution mean="550.2" variance="48.2"/>', 550.2, 48.2),
        ('<PoissonDistribution mean="4"/>', 4.0, 4.0),
        ('<UniformDistribution lower="1" upper="7"/>', 4.0, 3.0),
    ],
)
def test_a_z_value_is_the_distance_from_the_mean_in_standard_deviations(
    distribution: str, mean: float, variance: float
) -> None:
    scored = score(model(distribution), x=[540.0, None])["y"]
    assert [(540.0 - mean) / math.sqrt(variance), None] == [pytest.approx(scored[0]), scored[1]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (model(GAUSS, 'field="x"'), "the attribute 'testStatistic' is missing"),
        (model(GAUSS, 'testStatistic="zValue"'), "the attribute 'field' is missing"),
        (model(GAUSS, 'field="x" testStatistic="t"'), "testStatistic='t' is none of"),
        (model(GAUSS, 'field="q" testStatistic="zValue"'), "there is no field 'q'"),
        (model(GAUSS, 'field="colour" testStatistic="zValue"'), "the field 'colour' holds text"),
        (model("<CountTable/>"), "it holds no distribution"),
        (model(GAUSS.replace("48.2", "0")), "its variance 0.0 is not above 0"),
        (model(GAUSS, function="classification"), "it gives a number"),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


ALTERNATE = f'{GAUSS}</Baseline><Alternate><GaussianDistribution mean="460.4" variance="39.2"/></Alternate><Baseline>'


def log_odds(value: float) -> float:
    """Of the standard's example: two Gaussian distributions of a congestion score."""
    densities = [
        math.exp(-((value - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        for mean, variance in ((460.4, 39.2), (550.2, 48.2))
    ]
    return math.log(densities[0] / densities[1])


@pytest.mark.parametrize("reset", [0.0, -30.0, 5.0])
def test_a_cusum_adds_up_the_log_odds_and_never_falls_below_the_reset_value(reset: float) -> None:
    content = model(ALTERNATE, f'field="x" testStatistic="CUSUM" resetValue="{reset}"')
    values = [510.0, 504.0, 503.0, None, 505.0, 515.0, 506.0, 500.0]
    expected = []
    total = 0.0
    for value in values:
        if value is not None:
            total = max(reset, total + log_odds(value))
            expected.append(total)
    scored = score(content, x=values)["y"]
    assert scored[3] is None
    assert expected == pytest.approx([*scored[:3], *scored[4:]])


def test_a_value_that_is_impossible_under_both_adds_nothing() -> None:
    both = (
        '<UniformDistribution lower="0" upper="4"/></Baseline><Alternate><UniformDistribution lower="0" upper="2"/>'
        "</Alternate><Baseline>"
    )
    scored = score(model(both, 'field="x" testStatistic="CUSUM"'), x=[1.0, 9.0, 1.0])["y"]
    assert [math.log(2), math.log(2), 2 * math.log(2)] == pytest.approx(scored)


@pytest.mark.parametrize("statistic", ["chiSquareDistribution", "chiSquareIndependence", "scalarProduct"])
def test_statistics_over_a_window_are_not_supported(statistic: str) -> None:
    with pytest.raises(UnsupportedError, match=f"the statistic {statistic} over a window of records"):
        load(model(GAUSS, f'field="x" testStatistic="{statistic}"'))
    with pytest.raises(UnsupportedError, match="zValue over a window"):
        load(model(GAUSS, 'field="x" testStatistic="zValue" windowSize="5"'))


def test_a_cusum_needs_an_alternate() -> None:
    with pytest.raises(ModelFormatError, match="it holds no Alternate"):
        load(model(GAUSS, 'field="x" testStatistic="CUSUM"'))
