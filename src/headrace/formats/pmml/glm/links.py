"""Link functions: from a linear predictor to a mean or a probability.

Each function is the inverse of its link. Standard: "General Regression", LINK-FUNCTION and CUMULATIVE-LINK-FUNCTION,
PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.expressions.functions.distributions import normal_cdf
from headrace.formats.pmml.xml import Element, malformed

Link = Callable[[Floats], Floats]


def _probit(eta: Floats) -> Floats:
    return normal_cdf(eta.reshape(-1)).reshape(eta.shape)


PLAIN: dict[str, Link] = {
    "cauchit": lambda eta: 0.5 + np.arctan(eta) / np.pi,
    "cloglog": lambda eta: 1.0 - np.exp(-np.exp(eta)),
    "identity": lambda eta: eta,
    "log": np.exp,
    "logc": lambda eta: 1.0 - np.exp(eta),
    "logit": lambda eta: 1.0 / (1.0 + np.exp(-eta)),
    "loglog": lambda eta: np.exp(-np.exp(-eta)),
    "probit": _probit,
}
LINKS = frozenset({*PLAIN, "negbin", "oddspower", "power"})
CUMULATIVE = frozenset({"logit", "probit", "cloglog", "loglog", "cauchit"})


def find_link(element: Element) -> Link:
    """Return the inverse of the link that a model names, with the parameter that it takes."""
    element.require("linkFunction")
    name = element.choice("linkFunction", LINKS, "")
    if name == "negbin":
        return _negative_binomial(_parameter(element, "distParameter", "linkParameter"))
    if name == "power":
        return _power(_parameter(element, "linkParameter"))
    if name == "oddspower":
        return _odds_power(_parameter(element, "linkParameter"))
    return PLAIN[name]


def _parameter(element: Element, *names: str) -> float:
    for name in names:
        if name in element.attributes:
            return element.number(name)
    raise malformed(element, f"linkFunction={element.get('linkFunction')!r} needs the attribute {names[0]!r}")


def _negative_binomial(parameter: float) -> Link:
    return lambda eta: 1.0 / (parameter * (np.exp(-eta) - 1.0))


def _power(exponent: float) -> Link:
    return np.exp if exponent == 0.0 else lambda eta: eta ** (1.0 / exponent)


def _odds_power(exponent: float) -> Link:
    if exponent == 0.0:
        return PLAIN["logit"]
    return lambda eta: 1.0 / (1.0 + (1.0 + exponent * eta) ** (-1.0 / exponent))
