"""The oracle against examples worked out by hand from the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.core.settings import JoinSettings, OrderedBy, SlotSettings
from headrace.records import (
    Command,
    Descriptor,
    ModelMessage,
    NoModelPolicy,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.testing.oracle import HELD, NEVER, Fate, Oracle
from headrace.testing.scenario import Row, Scenario, digest_of
from headrace.testing.toymodels import Recipe

WINE, SECOND = SlotKey("wine"), SlotKey("wine", "second")
A, B, Z = Recipe("plain", "y", 100), Recipe("picky", "y", 200), Recipe("plain", "z", 300)
CONTENTS = {digest_of(recipe.content): recipe.content for recipe in (A, B, Z)} | {digest_of(b"corrupt"): b"corrupt"}
EVENT_TIME = JoinSettings(switch=SwitchMode.EVENT_TIME, lateness=10)


def publish(recipe: Recipe | bytes, slot: SlotKey = WINE, **changes: object) -> Publish:
    content = recipe if isinstance(recipe, bytes) else recipe.content
    descriptor = Descriptor("m", slot.data_type, slot=slot.name, digest=digest_of(content))
    return Publish(replace(descriptor, **changes))  # type: ignore[arg-type]


def oracle(settings: JoinSettings, stream: list[tuple[int, Command]], *rows: Row, arrived: int | None = None) -> Oracle:
    messages = tuple(ModelMessage(position, at, command) for position, (at, command) in enumerate(stream))
    places = {(0, index): arrived for index in range(len(rows))} if arrived is not None else {}
    return Oracle(Scenario(settings, messages, (rows,), CONTENTS), places)


def told(judge: Oracle, index: int = 0) -> set[object]:
    """The positions that a record meets, or the codes and kinds of what else becomes of it."""
    fates = judge.expect((0, index))
    assert fates is not None
    return {fate.version[3] if fate.version else fate.code or fate.kind for fate in fates}


def at(time: int | None, x: int = 1, data_type: str = "wine") -> Row:
    return Row(x, data_type, time)


STREAM: list[tuple[int, Command]] = [(10, publish(A)), (20, publish(b"corrupt")), (30, publish(B)), (40, publish(Z))]


@pytest.mark.parametrize(("time", "expected"), [(9, "skipped"), (10, 0), (29, 0), (30, 2), (99, 2)])
def test_a_record_meets_the_accepted_version_of_its_time(time: int, expected: object) -> None:
    assert {expected} == told(oracle(EVENT_TIME, STREAM, at(time)))


def test_a_result_is_what_the_bytes_give() -> None:
    fates = oracle(EVENT_TIME, STREAM, at(10, 3)).expect((0, 0))
    assert frozenset({Fate("scored", WINE, "", ("m", "0", digest_of(A.content), 0), ("y", 103))}) == fates


def test_a_record_that_the_model_refuses_is_a_dead_letter_with_the_version() -> None:
    fates = oracle(EVENT_TIME, STREAM, at(30, 5)).expect((0, 0))
    assert frozenset({Fate("dead", WINE, "scoring-failed", ("m", "2", digest_of(B.content), 2))}) == fates


def test_ordered_goes_by_the_greatest_time_so_far() -> None:
    judge = oracle(JoinSettings(switch=SwitchMode.ORDERED), STREAM, at(30), at(10))
    assert [{2}, {2}] == [told(judge, 0), told(judge, 1)]


@pytest.mark.parametrize(("arrived", "expected"), [(-1, "skipped"), (0, 0), (1, 0), (2, 2)])
def test_by_arrival_the_position_read_counts(arrived: int, expected: object) -> None:
    settings = JoinSettings(switch=SwitchMode.ORDERED, ordered_by=OrderedBy.ARRIVAL)
    assert {expected} == told(oracle(settings, STREAM, at(99), arrived=arrived))


def test_a_record_is_late_once_its_version_ended_before_what_came_less_the_lateness() -> None:
    assert {0} == told(oracle(EVENT_TIME, STREAM, at(39), at(29)), 1)
    assert {"late-record"} == told(oracle(EVENT_TIME, STREAM, at(40), at(29)), 1)


def test_a_publication_of_an_id_that_was_seen_is_ignored() -> None:
    stream: list[tuple[int, Command]] = [(1, publish(A, publication_id="i")), (2, publish(B, publication_id="i"))]
    assert {0} == told(oracle(EVENT_TIME, stream, at(5)))


def test_other_outputs_need_the_word_that_they_replace() -> None:
    stream: list[tuple[int, Command]] = [(1, publish(A)), (2, publish(Z)), (3, publish(Z, replaces_signature=True))]
    assert [{0}, {2}] == [told(oracle(EVENT_TIME, stream, at(time))) for time in (2, 3)]


def test_another_mode_is_refused() -> None:
    stream: list[tuple[int, Command]] = [(1, publish(A)), (2, publish(B, switch=SwitchMode.READY))]
    assert {0} == told(oracle(EVENT_TIME, stream, at(5)))


def test_a_roll_back_is_of_what_is_retained() -> None:
    stream: list[tuple[int, Command]] = [(1, publish(A)), (2, publish(B)), (3, Rollback(WINE, digest_of(A.content)))]
    assert {2} == told(oracle(EVENT_TIME, stream, at(5)))
    assert {1} == told(oracle(replace(EVENT_TIME, retain=1), stream, at(5)))
    forgotten = [*stream[:2], (3, Retire(WINE, digest_of(A.content))), (4, stream[2][1])]
    assert {1} == told(oracle(EVENT_TIME, forgotten, at(5)))


def test_pins_and_retirement() -> None:
    stream: list[tuple[int, Command]] = [
        (1, publish(A)),
        (2, Pin(WINE)),
        (3, publish(B)),
        (4, Unpin(WINE)),
        (5, Retire(WINE)),
    ]
    assert [{0}, {0}, {2}, {"skipped"}] == [told(oracle(EVENT_TIME, stream, at(time))) for time in (2, 3, 4, 5)]


def test_hold_waits_for_the_first_that_comes_or_for_ever() -> None:
    settings = replace(EVENT_TIME, no_model=NoModelPolicy.HOLD)
    stream: list[tuple[int, Command]] = [(10, publish(A, valid_from=50)), (20, publish(B)), (90, Retire(WINE))]
    assert [{1}, {"held"}] == [told(oracle(settings, stream, at(time))) for time in (5, 90)]
    assert frozenset({HELD}) == oracle(settings, [], at(1)).expect((0, 0))


def test_a_record_without_a_time() -> None:
    declared = replace(EVENT_TIME, slots={SECOND: SlotSettings()})
    assert frozenset({Fate("dead", None, "no-event-time")}) == oracle(EVENT_TIME, STREAM, at(None)).expect((0, 0))
    assert frozenset({Fate("dead", SECOND, "no-event-time")}) == oracle(declared, STREAM, at(None)).expect((0, 0))


def test_what_cannot_be_decoded_and_what_addresses_no_slot() -> None:
    judge = oracle(EVENT_TIME, STREAM, at(10, data_type=""), at(10, data_type="water"))
    assert [{"undecodable"}, {"skipped"}] == [told(judge, 0), told(judge, 1)]


def test_ready_leaves_the_moment_open_and_promises_the_end() -> None:
    judge = oracle(JoinSettings(), STREAM, at(10))
    assert judge.expect((0, 0)) is None
    serving = judge.slots[WINE].at(NEVER).serving
    assert serving is not None
    assert 2 == serving.position
