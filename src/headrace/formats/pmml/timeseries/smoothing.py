"""ExponentialSmoothing. Standard: "Time Series Models", Exponential Smoothing, PMML 4.4.

With the smoothed level L, trend T, damping phi and season S, the forecast of step h is

- additive trend: L + h T; damped: L + (phi + ... + phi^h) T
- multiplicative trend: L T^h; damped: L T^(phi + ... + phi^h)
- then plus S (additive seasonality) or times S (multiplicative)

The season of step h is number ((phase + h - 1) mod period) + 1 of the array: phase is the number of the season in
which the series ends, and without it the array begins with the season that follows.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.timeseries.forecast import TRANSFORMATIONS, Forecast, unknown_errors
from headrace.formats.pmml.xml import Element, malformed, unsupported

TRENDS = frozenset({"additive", "damped_additive", "multiplicative", "damped_multiplicative", "polynomial_exponential"})
SEASONALITIES = frozenset({"additive", "multiplicative"})


class ExponentialSmoothing:
    """The last smoothed values of a series."""

    targets = 1

    def __init__(self, element: Element) -> None:
        self.transformation = element.choice("transformation", TRANSFORMATIONS, "none")
        self._level = element.child("Level").number("smoothedValue")
        self._trend, self._slope, self._damping = "", 0.0, 1.0
        self._seasonality, self._seasons, self._phase = "", np.ones(1), 0
        trend = element.find("Trend_ExpoSmooth")
        if trend is not None:
            self._read_trend(trend)
        season = element.find("Seasonality_ExpoSmooth")
        if season is not None:
            self._read_season(season)

    def forecast(self, steps: int) -> Forecast:
        """Forecast the first so many steps; the standard gives no error."""
        counts = np.arange(1, steps + 1)
        reach = np.cumsum(self._damping ** counts.astype(np.float64))
        values = self._follow_trend(reach)
        if self._seasonality:
            season = self._seasons[(self._phase + counts - 1) % len(self._seasons)]
            values = values + season if self._seasonality == "additive" else values * season
        return Forecast(values[None, :], unknown_errors(values[None, :]))

    def _follow_trend(self, reach: Floats) -> Floats:
        if self._trend.endswith("multiplicative"):
            return np.asarray(self._level * self._slope**reach)
        return self._level + reach * self._slope

    def _read_trend(self, element: Element) -> None:
        self._trend = element.choice("trend", TRENDS, "additive")
        if self._trend == "polynomial_exponential":
            raise unsupported(element, "the standard gives no formula for trend='polynomial_exponential'")
        self._slope = element.number("smoothedValue")
        if self._trend.startswith("damped"):
            self._damping = element.number("phi", 1.0)

    def _read_season(self, element: Element) -> None:
        self._seasonality = element.require("type")
        if self._seasonality not in SEASONALITIES:
            raise malformed(element, f"type={self._seasonality!r} is none of {', '.join(sorted(SEASONALITIES))}")
        self._seasons = array_numbers(element.child("Array"))
        period = element.integer("period")
        if period != len(self._seasons) or period < 1:
            raise malformed(element, f"period={element.get('period')!r}, but it holds {len(self._seasons)} seasons")
        self._phase = element.integer("phase", 0)
