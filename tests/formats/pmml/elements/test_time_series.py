from math import exp, sqrt

import pytest

from headrace.abc.model import Shaping
from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import Y, document, load, score

H = '<DataField name="h" optype="continuous" dataType="integer"/>'
BOUNDS = (
    '<OutputField name="error" feature="standardError"/>'
    '<OutputField name="low" feature="confidenceIntervalLower" value="80"/>'
    '<OutputField name="high" feature="confidenceIntervalUpper" value="80"/>'
)
Z80 = 1.2815515655446004


def series(*values: float, field: str = "") -> str:
    points = "".join(f'<TimeValue index="{index}" value="{value}"/>' for index, value in enumerate(values, start=1))
    return f'<TimeSeries usage="original"{field}>{points}</TimeSeries>'


def array(tag: str, *values: float) -> str:
    return f'<{tag}><Array type="real">{" ".join(map(str, values))}</Array></{tag}>'


def matrix(tag: str, *rows: tuple[float, ...]) -> str:
    arrays = "".join(f'<Array type="real">{" ".join(map(str, row))}</Array>' for row in rows)
    return f'<{tag}><Matrix nbRows="{len(rows)}" nbCols="{len(rows[0])}">{arrays}</Matrix></{tag}>'


def time_series(
    algorithm: str,
    content: str,
    output: str = "",
    mining: str = '<MiningField name="h" usageType="supplementary"/><MiningField name="y" usageType="target"/>',
    fields: str = Y + H,
) -> bytes:
    return document(
        f'<TimeSeriesModel functionName="timeSeries" bestFit="{algorithm}"><MiningSchema>{mining}</MiningSchema>'
        f"<Output>{output}</Output>{content}</TimeSeriesModel>",
        fields,
    )


def smoothing(trend: str = "", season: str = "", attributes: str = "") -> bytes:
    level = '<Level alpha="0.3" smoothedValue="10"/>'
    content = f"<ExponentialSmoothing {attributes}>{level}{trend}{season}</ExponentialSmoothing>"
    return time_series("ExponentialSmoothing", content)


@pytest.mark.parametrize(
    ("trend", "expected"),
    [
        ("", [10.0, 10.0, 10.0]),
        ('<Trend_ExpoSmooth smoothedValue="2"/>', [12.0, 14.0, 16.0]),
        ('<Trend_ExpoSmooth trend="damped_additive" phi="0.5" smoothedValue="2"/>', [11.0, 11.5, 11.75]),
        ('<Trend_ExpoSmooth trend="multiplicative" smoothedValue="2"/>', [20.0, 40.0, 80.0]),
        (
            '<Trend_ExpoSmooth trend="damped_multiplicative" phi="0.5" smoothedValue="4"/>',
            [20.0, 10 * 4**0.75, 10 * 4**0.875],
        ),
    ],
)
def test_smoothing_goes_on_along_its_trend(trend: str, expected: list[float]) -> None:
    assert score(smoothing(trend), h=[1, 2, 3])["y"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("attributes", "seasons", "expected"),
    [
        ('type="additive"', "1 2 -3", [13.0, 16.0, 13.0, 19.0]),
        ('type="additive" phase="2"', "1 2 -3", [9.0, 15.0, 18.0, 15.0]),
        ('type="multiplicative"', "1 2 0.5", [12.0, 28.0, 8.0, 18.0]),
    ],
)
def test_seasons_follow_one_another(attributes: str, seasons: str, expected: list[float]) -> None:
    season = (
        f'<Seasonality_ExpoSmooth {attributes} period="3"><Array type="real">{seasons}</Array></Seasonality_ExpoSmooth>'
    )
    assert expected == score(smoothing('<Trend_ExpoSmooth smoothedValue="2"/>', season), h=[1, 2, 3, 4])["y"]


@pytest.mark.parametrize(("transformation", "expected"), [("logarithmic", exp(10)), ("squareroot", 100.0)])
def test_a_transformed_series_is_turned_back(transformation: str, expected: float) -> None:
    outputs = score(smoothing(attributes=f'transformation="{transformation}"'), h=[1])
    assert outputs["y"] == pytest.approx([expected])


def test_a_record_without_a_step_asks_for_the_first_and_an_unsound_one_for_none() -> None:
    outputs = score(smoothing('<Trend_ExpoSmooth smoothedValue="2"/>'), h=[None, 0, -1, 20_000])
    assert [12.0, None, None, None] == outputs["y"]


def test_a_time_counts_from_the_end_of_the_series() -> None:
    content = time_series(
        "ExponentialSmoothing",
        series(1, 2, 3) + '<ExponentialSmoothing><Level smoothedValue="10"/><Trend_ExpoSmooth smoothedValue="2"/>'
        "</ExponentialSmoothing>",
        mining='<MiningField name="h" usageType="order"/><MiningField name="y" usageType="target"/>',
    )
    assert [12.0, 16.0, None] == score(content, h=[4, 6, 3])["y"]
    assert Shaping() == load(content).shaping


def test_a_table_counts_steps_up() -> None:
    assert Shaping(count_up="h") == load(smoothing()).shaping


def arima(parts: str, values: tuple[float, ...], attributes: str = 'RMSE="2"', output: str = BOUNDS) -> bytes:
    return time_series("ARIMA", f"{series(*values)}<ARIMA {attributes}>{parts}</ARIMA>", output)


def test_an_autoregression_returns_to_its_mean() -> None:
    part = f'<NonseasonalComponent p="1" d="0" q="0">{array("AR", 0.5)}</NonseasonalComponent>'
    outputs = score(arima(part, (8, 14), 'RMSE="2" constantTerm="10"'), h=[1, 2, 3])
    # 10 + 0.5 (14 - 10) and on; the psi weights are 1, 0.5, 0.25
    assert [12.0, 11.0, 10.5] == outputs["y"]
    errors = [2.0, 2 * sqrt(1.25), 2 * sqrt(1.3125)]
    assert outputs["error"] == pytest.approx(errors)
    assert outputs["low"] == pytest.approx([12.0 - Z80 * errors[0], 11.0 - Z80 * errors[1], 10.5 - Z80 * errors[2]])
    assert outputs["high"] == pytest.approx([12.0 + Z80 * errors[0], 11.0 + Z80 * errors[1], 10.5 + Z80 * errors[2]])


def test_a_moving_average_remembers_its_residuals() -> None:
    moving = f"<MA>{array('MACoefficients', 0.5, 0.25)}{array('Residuals', 4, 2)}</MA>"
    part = f'<NonseasonalComponent p="0" d="0" q="2">{moving}</NonseasonalComponent>'
    outputs = score(arima(part, (), 'constantTerm="1"'), h=[1, 2, 3])
    # the last residual is 2, the one before it 4
    assert [1 + 0.5 * 2 + 0.25 * 4, 1 + 0.25 * 2, 1.0] == outputs["y"]
    assert [None, None, None] == outputs["error"]


def test_differences_are_summed_up() -> None:
    moving = f"<MA>{array('MACoefficients', -0.5)}{array('Residuals', 4)}</MA>"
    part = f'<NonseasonalComponent p="0" d="1" q="1">{moving}</NonseasonalComponent>'
    assert [8.0, 8.0] == score(arima(part, (3, 10)), h=[1, 2])["y"]


def test_second_differences_go_on_in_a_line() -> None:
    assert [19.0, 23.0] == score(arima('<NonseasonalComponent p="0" d="2" q="0"/>', (11, 15)), h=[1, 2])["y"]


def test_seasonal_parts_look_back_a_period() -> None:
    # y(t) = y(t - 4) + 0.5 (y(t - 1) - y(t - 5))
    parts = (
        f'<NonseasonalComponent p="1" d="0" q="0">{array("AR", 0.5)}</NonseasonalComponent>'
        '<SeasonalComponent P="0" D="1" Q="0" period="4"/>'
    )
    outputs = score(arima(parts, (1, 2, 3, 4, 5)), h=[1, 2])
    assert [2 + 0.5 * (5 - 1), 3 + 0.5 * (4 - 2)] == outputs["y"]


def test_seasonal_moving_averages_multiply() -> None:
    # theta(B) = (1 + 0.5 B)(1 + 0.2 B^2) over the residuals 1 2 3
    moving = f"<MA>{array('MACoefficients', 0.5)}{array('Residuals', 3)}</MA>"
    seasonal = f"<MA>{array('MACoefficients', 0.2)}{array('Residuals', 1, 2, 3)}</MA>"
    parts = (
        f'<NonseasonalComponent p="0" d="0" q="1">{moving}</NonseasonalComponent>'
        f'<SeasonalComponent P="0" D="0" Q="1" period="2">{seasonal}</SeasonalComponent>'
    )
    assert score(arima(parts, ()), h=[1])["y"] == pytest.approx([0.5 * 3 + 0.2 * 2 + 0.1 * 1])


def test_a_logarithmic_series_is_forecast_in_logarithms() -> None:
    part = '<NonseasonalComponent p="0" d="1" q="0"/>'
    outputs = score(arima(part, (20,), 'RMSE="0.1" transformation="logarithmic"'), h=[1])
    assert outputs["y"] == pytest.approx([20.0])
    assert outputs["high"] == pytest.approx([20.0 * exp(Z80 * 0.1)])


def test_exact_least_squares_go_on_from_a_kalman_state() -> None:
    state = (
        '<MaximumLikelihoodStat method="kalman"><KalmanState>'
        + matrix("FinalOmega", (0.0,))
        + array("FinalStateVector", 4, 1)
        + matrix("TransitionMatrix", (0.5, 1), (0, 0))
        + matrix("MeasurementMatrix", (1, 0))
        + "</KalmanState></MaximumLikelihoodStat>"
    )
    content = arima(state, (), 'predictionMethod="exactLeastSquares" constantTerm="10"')
    assert [14.0, 13.0, 11.5] == score(content, h=[1, 2, 3])["y"]


STATE = array("StateVector", 4, 1) + matrix("TransitionMatrix", (0.5, 1), (0, 0)) + matrix("MeasurementMatrix", (1, 0))
COVARIANCES = (
    matrix("PredictedStateCovarianceMatrix", (2, 0), (0, 0))
    + matrix("SelectedStateCovarianceMatrix", (1, 0), (0, 0))
    + matrix("ObservationVarianceMatrix", (0.5,))
)


@pytest.mark.parametrize(
    ("intercept", "expected"),
    [
        ("", [4.0, 3.0, 1.5]),
        ('<InterceptVector type="observation"><Array type="real">10</Array></InterceptVector>', [14.0, 13.0, 11.5]),
        ('<InterceptVector type="state"><Array type="real">1 0</Array></InterceptVector>', [4.0, 4.0, 3.0]),
    ],
)
def test_a_state_moves_on_and_is_measured(intercept: str, expected: list[float]) -> None:
    content = time_series("StateSpaceModel", f"<StateSpaceModel>{STATE}{intercept}</StateSpaceModel>", BOUNDS)
    outputs = score(content, h=[1, 2, 3])
    assert (expected, [None] * 3) == (outputs["y"], outputs["error"])


def test_the_variance_of_the_state_moves_on_as_well() -> None:
    content = time_series(
        "StateSpaceModel", f'<StateSpaceModel variance="4">{STATE}{COVARIANCES}</StateSpaceModel>', BOUNDS
    )
    outputs = score(content, h=[1, 2])
    errors = [2 * sqrt(2 + 0.5), 2 * sqrt(0.25 * 2 + 1 + 0.5)]
    assert outputs["error"] == pytest.approx(errors)
    assert outputs["low"] == pytest.approx([4.0 - Z80 * errors[0], 3.0 - Z80 * errors[1]])


def test_several_series_are_forecast_together() -> None:
    fields = Y + Y.replace('"y"', '"z"') + H
    mining = (
        '<MiningField name="y" usageType="target"/><MiningField name="z" usageType="target"/>'
        '<MiningField name="h" usageType="supplementary"/>'
    )
    state = (
        array("StateVector", 4, 1)
        + matrix("TransitionMatrix", (0.5, 1), (0, 0))
        + matrix("MeasurementMatrix", (1, 0), (1, 1))
    )
    output = '<OutputField name="predicted_z" feature="predictedValue" dataType="double"/>'
    content = time_series("StateSpaceModel", f"<StateSpaceModel>{state}</StateSpaceModel>", output, mining, fields)
    assert {"y": [4.0, 3.0], "z": [5.0, 3.0], "predicted_z": [5.0, 3.0]} == score(content, h=[1, 2])


def test_a_garch_model_forecasts_a_mean_and_its_error() -> None:
    mean = f'<ARMAPart constant="1" p="1" q="0">{array("AR", 0.5)}</ARMAPart>'
    squares = f"{array('Residuals', 3)}{array('MACoefficients', 0.5)}"
    past = f"{array('PastVariances', 4)}{array('MACoefficients', 0.25)}"
    variance = (
        f'<GARCHPart constant="2" gp="1" gq="1"><ResidualSquareCoefficients>{squares}</ResidualSquareCoefficients>'
        f"<VarianceCoefficients>{past}</VarianceCoefficients></GARCHPart>"
    )
    outputs = score(time_series("GARCH", f"{series(6)}<GARCH>{mean}{variance}</GARCH>", BOUNDS), h=[1, 2])
    first = 2 + 0.5 * 9 + 0.25 * 4
    second = 2 + 0.5 * first + 0.25 * first
    assert [4.0, 3.0] == outputs["y"]
    assert outputs["error"] == pytest.approx([sqrt(first), sqrt(second + 0.25 * first)])


AR1 = f'<NonseasonalComponent p="1" d="0" q="0">{array("AR", 0.5)}</NonseasonalComponent>'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (time_series("Luck", ""), "bestFit='Luck' is none of"),
        (time_series("ARIMA", ""), "it holds no ARIMA"),
        (arima(AR1, ()), "it goes on from 1 values in the model's series, and there are 0"),
        (arima(AR1.replace('p="1"', 'p="2"'), (1, 2)), "p='2', but AR holds 1 coefficients"),
        (arima(AR1.replace('q="0"', 'q="1"'), (1, 2)), "q='1', but MA holds 0 coefficients"),
        (arima('<SeasonalComponent P="0" D="1" Q="0" period="1e9"/>', (1,)), "is no number of seasons"),
        (arima('<NonseasonalComponent p="0" d="1e9" q="0"/>', (1,)), "is no order of differences"),
        (arima(AR1, (1,), output=BOUNDS.replace('"80"', '"100"')), "between 0 and 100 percent"),
        (arima(AR1, (1,), 'transformation="cube"'), "transformation='cube' is none of"),
        (smoothing('<Trend_ExpoSmooth trend="up" smoothedValue="1"/>'), "trend='up' is none of"),
        (
            smoothing(
                season='<Seasonality_ExpoSmooth type="additive" period="2"><Array type="real">1</Array>'
                "</Seasonality_ExpoSmooth>"
            ),
            "period='2', but it holds 1 seasons",
        ),
        (
            time_series("StateSpaceModel", f"<StateSpaceModel>{STATE.replace('4 1', '4')}</StateSpaceModel>"),
            "a state of 1 elements, and a transition matrix of 2 rows",
        ),
        (
            time_series("StateSpaceModel", f"<StateSpaceModel>{STATE}{array('InterceptVector', 1)}</StateSpaceModel>"),
            "the state has 2 elements, the vector 1",
        ),
        (
            time_series(
                "StateSpaceModel",
                f"<StateSpaceModel>{STATE}</StateSpaceModel>",
                mining='<MiningField name="h" usageType="target"/><MiningField name="y" usageType="target"/>',
            ),
            "it forecasts 1 series, and the MiningSchema has 2 targets",
        ),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (time_series("SpectralAnalysis", "<SpectralAnalysis/>"), "leaves SpectralAnalysis without content"),
        (time_series("SeasonalTrendDecomposition", ""), "leaves SeasonalTrendDecomposition without content"),
        (smoothing('<Trend_ExpoSmooth trend="polynomial_exponential"/>'), "gives no formula"),
        (arima(f"{AR1}<DynamicRegressor/>", (1,)), "DynamicRegressor"),
        (arima(AR1 + "<MaximumLikelihoodStat/>", (1,), 'predictionMethod="exactLeastSquares"'), "KalmanState"),
    ],
)
def test_what_the_standard_leaves_open_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnsupportedError, match=problem):
        load(content)
