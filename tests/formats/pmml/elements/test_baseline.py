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


@pytest.mark.parametrize("statistic", ["CUSUM", "chiSquareDistribution", "chiSquareIndependence", "scalarProduct"])
def test_statistics_over_several_records_are_not_supported(statistic: str) -> None:
    with pytest.raises(UnsupportedError, match=f"the statistic {statistic} over several records"):
        load(model(GAUSS, f'field="x" testStatistic="{statistic}"'))
    with pytest.raises(UnsupportedError, match="zValue over several records"):
        load(model(GAUSS, 'field="x" testStatistic="zValue" windowSize="5"'))
