"""Defects put into the core on purpose: each has to be found by the scenarios that the properties are tested on.

A mutation that no scenario finds is a hole in the property tests, to be closed there.
"""

from __future__ import annotations

from random import Random

import pytest

from headrace.records import SwitchMode
from headrace.testing.breaches import find_breaches
from headrace.testing.drawing import Plan, make_scenario
from headrace.testing.driver import Run
from tests.core.mutations import by_moment, whenever_ready
from tests.core.mutations.registry import ARRIVAL, EVENT_TIME, MUTATIONS, ORDERED, READY

SEEDS = 600


def is_caught(plan: Plan, seed: int) -> bool:
    """Run one scenario, with crashes and several instances, and look for breaches."""
    random = Random(seed)
    scenario = make_scenario(random, plan)
    try:
        run = Run(scenario, random).start(random.choice((1, 2, 3)))
        run.wander(random.randint(40, 160), crashes=True, moves=plan.mode is SwitchMode.READY).drain()
        return bool(find_breaches(run))
    except Exception:  # noqa: BLE001 a defect may also end in an error
        return True


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_mutation_of_the_core_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, mutate, known = MUTATIONS[name]
    mutate(monkeypatch)
    assert any(is_caught(plan, seed) for seed in (known, *range(SEEDS)))


@pytest.mark.parametrize("plan", [READY, ORDERED, ARRIVAL, EVENT_TIME], ids=["ready", "ordered", "arrival", "event"])
def test_the_core_as_it_is_passes_the_same_scenarios(plan: Plan) -> None:
    assert [] == [seed for seed in range(60) if is_caught(plan, seed)]


def test_every_mutation_is_tried() -> None:
    written = {
        name
        for module in (by_moment, whenever_ready)
        for name, each in vars(module).items()
        if getattr(each, "__module__", "") == module.__name__
    }
    assert written == set(MUTATIONS)
