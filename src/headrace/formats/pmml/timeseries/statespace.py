"""StateSpaceModel, and an ARIMA model that carries its Kalman state. Standard: "Time Series Models", PMML 4.4.

The state vector is that of the first step. With the transition matrix T, the measurement matrix Z and the intercepts
c (of the state) and d (of the observation): y(h) = Z s(h) + d, and s(h + 1) = T s(h) + c. The variance of a forecast
is that of Z P(h) Z' + H, where P(1) is the predicted state covariance, P(h + 1) = T P(h) T' + Q with the selected
state covariance Q, and H is the observation variance; all of it times the attribute ``variance``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.matrices import read_matrix
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.timeseries.forecast import TRANSFORMATIONS, Forecast, unknown_errors
from headrace.formats.pmml.xml import Element, malformed, unsupported


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """Covariances of the state and variances of the observations."""

    predicted: Floats
    selected: Floats
    observed: Floats
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class StateSpace:
    """A state that moves on linearly, and what is seen of it."""

    state: Floats
    transition: Floats
    measurement: Floats
    drift: Floats
    offset: Floats
    uncertainty: Uncertainty | None
    transformation: str = "none"

    @property
    def targets(self) -> int:
        """How many series the model forecasts."""
        return len(self.measurement)

    def forecast(self, steps: int) -> Forecast:
        """Forecast the first so many steps."""
        values = np.empty((self.targets, steps))
        errors = unknown_errors(values)
        state = self.state
        uncertainty = self.uncertainty
        covariance = None if uncertainty is None else uncertainty.predicted
        for step in range(steps):
            values[:, step] = self.measurement @ state + self.offset
            state = self.transition @ state + self.drift
            if uncertainty is not None and covariance is not None:
                seen = self.measurement @ covariance @ self.measurement.T + uncertainty.observed
                errors[:, step] = np.sqrt(uncertainty.scale * np.diagonal(seen))
                covariance = self.transition @ covariance @ self.transition.T + uncertainty.selected
        return Forecast(values, errors)


def compile_state_space(element: Element) -> StateSpace:
    """Compile a StateSpaceModel."""
    if element.find("DynamicRegressor") is not None:
        raise unsupported(element, "forecasts with a DynamicRegressor are not supported")
    vector = element.find("StateVector") or element.child("FinalStateVector")
    state, transition, measurement = _read_state(element, vector)
    drift, offset = np.zeros(len(state)), np.full(len(measurement), element.number("intercept", 0.0))
    for child in element.find_all("InterceptVector"):
        intercept = array_numbers(child.child("Array"))
        kind = child.choice("type", frozenset({"state", "observation"}), "state")
        wanted = len(state) if kind == "state" else len(measurement)
        if len(intercept) != wanted:
            raise malformed(child, f"the {kind} has {wanted} elements, the vector {len(intercept)}")
        if kind == "state":
            drift = intercept
        else:
            offset = intercept
    return StateSpace(state, transition, measurement, drift, offset, _read_uncertainty(element, state, measurement))


def compile_kalman(element: Element) -> StateSpace:
    """Compile an ARIMA element that is predicted by exact least squares, from the Kalman state that it carries.

    The standard leaves open how the state follows from the coefficients; so the state's own matrices must be there, as
    R's pmml package writes them.
    """
    state = element.child("MaximumLikelihoodStat").find("KalmanState")
    if state is None or state.find("TransitionMatrix") is None or state.find("MeasurementMatrix") is None:
        raise unsupported(
            element, "exactLeastSquares is supported with a KalmanState that has TransitionMatrix and MeasurementMatrix"
        )
    vector, transition, measurement = _read_state(state, state.child("FinalStateVector"))
    offset = np.full(len(measurement), element.number("constantTerm", 0.0))
    transformation = element.choice("transformation", TRANSFORMATIONS, "none")
    return StateSpace(vector, transition, measurement, np.zeros(len(vector)), offset, None, transformation)


def _read_state(element: Element, vector: Element) -> tuple[Floats, Floats, Floats]:
    state = array_numbers(vector.child("Array"))
    transition = read_matrix(element.child("TransitionMatrix").child("Matrix"))
    measurement = read_matrix(element.child("MeasurementMatrix").child("Matrix"))
    size = len(state)
    if transition.shape != (size, size):
        raise malformed(element, f"a state of {size} elements, and a transition matrix of {_show(transition)}")
    if measurement.shape[1] != size:
        raise malformed(element, f"a state of {size} elements, and a measurement matrix of {_show(measurement)}")
    return state, transition, measurement


def _read_uncertainty(element: Element, state: Floats, measurement: Floats) -> Uncertainty | None:
    predicted = _read_square(element, "PredictedStateCovarianceMatrix", len(state))
    selected = _read_square(element, "SelectedStateCovarianceMatrix", len(state))
    observed = _read_square(element, "ObservationVarianceMatrix", len(measurement))
    if predicted is None or selected is None:
        return None
    if observed is None:
        observed = np.eye(len(measurement)) * element.number("observationVariance", 0.0)
    return Uncertainty(predicted, selected, observed, element.number("variance", 1.0))


def _read_square(element: Element, tag: str, size: int) -> Floats | None:
    child = element.find(tag)
    if child is None:
        return None
    matrix = read_matrix(child.child("Matrix"))
    if matrix.shape != (size, size):
        raise malformed(child, f"the matrix is of {_show(matrix)}, and must be of {size} rows and columns")
    return matrix


def _show(matrix: Floats) -> str:
    return f"{matrix.shape[0]} rows and {matrix.shape[1]} columns"
