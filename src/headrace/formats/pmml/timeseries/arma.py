"""ARIMA by conditional least squares, and the mean and variance of GARCH. Standard: "Time Series Models", PMML 4.4.

phi(B) Phi(B^s) ((1 - B)^d (1 - B^s)^D y(t) - c) = theta(B) Theta(B^s) a(t), where phi(B) = 1 - phi1 B - ..., and
theta(B) = 1 + theta1 B + ..., c is the constant term. The signs of theta and the place of c are what R's pmml package
and Nyoka write, who take both as R and statsmodels do. Residuals are the last ones, the oldest first; those to come
are 0. The error of step h is RMSE times the root of the sum of the first h squared psi weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.timeseries.forecast import TRANSFORMATIONS, Forecast
from headrace.formats.pmml.timeseries.series import Series
from headrace.formats.pmml.xml import Element, malformed

MAX_PERIOD = 100_000
MAX_DIFFERENCES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Recursion:
    """y(t) = constant + sum of ``past`` times earlier values + sum of ``noise`` times earlier residuals + a(t)."""

    constant: float
    past: Floats
    noise: Floats

    def run(self, values: Floats, residuals: Floats, steps: int) -> Floats:
        """Forecast so many steps after the values."""
        count, lags, noises = len(values), len(self.past), len(self.noise)
        known = np.concatenate([values, np.zeros(steps)])
        shocks = np.concatenate([np.zeros(noises), residuals, np.zeros(steps)])
        end = noises + len(residuals)
        for step in range(steps):
            earlier = known[count + step - lags : count + step][::-1]
            shock = shocks[end + step - noises : end + step][::-1]
            known[count + step] = self.constant + self.past @ earlier + self.noise @ shock
        return known[count:]

    def weigh(self, steps: int) -> Floats:
        """Return the psi weights of the first so many steps."""
        weights = np.zeros(steps)
        for step in range(steps):
            reach = min(step, len(self.past))
            weights[step] = self.past[:reach] @ weights[step - reach : step][::-1]
            if step == 0:
                weights[step] = 1.0
            elif step <= len(self.noise):
                weights[step] += self.noise[step - 1]
        return weights


class Arima:
    """A fitted ARIMA model and the series that it goes on from."""

    targets = 1

    def __init__(self, element: Element, series: Series) -> None:
        self.transformation = element.choice("transformation", TRANSFORMATIONS, "none")
        self._error = element.number("RMSE", np.nan)
        autoregression, differences, moving = np.ones(1), np.ones(1), np.ones(1)
        residuals = np.empty(0)
        for tag, names in (("NonseasonalComponent", "pdq"), ("SeasonalComponent", "PDQ")):
            part = element.find(tag)
            if part is None:
                continue
            period = part.integer("period") if tag == "SeasonalComponent" else 1
            if not 1 <= period <= MAX_PERIOD:
                raise malformed(part, f"period={period} is no number of seasons from 1 to {MAX_PERIOD:,}")
            past, noise, found = read_component(part, names[0], names[2])
            autoregression = np.convolve(autoregression, spread(-past, period))
            moving = np.convolve(moving, spread(noise, period))
            order = part.integer(names[1], 0)
            if not 0 <= order <= MAX_DIFFERENCES:
                raise malformed(part, f"{names[1]}={order} is no order of differences from 0 to {MAX_DIFFERENCES}")
            for _ in range(order):
                differences = np.convolve(differences, spread(np.array([-1.0]), period))
            residuals = found if len(found) > len(residuals) else residuals
        full = np.convolve(autoregression, differences)
        constant = element.number("constantTerm", 0.0) * float(autoregression.sum())
        self._recursion = Recursion(constant, -full[1:], moving[1:])
        self._values = TRANSFORMATIONS[self.transformation][0](series.values)
        self._residuals = residuals
        check_history(element, "values in the model's series", len(full) - 1, len(self._values))
        check_history(element, "residuals", len(moving) - 1, len(residuals))

    def forecast(self, steps: int) -> Forecast:
        """Forecast the first so many steps."""
        values = self._recursion.run(self._values, self._residuals, steps)
        errors = self._error * np.sqrt(np.cumsum(self._recursion.weigh(steps) ** 2))
        return Forecast(values[None, :], errors[None, :])


class Garch:
    """A fitted GARCH model: an ARMA process whose residuals have a variance of their own course.

    var(t) = constant + sum of coefficients times earlier squared residuals + sum of coefficients times earlier
    variances; a squared residual to come is its variance.
    """

    targets = 1
    transformation = "none"

    def __init__(self, element: Element, series: Series) -> None:
        mean, variance = element.child("ARMAPart"), element.child("GARCHPart")
        past, noise, residuals = read_component(mean, "p", "q")
        self._mean = Recursion(mean.number("constant", 0.0), past, noise)
        self._values, self._residuals = series.values, residuals
        check_history(mean, "values in the model's series", len(past), len(series.values))
        check_history(mean, "residuals", len(noise), len(residuals))
        self._constant = variance.number("constant", 0.0)
        self._alphas, shocks = read_moving(variance.find("ResidualSquareCoefficients"), "Residuals")
        self._betas, self._variances = read_moving(variance.find("VarianceCoefficients"), "PastVariances")
        check_history(variance, "residuals", len(self._alphas), len(shocks))
        check_history(variance, "past variances", len(self._betas), len(self._variances))
        self._squares = shocks**2

    def forecast(self, steps: int) -> Forecast:
        """Forecast the first so many steps."""
        values = self._mean.run(self._values, self._residuals, steps)
        ahead: list[float] = []
        for _ in range(steps):
            recent = np.concatenate([self._squares, ahead])
            earlier = np.concatenate([self._variances, ahead])
            shocks = self._alphas @ recent[len(recent) - len(self._alphas) :][::-1]
            course = self._betas @ earlier[len(earlier) - len(self._betas) :][::-1]
            ahead.append(float(self._constant + shocks + course))
        squares = self._mean.weigh(steps) ** 2
        variances = np.convolve(np.array(ahead), squares)[:steps]
        return Forecast(values[None, :], np.sqrt(variances)[None, :])


def check_history(element: Element, what: str, wanted: int, found: int) -> None:
    """Refuse a model that holds too little of the past to go on from."""
    if found < wanted:
        raise malformed(element, f"it goes on from {wanted} {what}, and there are {found}")


def spread(coefficients: Floats, period: int) -> Floats:
    """Return the polynomial 1 + c1 B^period + c2 B^(2 period) + ... by its coefficients from B^0 on."""
    polynomial = np.zeros(len(coefficients) * period + 1)
    polynomial[0] = 1.0
    polynomial[period::period] = coefficients
    return polynomial


def read_component(element: Element, p: str, q: str) -> tuple[Floats, Floats, Floats]:
    """Read the coefficients of AR and MA, and the residuals."""
    autoregression = element.find("AR")
    past = np.empty(0) if autoregression is None else array_numbers(autoregression.child("Array"))
    noise, residuals = read_moving(element.find("MA"), "Residuals")
    for name, tag, found in ((p, "AR", past), (q, "MA", noise)):
        if element.integer(name, len(found)) != len(found):
            raise malformed(element, f"{name}={element.get(name)!r}, but {tag} holds {len(found)} coefficients")
    return past, noise, residuals


def read_moving(element: Element | None, history: str) -> tuple[Floats, Floats]:
    """Read MACoefficients and the past values that they go on from."""
    if element is None:
        return np.empty(0), np.empty(0)
    coefficients, past = element.find("MACoefficients"), element.find(history)
    return (
        np.empty(0) if coefficients is None else array_numbers(coefficients.child("Array")),
        np.empty(0) if past is None else array_numbers(past.child("Array")),
    )
