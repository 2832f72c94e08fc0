"""Sums of products of factors, by eliminating one variable after another.

A factor is an array over its variables, with the rows in front if it differs from row to row. The order of elimination
is chosen at load, always the variable whose removal leaves the smallest factor; a network that would need factors too
large is refused then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.xml import Element, unsupported

MAX_CELLS = 1 << 16
"""The most combinations of values that one factor may have."""
MAX_VARIABLES = 30
"""The most variables that one factor may have: as many axes as an array can safely have beside the rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Values over variables; ``by_row`` tells whether the first axis is the rows."""

    variables: tuple[str, ...]
    values: Floats
    by_row: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of elimination, and the variables that stay."""

    order: tuple[str, ...]
    kept: tuple[str, ...]


def make_plan(element: Element, scopes: list[tuple[str, ...]], sizes: dict[str, int], kept: tuple[str, ...]) -> Plan:
    """Choose the order in which all variables but those kept are eliminated."""
    remaining = [frozenset(scope) for scope in scopes]
    order = []
    pending = {name for scope in remaining for name in scope} - set(kept)
    while pending:
        joined = {name: frozenset().union(*(scope for scope in remaining if name in scope)) for name in pending}
        chosen = min(sorted(pending), key=lambda name: _count(joined[name], sizes))
        if _count(joined[chosen], sizes) > MAX_CELLS or len(joined[chosen]) > MAX_VARIABLES:
            raise unsupported(element, f"summing over {chosen!r} takes too many combinations of values")
        remaining = [scope for scope in remaining if chosen not in scope] + [joined[chosen] - {chosen}]
        order.append(chosen)
        pending.remove(chosen)
    return Plan(tuple(order), kept)


def _count(names: frozenset[str], sizes: dict[str, int]) -> int:
    product = 1
    for name in names:
        product *= sizes[name]
    return product


def eliminate(factors: list[Factor], plan: Plan, rows: int) -> Floats:
    """Return the sum of the factors' product over all variables but those kept, (rows, kept...)."""
    for name in plan.order:
        joined = [factor for factor in factors if name in factor.variables]
        scope = dict.fromkeys(variable for factor in joined for variable in factor.variables)
        kept = tuple(variable for variable in scope if variable != name)
        factors = [factor for factor in factors if name not in factor.variables]
        factors.append(_multiply(joined, kept))
    result = _multiply(factors, plan.kept)
    if result.by_row:
        return result.values
    spread: Floats = np.broadcast_to(result.values, (rows, *result.values.shape)).copy()
    return spread


def _multiply(factors: list[Factor], kept: tuple[str, ...]) -> Factor:
    """Multiply factors and sum over what is not kept, one factor after another."""
    scope = dict.fromkeys([*kept, *(variable for factor in factors for variable in factor.variables)])
    labels = {variable: place + 1 for place, variable in enumerate(scope)}
    by_row = any(factor.by_row for factor in factors)
    operands: list[object] = []
    for factor in factors:
        operands += [factor.values, [*([0] if factor.by_row else []), *(labels[name] for name in factor.variables)]]
    missing = [name for name in kept if all(name not in factor.variables for factor in factors)]
    assert not missing, f"no factor has {missing}"
    output = [*([0] if by_row else []), *(labels[name] for name in kept)]
    values: Floats = np.einsum(*operands, output, optimize=len(factors) > 2)  # type: ignore[call-overload]
    return Factor(kept, values, by_row)
