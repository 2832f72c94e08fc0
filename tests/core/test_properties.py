"""The contract of a switch, over generated scenarios and orders of events.

The letters are those of the contract's list:

- (a) permuting arrivals that the contract calls equivalent leaves the output unchanged;
- (b) killing at any step and recovering leaves it unchanged;
- (c) parallelism 1 and N agree;
- (d) the counts add up, and equal a recount of the output;
- (e) no record meets a model that is not ready or is closed;
- (f) rolling back equals never having promoted, outside the promoted interval.

Under ``ordered`` and ``event-time`` the whole output is compared with the oracle's, under ``ready`` its promises are
checked. (d) and (e) are checked in every run: see ``headrace.testing.breaches``. ``HEADRACE_EXAMPLES`` sets how many
examples each property is tried on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.settings import JoinSettings, OrderedBy
from headrace.records import (
    Descriptor,
    Malformed,
    ModelMessage,
    NoModelPolicy,
    Publish,
    Rollback,
    SlotKey,
    SwitchMode,
)
from headrace.testing.breaches import find_breaches, sightings
from headrace.testing.drawing import Plan, draw_rows, make_scenario
from headrace.testing.driver import Run
from headrace.testing.oracle import Fate, Oracle, Place
from headrace.testing.scenario import Row, Scenario, digest_of
from headrace.testing.toymodels import Recipe

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("HEADRACE_EXAMPLES", "40"))
STEPS = 90

READY = Plan(SwitchMode.READY)
ORDERED = Plan(SwitchMode.ORDERED)
ARRIVAL = Plan(SwitchMode.ORDERED, OrderedBy.ARRIVAL)
EVENT_TIME = Plan(SwitchMode.EVENT_TIME)
PLANS = pytest.mark.parametrize(
    "plan", [READY, ORDERED, ARRIVAL, EVENT_TIME], ids=["ready", "ordered", "arrival", "event"]
)

examples = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
randoms = given(st.randoms(use_true_random=False))


@PLANS
@examples
@randoms
def test_a_the_order_of_arrivals_changes_nothing(plan: Plan, random: Random) -> None:
    """(a), with (d) and (e): messages, batches of any size, verdicts and deferrals in any order."""
    scenario = make_scenario(random, plan)
    assert [] == find_breaches(Run(scenario, random).start(1).wander(random.randint(0, STEPS)).drain())


@PLANS
@examples
@randoms
def test_b_a_crash_at_any_step_changes_nothing(plan: Plan, random: Random) -> None:
    """(b), with (d) and (e): the same with crashes, each back to the last commit."""
    scenario = make_scenario(random, plan)
    run = Run(scenario, random).start(1).wander(random.randint(0, STEPS), crashes=True)
    assert [] == find_breaches(run.drain())


@PLANS
@examples
@randoms
def test_c_one_instance_and_several_agree(plan: Plan, random: Random) -> None:
    """(c), with (b), (d) and (e): partitions over several instances, under ``ready`` also moved between them."""
    scenario = make_scenario(random, plan)
    run = Run(scenario, random).start(random.randint(2, 3))
    run.wander(random.randint(0, STEPS), crashes=True, moves=plan.mode is SwitchMode.READY)
    assert [] == find_breaches(run.drain())


@examples
@randoms
def test_c_instances_that_start_cold_agree_where_all_models_have_the_same_outputs(random: Random) -> None:
    """(c): at a cold start the newest candidate of a slot is loaded alone, an older one only if that is rejected."""
    scenario = make_scenario(random, replace(READY, outputs=("y",)))
    run = Run(scenario, random).start(2, cold=True).wander(random.randint(0, STEPS), crashes=True, moves=True)
    assert [] == find_breaches(run.drain())


def spread(rows: list[Row], partitions: int) -> tuple[tuple[Row, ...], ...]:
    """Deal rows over partitions; each keeps their order."""
    return tuple(tuple(rows[first::partitions]) for first in range(partitions))


def by_record(run: Run) -> dict[Place, set[Fate]]:
    """What came out of each record, by the place that it had in one partition."""
    width = len(run.scenario.partitions)
    came: dict[Place, set[Fate]] = {}
    for (partition, index), fate, _ in sightings(run):
        came.setdefault((0, index * width + partition), set()).add(fate)
    return came


@pytest.mark.parametrize("mode", [SwitchMode.ORDERED, SwitchMode.EVENT_TIME])
@examples
@randoms
def test_c_records_in_time_fare_the_same_in_one_partition_and_in_several(mode: SwitchMode, random: Random) -> None:
    """(c): where no record is late, the number of partitions changes nothing either."""
    # Not held: a record that waits for ever would keep others behind it in one partition only.
    plan = Plan(mode, in_order=True, lateness=(10_000,), policies=(NoModelPolicy.SKIP, NoModelPolicy.DEAD_LETTER))
    scenario = make_scenario(random, plan)
    settled = replace(
        scenario.settings, slots={key: each for key, each in scenario.settings.slots.items() if not each.switch}
    )
    rows = [row for row in draw_rows(random, plan) if row.time is not None]
    came = []
    for partitions in (1, random.randint(2, 3)):
        spread_out = replace(scenario, settings=settled, partitions=spread(rows, partitions))
        run = Run(spread_out, random).start(random.randint(1, partitions)).wander(random.randint(0, STEPS)).drain()
        assert [] == find_breaches(run)
        came.append(by_record(run))
    assert came[0] == came[1]


WINE = SlotKey("wine")
A, B = Recipe("plain", "y", 100), Recipe("picky", "z", 200)


def promoted_and_not(random: Random, plan: Plan) -> tuple[Scenario, Scenario, tuple[int, int]]:
    """Draw a stream in which B is promoted over A and rolled back, the same without, and the promoted interval."""
    contents = {digest_of(recipe.content): recipe.content for recipe in (A, B)}
    start, promoted, back = sorted(random.sample(range(20, 60), 3))
    earlier = random.choice((None, start - 10)) if plan.mode is SwitchMode.EVENT_TIME else None
    first = Descriptor("a", "wine", digest=digest_of(A.content), valid_from=earlier)
    second = Descriptor("b", "wine", digest=digest_of(B.content), replaces_signature=True)
    stream = (
        ModelMessage(0, start, Publish(first)),
        ModelMessage(1, promoted, Publish(second)),
        ModelMessage(2, back, Rollback(WINE, digest_of(A.content))),
    )
    never = (stream[0], *(replace(message, command=Malformed("never sent")) for message in stream[1:]))
    partitions = tuple(draw_rows(random, plan) for _ in range(random.randint(1, 2)))
    chosen = JoinSettings(switch=plan.mode, ordered_by=plan.ordered_by, lateness=10_000)
    with_b = Scenario(chosen, stream, partitions, contents)
    return with_b, replace(with_b, messages=never), (promoted, back)


def without_position(fate: Fate) -> Fate:
    """A roll back has a position of its own; all else is as before."""
    return fate if fate.version is None else replace(fate, version=(*fate.version[:3], -1))


@pytest.mark.parametrize("plan", [ORDERED, EVENT_TIME], ids=["ordered", "event"])
@examples
@randoms
def test_f_rolling_back_equals_never_having_promoted(plan: Plan, random: Random) -> None:
    """(f): outside the promoted interval every record has the same outputs, name, version and digest."""
    promoted, never, (begin, end) = promoted_and_not(random, replace(plan, rows=25))
    came = []
    for scenario in (promoted, never):
        run = Run(scenario, random).start(1).wander(random.randint(0, STEPS), crashes=True).drain()
        assert [] == find_breaches(run)
        oracle = Oracle(scenario)
        fates = set()
        for place, fate, _ in sightings(run):
            met = oracle.met(place)
            moment = met.row.time if plan.mode is SwitchMode.EVENT_TIME else met.running
            if moment is not None and not begin <= moment < end:
                fates.add((place, without_position(fate)))
        came.append(fates)
    assert came[1] == came[0]


@examples
@randoms
def test_f_under_ready_a_roll_back_ends_on_what_was_before(random: Random) -> None:
    """(f): under ``ready`` the interval is not promised, its end is: what serves is what never promoting serves."""
    for scenario in promoted_and_not(random, READY)[:2]:
        run = Run(scenario, random).start(2).wander(random.randint(0, STEPS), crashes=True, moves=True).drain()
        assert [] == find_breaches(run)
        for node in run.nodes:
            serving = node.join.models.slots[WINE].serving
            assert serving is not None
            assert ("a", "0", digest_of(A.content)) == (
                serving.version.name,
                serving.version.version,
                serving.version.digest,
            )
