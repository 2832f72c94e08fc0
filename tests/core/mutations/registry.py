"""The list of defects, each with the scenarios that have to find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.core.settings import OrderedBy
from headrace.records import NoModelPolicy, SwitchMode
from headrace.testing.drawing import Plan

READY = Plan(SwitchMode.READY)
ORDERED = Plan(SwitchMode.ORDERED)
ARRIVAL = Plan(SwitchMode.ORDERED, OrderedBy.ARRIVAL)
EVENT_TIME = Plan(SwitchMode.EVENT_TIME)
LATE = Plan(SwitchMode.EVENT_TIME, lateness=(4, 15), policies=(NoModelPolicy.SKIP,))
HOLDING = Plan(SwitchMode.EVENT_TIME, policies=(NoModelPolicy.HOLD,))

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]
MUTATIONS: dict[str, tuple[Plan, Mutation, int]] = {}


def mutation(plan: Plan, seed: int) -> Callable[[Mutation], Mutation]:
    """Register a defect, and the scenarios that have to find it; the one of ``seed``, when last tried, did."""

    def register(mutate: Mutation) -> Mutation:
        MUTATIONS[mutate.__name__] = (plan, mutate, seed)
        return mutate

    return register
