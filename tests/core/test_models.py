"""The model stream: every message is obeyed, refused or shown, and none raises."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from headrace.core.events import Happening
from headrace.core.models import EVENTS, LoadCost, Models
from headrace.core.settings import JoinSettings, SlotSettings
from headrace.core.states import State
from headrace.errors import CommandError, TransitionError
from headrace.records import (
    Command,
    Malformed,
    ModelMessage,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.testing.scenario import digest_of
from headrace.testing.toymodels import Recipe, ToyModel
from tests.core.building import EVENT_TIME, SECOND, WINE, Bench, plain

UNKNOWN = "f" * 64
COST = LoadCost(1, 2, 3, 4)


def kinds(bench: Bench) -> list[str]:
    return [event.kind.value for event in bench.events()]


def test_a_repeated_message_is_ignored() -> None:
    bench = Bench()
    descriptor = bench.descriptor(plain(0))
    for position in (3, 3, 2):
        bench.join.models.receive(ModelMessage(position, 5, Publish(descriptor)))
    assert ["received"] == kinds(bench)
    assert 3 == bench.join.models.position


def test_the_same_id_again_is_a_duplicate() -> None:
    bench = Bench()
    bench.serve(plain(0), publication_id="one")
    bench.events()
    bench.publish(plain(1), publication_id="one")
    (event,) = bench.events()
    assert (Happening.DUPLICATE, 1, WINE, "model") == (event.kind, event.position, event.slot, event.name)
    assert [] == bench.load()


def test_an_id_counts_within_its_slot() -> None:
    bench = Bench()
    bench.publish(plain(0), publication_id="one")
    bench.publish(plain(1), SECOND, publication_id="one")
    assert [0, 1] == sorted(bench.load())


def test_the_same_bytes_without_an_id_are_a_new_publication() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(0))
    assert 1 == bench.serving()


def test_a_publication_without_a_version_takes_its_position_as_version() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1), version="v2")
    assert ["0", "v2"] == [each.version.version for each in (*bench.slot().history, *bench.slot().live.values())]


def test_the_mode_is_that_of_the_first_publication() -> None:
    bench = Bench()
    bench.publish(plain(0), switch=SwitchMode.ORDERED)
    assert SwitchMode.ORDERED == bench.slot().mode


def test_the_mode_of_the_configuration_goes_before() -> None:
    bench = Bench(JoinSettings(slots={WINE: SlotSettings(switch=SwitchMode.READY)}))
    bench.serve(plain(0), switch=SwitchMode.READY)
    bench.serve(plain(1), switch=SwitchMode.ORDERED)
    assert (SwitchMode.READY, 0) == (bench.slot().mode, bench.serving())
    assert State.REJECTED == bench.states()[1]


def test_a_publication_that_asks_for_another_mode_is_rejected() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1), switch=SwitchMode.EVENT_TIME)
    assert 0 == bench.serving()
    assert "slot wine switches in mode ready, the publication asks for event-time" in bench.slot().history[-1].reason


@pytest.mark.parametrize(
    "command", [Pin(WINE), Unpin(WINE), Retire(WINE), Rollback(WINE, UNKNOWN), Retire(WINE, UNKNOWN)]
)
def test_a_command_about_an_unknown_slot_is_refused(command: Command) -> None:
    bench = Bench()
    bench.serve(plain(0), SECOND)
    bench.events()
    bench.send(command)
    (event,) = bench.events()
    assert (Happening.REFUSED, "no slot wine; known: wine/second") == (event.kind, event.reason)
    assert {SECOND} == set(bench.join.models.slots)


def test_a_malformed_message_is_shown() -> None:
    bench = Bench()
    bench.send(Malformed("not a descriptor"))
    (event,) = bench.events()
    assert (Happening.REFUSED, 0, None, "not a descriptor") == (event.kind, event.position, event.slot, event.reason)
    assert 0 == bench.join.models.position


def test_a_roll_back_to_what_is_not_retained_is_refused() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.events()
    bench.send(Rollback(WINE, UNKNOWN))
    (event,) = bench.events()
    assert Happening.REFUSED == event.kind
    assert (
        f"no retained version of slot wine has the digest {UNKNOWN}; retained: {digest_of(plain(0))[:12]}"
        == event.reason
    )


def test_a_roll_back_of_an_id_that_was_seen_is_a_duplicate() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1))
    for _ in range(2):
        bench.send(Rollback(WINE, digest_of(plain(0)), publication_id="back"))
    assert [2] == bench.load()
    assert kinds(bench).count("duplicate") == 1


def test_a_retired_digest_can_no_longer_be_named() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1))
    bench.events()
    for _ in range(2):
        bench.send(Retire(WINE, digest_of(plain(0))))
    bench.send(Rollback(WINE, digest_of(plain(0))))
    assert ["version-forgotten", "command-refused", "command-refused"] == kinds(bench)
    assert 1 == bench.serving()


def test_pins_are_shown() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.events()
    bench.send(Pin(WINE))
    bench.send(Unpin(WINE))
    bench.send(Retire(WINE))
    assert ["pinned", "unpinned", "slot-retired", "retired"] == kinds(bench)


def test_a_whole_life_is_shown() -> None:
    bench = Bench()
    bench.serve(plain(0), version="v1")
    events = bench.events()
    assert ["received", "loading", "verifying", "warming", "staged", "serving"] == [each.kind.value for each in events]
    assert {("model", "v1", digest_of(plain(0)), WINE)} == {(e.name, e.version, e.digest, e.slot) for e in events}
    assert [] == bench.events()


def test_events_that_nobody_takes_do_not_pile_up() -> None:
    bench = Bench()
    for _ in range(EVENTS + 5):
        bench.send(Malformed("nothing"))
    assert EVENTS == len(bench.events())


def test_what_a_load_took_is_noted() -> None:
    bench = Bench()
    bench.serve(plain(0))
    numbers = bench.slot().live[0].statistics
    assert (1, 2, 3, 4) == (numbers.load_ns, numbers.verify_ns, numbers.warm_ns, numbers.memory)


def test_a_model_whose_inputs_are_not_in_the_records_is_rejected_and_closed() -> None:
    schema = pa.schema([("other", pa.int64())])
    bench = Bench(JoinSettings(schemas={"wine": schema}))
    bench.serve(plain(0))
    assert State.REJECTED == bench.states()[0]
    assert [bench.models[0]] == bench.join.take_closing()


def test_a_publication_that_replaces_the_signature_is_held_to_the_schema_all_the_same() -> None:
    bench = Bench(JoinSettings(schemas={"wine": pa.schema([("x", pa.int64())])}))
    bench.serve(plain(0))
    bench.serve(plain(1, "z"), replaces_signature=True)
    assert 1 == bench.serving()


def test_a_load_is_under_way_until_its_verdict() -> None:
    bench = Bench()
    bench.publish(plain(0))
    assert bench.join.models.loading
    bench.request()
    assert bench.join.models.loading
    bench.join.models.defer(WINE, 0, "out of memory")
    assert [False] == [bench.join.models.loading]
    bench.join.models.retry_deferred()
    bench.load()
    assert not bench.join.models.loading


def test_a_deferral_is_shown_with_its_reason() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.request()
    bench.events()
    bench.join.models.defer(WINE, 0, "out of memory")
    (event,) = bench.events()
    assert (Happening.DEFERRED, "out of memory") == (event.kind, event.reason)


Call = Callable[[Models], object]
MODEL = ToyModel(Recipe("plain", "y", 0))
CALLS: dict[str, Call] = {
    "accept": lambda models: models.accept(WINE, 0, MODEL, "d" * 64, COST),
    "defer": lambda models: models.defer(WINE, 0, "why"),
    "progress to verifying": lambda models: models.progress(WINE, 0, State.VERIFYING),
    "progress to warming": lambda models: models.progress(WINE, 0, State.WARMING),
    "progress to staged": lambda models: models.progress(WINE, 0, State.STAGED),
    "progress to loading": lambda models: models.progress(WINE, 0, State.LOADING),
    "reject": lambda models: models.reject(WINE, 0, "why"),
}
LEGAL = {
    State.RECEIVED: {"reject"},
    State.LOADING: {"reject", "defer", "progress to verifying"},
    State.VERIFYING: {"reject", "defer", "progress to warming"},
    State.WARMING: {"reject", "defer", "accept"},
    State.STAGED: set(),
}


def bench_in(state: State) -> Bench:
    bench = Bench(EVENT_TIME)
    bench.publish(plain(0))
    steps = (State.LOADING, State.VERIFYING, State.WARMING)
    if state is not State.RECEIVED:
        bench.request()
    for step in steps[1 : steps.index(state) + 1 if state in steps else 3]:
        if state is not State.RECEIVED:
            bench.join.models.progress(WINE, 0, step)
    if state is State.STAGED:
        bench.join.models.accept(WINE, 0, ToyModel(Recipe("plain", "y", 0)), digest_of(plain(0)), COST)
    bench.events()
    return bench


def picture(bench: Bench) -> tuple[object, ...]:
    candidate = bench.slot().live[0]
    numbers = candidate.statistics
    seen = (candidate.state, candidate.reason, candidate.digest, candidate.deferred, candidate.model, numbers.load_ns)
    return (*seen, bench.slot().claims.steps[:], bench.join.models.closing[:], bench.events())


@pytest.mark.parametrize("state", list(LEGAL), ids=lambda state: state.value)
@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_that_does_not_fit_the_state_raises_and_changes_nothing(state: State, call: str) -> None:
    bench = bench_in(state)
    if call in LEGAL[state]:
        CALLS[call](bench.join.models)
        return
    before = picture(bench)
    with pytest.raises(TransitionError):
        CALLS[call](bench.join.models)
    assert before == picture(bench)


@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_about_nobody_says_so(call: str) -> None:
    with pytest.raises(CommandError, match="slot wine has no live candidate at position 0"):
        CALLS[call](Bench().join.models)


def test_slots_are_found_by_their_data_type() -> None:
    bench = Bench()
    for key in (WINE, SECOND, SlotKey("tea")):
        bench.publish(plain(0), key)
    assert [WINE, SECOND] == [slot.key for slot in bench.join.models.of_type("wine")]
    assert [] == bench.join.models.of_type("water")
