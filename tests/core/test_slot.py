"""What is loaded next, what is skipped, what is closed."""

from __future__ import annotations

from headrace.core.settings import JoinSettings
from headrace.core.slot import HISTORY, IDS
from headrace.core.states import State
from headrace.records import Pin, Retire, Rollback, SlotKey, Unpin
from headrace.testing.scenario import digest_of
from tests.core.building import EVENT_TIME, SECOND, WINE, Bench, at, plain


def running(settings: JoinSettings | None = None) -> Bench:
    """A bench past its cold start."""
    bench = Bench(settings or JoinSettings())
    bench.join.models.cold = False
    return bench


def test_one_candidate_of_a_slot_is_loaded_at_a_time() -> None:
    bench = Bench()
    bench.publish(plain(1))
    assert [0] == bench.request()
    bench.publish(plain(2))
    assert [] == bench.request()


def test_slots_load_side_by_side() -> None:
    bench = Bench()
    bench.publish(plain(1))
    bench.publish(plain(2), SECOND)
    assert [0, 1] == bench.request()


def test_at_a_cold_start_the_newest_alone_is_loaded() -> None:
    bench = Bench()
    for addend in range(4):
        bench.publish(plain(addend))
    assert [3] == bench.load()
    skipped = State.SKIPPED
    assert {0: skipped, 1: skipped, 2: skipped, 3: State.SERVING} == bench.states()


def test_an_older_one_is_loaded_where_the_newest_is_rejected() -> None:
    bench = Bench()
    for content in (plain(0), plain(1), b"corrupt"):
        bench.publish(content)
    assert [2, 1] == bench.load()
    assert {0: State.SKIPPED, 1: State.SERVING, 2: State.REJECTED} == bench.states()


def test_a_rejected_later_one_never_affects_an_earlier_one() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.request()
    bench.publish(b"corrupt")
    bench.finish(0)
    bench.load()
    assert {0: State.SERVING, 1: State.REJECTED} == bench.states()


def test_what_is_loading_is_finished_and_serves_until_the_next_is_ready() -> None:
    """Frequent publications starve nobody."""
    bench = running()
    for addend in range(6):
        bench.publish(plain(addend))
        loading = bench.request()
        bench.publish(plain(100 + addend))
        for position in loading:
            bench.finish(position)
            assert position == bench.serving()


def test_one_that_was_overtaken_while_it_loaded_is_skipped_when_it_is_done() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.request()
    bench.join.models.defer(WINE, 0, "out of memory")
    bench.publish(plain(1))
    bench.load()
    assert {0: State.SKIPPED, 1: State.SERVING} == bench.states()


def test_a_deferred_candidate_is_not_loaded_before_it_may_be_tried_again() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.request()
    bench.join.models.defer(WINE, 0, "out of memory")
    assert [] == bench.request()
    bench.join.models.retry_deferred()
    assert [0] == bench.request()


def test_an_older_one_never_serves_in_the_stead_of_one_that_is_deferred() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.publish(plain(1))
    assert [1] == bench.request()
    bench.join.models.defer(WINE, 1, "out of memory")
    assert [] == bench.request()
    assert bench.serving() is None


def test_by_moment_all_are_loaded_in_the_order_of_the_stream_and_none_is_skipped() -> None:
    bench = Bench(EVENT_TIME)
    for addend, valid_from in ((0, 30), (1, 10), (2, 20)):
        bench.publish(plain(addend), appended_at=1, valid_from=valid_from)
    assert [0, 1, 2] == bench.load()
    assert [State.STAGED] * 3 == list(bench.states().values())


def test_by_moment_a_deferred_candidate_is_waited_for() -> None:
    bench = Bench(EVENT_TIME)
    bench.publish(plain(0))
    bench.publish(plain(1))
    bench.request()
    bench.join.models.defer(WINE, 0, "out of memory")
    assert [] == bench.request()


def test_outputs_are_kept_by_later_publications() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.serve(plain(1, "z"))
    assert State.REJECTED == bench.states()[1]
    assert "its outputs are not those of slot wine: y is absent; z is new" in bench.slot().history[-1].reason
    assert 0 == bench.serving()


def test_a_publication_that_says_so_changes_the_outputs_for_those_after_it() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.serve(plain(1, "z"), replaces_signature=True)
    bench.serve(plain(2))
    bench.serve(plain(3, "z"))
    rejected, retired, serving = State.REJECTED, State.RETIRED, State.SERVING
    assert {0: retired, 1: retired, 2: rejected, 3: serving} == bench.states()


def test_fit_hangs_on_the_stream_and_not_on_what_was_loaded_first() -> None:
    """An instance that is behind judges as one that kept up: the newest is held to the outputs of the first."""
    bench = running()
    for content in (b"corrupt", plain(0), plain(1), plain(2, "z")):
        bench.publish(content)
    assert [0, 1, 3, 2] == bench.load()
    assert 2 == bench.serving()


def test_one_that_replaces_the_signature_is_judged_before_those_after_it() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.publish(plain(1, "z"), replaces_signature=True)
    bench.publish(plain(2, "z"))
    assert [1, 2] == bench.load()
    assert 2 == bench.serving()


def test_retiring_the_slot_ends_the_claim_of_its_outputs() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.send(Retire(WINE))
    bench.serve(plain(1, "z"))
    assert 2 == bench.serving()


def test_one_from_before_the_retirement_is_held_to_the_outputs_of_then() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0))
    bench.publish(plain(1, "z"))
    bench.send(Retire(WINE))
    bench.load()
    assert State.REJECTED == bench.states()[1]


def test_a_switch_retires_and_closes_the_old_model() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.score(1)
    bench.serve(plain(1))
    assert [bench.models[0]] == bench.join.take_closing()
    assert {0: State.RETIRED, 1: State.SERVING} == bench.states()
    old = bench.slot().history[-1].statistics
    new = bench.slot().live[1].statistics
    assert old.until is not None
    assert new.since is not None
    assert old.until <= new.since
    assert new.until is None


def test_a_pin_stages_what_comes_and_the_unpin_lets_the_last_one_serve() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.send(Pin(WINE))
    assert bench.slot().pinned
    bench.serve(plain(1))
    bench.serve(plain(2))
    assert {0: State.SERVING, 2: State.SKIPPED, 3: State.STAGED} == bench.states()
    bench.send(Unpin(WINE))
    assert 3 == bench.serving()
    assert not bench.slot().pinned


def test_a_candidate_from_before_the_pin_still_serves() -> None:
    """What serves under a pin hangs on positions: every instance ends on the same model."""
    bench = running()
    bench.serve(plain(0))
    bench.publish(plain(1))
    bench.send(Pin(WINE))
    bench.load()
    assert 1 == bench.serving()


def test_a_pin_before_the_first_model_keeps_it_staged() -> None:
    bench = running(JoinSettings(slots={}))
    bench.serve(b"corrupt")
    bench.send(Pin(WINE))
    bench.serve(plain(1))
    assert bench.serving() is None
    assert not bench.slot().active
    bench.send(Unpin(WINE))
    assert 2 == bench.serving()


def test_retiring_the_slot_closes_all_and_skips_nothing() -> None:
    """A candidate is skipped only behind a later one that is ready."""
    bench = running()
    bench.serve(plain(0))
    bench.send(Pin(WINE))
    bench.serve(plain(1))
    bench.publish(plain(2))
    bench.send(Retire(WINE))
    assert [] == bench.load()
    assert {0: State.RETIRED, 2: State.RETIRED, 3: State.RETIRED} == bench.states()
    assert {id(bench.models[0]), id(bench.models[2])} == {id(model) for model in bench.join.take_closing()}


def test_one_that_loads_while_the_slot_is_retired_is_retired_when_it_is_done() -> None:
    bench = running()
    bench.publish(plain(0))
    bench.request()
    bench.send(Retire(WINE))
    bench.finish(0)
    assert {0: State.RETIRED} == bench.states()
    assert [bench.models[0]] == bench.join.take_closing()


def test_one_whose_loading_was_cut_short_after_the_slot_was_retired_is_retired_too() -> None:
    bench = running()
    bench.publish(plain(0))
    bench.request()
    bench.send(Retire(WINE))
    bench.join.models.defer(WINE, 0, "out of memory")
    assert {0: State.RETIRED} == bench.states()
    bench.join.models.retry_deferred()
    assert not bench.join.models.loading


def test_a_slot_that_was_retired_serves_again() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.send(Retire(WINE))
    bench.serve(plain(1))
    assert [(0, "", 2)] == bench.score(1)


def test_by_moment_a_model_is_closed_when_no_record_can_meet_it() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    bench.score(at(15), at(29))
    assert not bench.closed(0)
    bench.score(at(30))
    assert bench.closed(0)
    assert {0: State.RETIRED, 1: State.SERVING} == bench.states()


def test_the_watermark_is_that_of_the_slowest_partition() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    bench.join.assign(("records", 1))
    bench.score(at(100))
    assert not bench.closed(0)
    bench.score(at(12), partition=1)
    assert not bench.closed(0)
    bench.join.finish(("records", 1))
    bench.score(at(101))
    assert bench.closed(0)


def test_an_id_is_remembered_up_to_a_limit() -> None:
    slot = Bench().join.models.slot(SlotKey("wine"), None)
    assert [False, True] == [slot.knows("first"), slot.knows("first")]
    for number in range(IDS):
        slot.knows(str(number))
    assert not slot.knows("first")
    assert len(slot.publication_ids) == IDS


def test_no_id_is_never_known() -> None:
    slot = Bench().join.models.slot(SlotKey("wine"), None)
    assert [False, False] == [slot.knows(""), slot.knows("")]


def test_the_history_is_bounded() -> None:
    bench = running()
    for _ in range(HISTORY + 5):
        bench.serve(b"corrupt")
    assert HISTORY == len(bench.slot().history)
    assert {} == bench.slot().live


def test_switching_back_is_a_new_publication_of_the_same_bytes() -> None:
    bench = running()
    for content in (plain(0), plain(1), plain(0)):
        bench.serve(content)
    assert 2 == bench.serving()
    assert [digest_of(plain(1)), digest_of(plain(0))] == list(bench.slot().retained)


def test_a_roll_back_passes_the_whole_life_again() -> None:
    bench = running()
    bench.serve(plain(0), version="first")
    bench.serve(plain(1, "z"), replaces_signature=True)
    bench.events()
    bench.send(Rollback(WINE, digest_of(plain(0))))
    assert 1 == bench.serving()
    bench.load()
    told = [event.kind.value for event in bench.events() if event.position == 2]
    assert ["received", "loading", "verifying", "warming", "staged", "serving"] == told
    serving = bench.slot().serving
    assert serving is not None
    assert ("model", "first", digest_of(plain(0)), 2) == (
        serving.version.name,
        serving.version.version,
        serving.version.digest,
        serving.version.position,
    )


def test_a_roll_back_keeps_the_version_of_what_it_returns_to() -> None:
    bench = running()
    bench.serve(plain(0))
    bench.serve(plain(1))
    bench.send(Rollback(WINE, digest_of(plain(0))))
    bench.load()
    serving = bench.slot().serving
    assert serving is not None
    assert ("0", 2) == (serving.version.version, serving.version.position)


def test_a_roll_back_to_what_no_longer_passes_is_rejected() -> None:
    bench = running()
    bench.serve(b"corrupt")
    bench.serve(plain(1))
    bench.send(Rollback(WINE, digest_of(b"corrupt")))
    bench.load()
    assert State.REJECTED == bench.states()[2]
    assert 1 == bench.serving()


def by_location(bench: Bench, content: bytes) -> int:
    location = f"toy://{len(bench.contents)}"
    bench.contents[location] = content
    return bench.publish(content, digest="", location=location)


def test_a_roll_back_waits_for_the_digests_that_it_may_name() -> None:
    bench = Bench(EVENT_TIME)
    by_location(bench, plain(0))
    bench.publish(plain(1))
    bench.send(Rollback(WINE, digest_of(plain(0))))
    assert [0, 1, 2] == bench.load()
    version = bench.slot().live[2].version
    assert ("model", "0", digest_of(plain(0))) == (version.name, version.version, version.digest)


def test_a_roll_back_that_waited_is_rejected_where_nothing_is_of_its_digest() -> None:
    bench = Bench(EVENT_TIME)
    by_location(bench, plain(0))
    bench.send(Rollback(WINE, "f" * 64))
    assert [0] == bench.load()
    assert State.REJECTED == bench.states()[1]
    assert "no retained version of slot wine has the digest ffff" in bench.slot().history[-1].reason


def test_under_ready_a_roll_back_that_waits_lets_the_unknown_be_loaded_first() -> None:
    bench = running()
    by_location(bench, plain(0))
    bench.send(Rollback(WINE, digest_of(plain(0))))
    assert [0, 1] == bench.load()
    assert 1 == bench.serving()
