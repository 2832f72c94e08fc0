"""Where a run breaks the contract: one sentence for each breach, and none for a run that keeps it.

The letters are those of the properties that every engine is tested for: the output whatever the order of arrivals,
crashes and number of instances (a, b, c), counts (d), and no model before it is ready or after it is closed (e).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headrace.core.events import Happening
from headrace.core.states import ACCEPTED, TRANSITIONS, State
from headrace.core.statistics import Timing
from headrace.records import NoModelPolicy, Retire, SlotKey, SwitchMode
from headrace.testing.oracle import HELD, NEVER, Fate, Oracle, Place, score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.core.events import Event
    from headrace.testing.driver import Node, Run, Step

Sighting = tuple[Place, Fate, int]


def find_breaches(run: Run) -> list[str]:
    """Give all breaches of a drained run."""
    oracle = Oracle(run.scenario, run.arrived)
    found = [*run.misuses, *_order(run), *_outputs(run, oracle), *_held(run, oracle)]
    for node in run.nodes:
        found += [*_unresolved(node), *_counts(node), *_unaddressed(node, oracle)]
        found += [*_lives(node), *_models(node), *_ready_end(node, oracle)]
    return found + list(_ready_course(run, oracle))


def sightings(run: Run) -> list[Sighting]:
    """Give what came out, and was not taken back, of all instances."""
    return [sighting for node in run.nodes for step in node.steps for sighting in step.fates]


def _left(nodes: list[Node]) -> dict[Place, int]:
    """Count how often each record left."""
    return Counter(
        (partition, index)
        for node in nodes
        for step in node.steps
        for partition, (first, end) in step.left.items()
        for index in range(first, end)
    )


def _outputs(run: Run, oracle: Oracle) -> Iterator[str]:
    """Compare what came out of each record with what had to: properties (a), (b) and (c)."""
    seen: dict[Place, Counter[Fate]] = {}
    for place, fate, _ in sightings(run):
        seen.setdefault(place, Counter())[fate] += 1
    skips: Counter[SlotKey] = Counter()
    for place, times in _left(run.nodes).items():
        if times != 1:
            yield f"record {place} left {times} times"
        expected = oracle.expect(place)
        if expected is None:
            continue
        data_type = run.scenario.partitions[place[0]][place[1]].data_type
        skips.update(fate.slot or SlotKey(data_type) for fate in expected if fate.kind == "skipped")
        shown = Counter(fate for fate in expected if fate.kind != "skipped")
        if seen.get(place, Counter()) != shown:
            yield f"record {place}: came {dict(seen.get(place, {}))}, had to come {dict(shown)}"
    counted: Counter[SlotKey] = Counter()
    for node in run.nodes:
        for step in node.steps:
            counted.update(step.skipped)
    open_types = {key for key in counted if oracle.mode_of(key.data_type) is SwitchMode.READY}
    for key in (set(counted) | set(skips)) - open_types:
        if counted[key] != skips[key]:
            yield f"slot {key} skipped {counted[key]} records, had to skip {skips[key]}"


def _held(run: Run, oracle: Oracle) -> Iterator[str]:
    """Find partitions whose first record that has not left waits for nothing: nobody may starve."""
    for node in run.nodes:
        for partition in node.owned:
            index = run.done(node, partition)
            if index == len(run.scenario.partitions[partition]):
                continue
            expected = oracle.expect((partition, index))
            if expected is None:
                if not _may_wait(oracle, run.scenario.partitions[partition][index].data_type):
                    yield f"record {(partition, index)} waits for no reason"
            elif HELD not in expected:
                yield f"record {(partition, index)} waits, had to come {expected}"


def _unresolved(node: Node) -> Iterator[str]:
    """Find candidates that were left without a verdict."""
    for key, slot in node.join.models.slots.items():
        for candidate in slot.live.values():
            if candidate.unresolved:
                yield f"candidate {candidate.position} of slot {key} is still {candidate.state}"


def _may_wait(oracle: Oracle, data_type: str) -> bool:
    ends = {key: slot.at(NEVER) for key, slot in oracle.slots.items() if key.data_type == data_type}
    active = [key for key, course in ends.items() if course.active]
    holding = [key for key in active or [SlotKey(data_type)] if ends.get(key) is None or ends[key].serving is None]
    return any(oracle.settings.policy(key) is NoModelPolicy.HOLD for key in holding)


def _order(run: Run) -> Iterator[str]:
    """Find results of a slot that left out of the order of their records."""
    for node in run.nodes:
        last: dict[tuple[int, SlotKey | None], int] = {}
        for step in node.steps:
            for (partition, index), fate, _ in step.fates:
                if fate.kind != "scored":
                    continue
                if index <= last.get((partition, fate.slot), -1):
                    yield f"slot {fate.slot} put out record {(partition, index)} after a later one"
                last[partition, fate.slot] = index


def _counts(node: Node) -> Iterator[str]:
    """Compare the counts and statistics with a recount of what came out: property (d)."""
    totals = node.join.totals()
    if not totals.balanced:
        yield f"the counts do not add up: {totals}"
    scored = sum(fate.kind == "scored" for step in node.steps for _, fate, _ in step.fates)
    dead = sum(fate.kind == "dead" for step in node.steps for _, fate, _ in step.fates)
    skipped = sum(sum(step.skipped.values()) for step in node.steps)
    if (totals.scored, totals.dead_lettered, totals.skipped) != (scored, dead, skipped):
        yield f"counted {totals}, came out {scored} scored, {dead} dead letters, {skipped} skipped"
    for step in node.steps:
        yield from _step_counts(step)
    timings: dict[tuple[SlotKey | None, int], Timing] = {}
    for step in node.steps:
        for _, fate, each_ns in step.fates:
            if fate.kind == "scored" and fate.version is not None:
                timings.setdefault((fate.slot, fate.version[3]), Timing()).add(1, each_ns)
    for slot in node.join.models.slots.values():
        for candidate in (*slot.live.values(), *slot.history):
            recount = timings.pop((slot.key, candidate.position), Timing())
            if candidate.statistics.timing != recount or candidate.statistics.records != recount.count:
                yield f"version {candidate.version} counts {candidate.statistics}, came out {recount}"
    if timings:
        yield f"results of versions without statistics: {list(timings)}"


def _unaddressed(node: Node, oracle: Oracle) -> Iterator[str]:
    """Compare the counts of records that addressed no slot with what had to be: part of property (d)."""
    expected = [oracle.expect(place) for place in _left([node])]
    if None in expected:
        return
    kinds = [fate.kind for fates in expected for fate in fates or () if fate.slot is None]
    counted, told = node.join.unaddressed, (len(kinds), kinds.count("dead"), kinds.count("skipped"))
    if (counted.received, counted.dead_lettered, counted.skipped) != told:
        yield f"of records that addressed no slot {counted} are counted, had to be {told}"


def _step_counts(step: Step) -> Iterator[str]:
    rows = sum(end - first for first, end in step.left.values())
    shown = {place for place, _, _ in step.fates}
    if rows - len(shown) > sum(step.skipped.values()):
        yield f"{rows} records left, {len(shown)} came out, {step.skipped} were skipped: some are lost"


def _lives(node: Node) -> Iterator[str]:
    """Find changes that the table does not hold, and candidates skipped without a later one that is ready."""
    modes = {key: slot.mode for key, slot in node.join.models.slots.items()}
    for events in (*node.lives, node.events):
        states: dict[tuple[SlotKey | None, int], State] = {}
        for event in events:
            yield from _event(event, states, modes)


def _event(
    event: Event, states: dict[tuple[SlotKey | None, int], State], modes: dict[SlotKey, SwitchMode]
) -> Iterator[str]:
    identity = (event.slot, event.position)
    if event.kind is Happening.DEFERRED:
        states[identity] = State.RECEIVED
    if not isinstance(event.kind, State):
        return
    before = states.get(identity)
    if before is not None and event.kind not in TRANSITIONS[before]:
        yield f"{identity} went from {before} to {event.kind}"
    states[identity] = event.kind
    if event.kind is State.SKIPPED:
        later = [
            state for (slot, position), state in states.items() if slot == event.slot and position > event.position
        ]
        if event.slot is None or modes.get(event.slot) is not SwitchMode.READY:
            yield f"{identity} was skipped, and its slot skips nothing"
        elif not ACCEPTED.intersection(later):
            yield f"{identity} was skipped, and no later one is staged or serving"


def _models(node: Node) -> Iterator[str]:
    """Find models that are closed and may be met, or may not be met and are open: property (e)."""
    held = {
        id(candidate.model)
        for slot in node.join.models.slots.values()
        for candidate in slot.live.values()
        if candidate.model is not None
    }
    for model in node.models:
        if model.closed and id(model) in held:
            yield f"{model.recipe} is closed and may still be met"
        if not model.closed and id(model) not in held:
            yield f"{model.recipe} was never closed"


def _ready_end(node: Node, oracle: Oracle) -> Iterator[str]:
    """Find instances that do not end on the accepted candidate of greatest position, pins respected (``ready``)."""
    for key, log in oracle.slots.items():
        if log.mode is not SwitchMode.READY:
            continue
        slot = node.join.models.slots.get(key)
        serving = None if slot is None or slot.serving is None else slot.serving.position
        expected = log.at(NEVER).serving
        if serving != (None if expected is None else expected.position):
            yield f"slot {key} ends on {serving}, had to end on {expected}"


def _ready_course(run: Run, oracle: Oracle) -> Iterator[str]:
    """Find results that are not their version's, and positions that fall along a partition (``ready``)."""
    greatest: dict[tuple[int, SlotKey], int] = {}
    commands = [message.command for message in run.scenario.messages]
    retired = {command.slot for command in commands if isinstance(command, Retire) and not command.digest}
    seen: dict[tuple[Place, SlotKey | None], Fate] = {}
    for place, fate, _ in sightings(run):
        seen[place, fate.slot] = fate
    order = sorted(_left(run.nodes))
    for key, log in oracle.slots.items():
        if log.mode is not SwitchMode.READY:
            continue
        for place in order:
            row = run.scenario.partitions[place[0]][place[1]]
            if row.data_type != key.data_type:
                continue
            reached = greatest.get((place[0], key), -1)
            met = seen.get((place, key))
            if met is None or met.version is None:
                if reached >= 0 and key not in retired:
                    yield f"record {place} met no model in slot {key}, one before it met {reached}"
                continue
            position = met.version[3]
            if position not in log.accepted:
                yield f"record {place} met {met.version} in slot {key}, which is not accepted"
            elif met != score(key, log.accepted[position], row.x):
                yield f"record {place}: came {met}, its version gives {score(key, log.accepted[position], row.x)}"
            if position < reached:
                yield f"record {place} met {position} in slot {key} after {reached}"
            greatest[place[0], key] = position
