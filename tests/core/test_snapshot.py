"""The join's state as a document, and back. ``tests/data/snapshots`` holds documents that must stay readable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.memory import Memory
from headrace.core.settings import JoinSettings, SlotSettings
from headrace.core.snapshot import VERSION, decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.core.states import State
from headrace.errors import StateError
from headrace.records import Descriptor, GoldenRecord, NoModelPolicy, Pin, Publish, Retire, Rollback, SwitchMode, Unpin
from headrace.testing.drawing import Plan, make_scenario
from headrace.testing.driver import Run
from headrace.testing.scenario import digest_of
from tests.core.building import EVENT_TIME, SECOND, WINE, Bench, at, plain

GOLDEN = Path(__file__).parents[1] / "data/snapshots/v1.json"


def document(bench: Bench) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(encode_snapshot(take_snapshot(bench.join)))
    return saved


def test_a_snapshot_of_nothing_is_nothing() -> None:
    assert Bench().restart().join.models.position == -1


def test_the_version_comes_first() -> None:
    assert encode_snapshot(take_snapshot(Bench().join)).startswith(b'{"version":1,')


def test_final_states_and_reasons_are_kept() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(b"corrupt")
    bench.serve(plain(1))
    bench.publish(plain(2))
    bench.serve(plain(3))
    again = bench.restart()
    kept = {each.position: (each.state, each.reason) for each in again.slot().history}
    assert {each.position: (each.state, each.reason) for each in bench.slot().history} == kept
    assert {State.RETIRED, State.REJECTED, State.SKIPPED} == {state for state, _ in kept.values()}


def test_a_pin_and_what_it_staged_are_kept() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.send(Pin(WINE))
    bench.serve(plain(1))
    again = bench.restart()
    again.load()
    assert (True, 0) == (again.slot().pinned, again.serving())
    again.send(Unpin(WINE))
    assert 2 == again.serving()


def test_a_roll_back_that_waits_is_kept() -> None:
    bench = Bench(EVENT_TIME)
    bench.contents["toy://a"] = plain(0)
    bench.publish(plain(0), digest="", location="toy://a")
    bench.send(Rollback(WINE, digest_of(plain(0))))
    again = bench.restart()
    assert [0, 1] == again.load()
    assert State.STAGED == again.states()[1]


def test_what_may_be_rolled_back_to_is_kept() -> None:
    bench = Bench(JoinSettings(retain=2))
    for addend in range(3):
        bench.serve(plain(addend))
    again = bench.restart()
    assert bench.slot().retained == again.slot().retained
    assert [digest_of(plain(1)), digest_of(plain(2))] == list(again.slot().retained)


def test_claims_ids_and_retirement_are_kept() -> None:
    bench = Bench()
    bench.serve(plain(0), publication_id="one")
    bench.send(Retire(WINE))
    bench.serve(plain(1, "z"), publication_id="two")
    again = bench.restart()
    again.load()
    again.serve(plain(2))
    assert State.REJECTED == again.states()[3]
    again.publish(plain(3, "z"), publication_id="one")
    assert [] == again.load()
    assert 1 == again.slot().retired_at


def test_counts_and_statistics_go_on() -> None:
    bench = Bench()
    bench.serve(b"picky:y:0")
    bench.score(at(1, 1), at(1, 5), at(1, 2, ""))
    again = bench.restart()
    again.load()
    assert bench.join.totals() == again.join.totals()
    again.score(at(2, 3))
    counted = again.slot().live[0].statistics
    assert (2, 1, 2) == (counted.records, counted.errors, counted.timing.count)
    assert again.join.totals().balanced


def test_the_progress_of_partitions_is_kept() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.score(at(7))
    bench.score(at(5), partition=1)
    again = bench.restart()
    assert {key: each.progress for key, each in bench.join.partitions.items()} == {
        key: each.progress for key, each in again.join.partitions.items()
    }


def test_by_moment_a_restored_slot_knows_when_it_was_there() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.serve(plain(1), SECOND, appended_at=30)
    bench.end_stream()
    bench.score(at(60))
    again = bench.restart()
    again.load()
    again.end_stream()
    assert [(1, "", 0)] == again.score(at(20))


def test_by_moment_records_wait_after_a_restart_until_the_stream_is_read_again() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=10)
    bench.end_stream()
    again = bench.restart()
    again.load()
    assert [(0, "", "late-record")] != again.score(at(10))
    assert [] == again.seen
    again.end_stream()
    assert [(0, "", 0)] == again.advance()


def test_all_of_a_descriptor_but_its_bytes_is_kept() -> None:
    bench = Bench(EVENT_TIME)
    golden = GoldenRecord({"x": 1, "y": float("nan"), "z": "text"}, {"y": float("-inf"), "list": [1, float("inf")]})
    made = Descriptor(
        "name",
        "wine",
        description="what it is",
        model_type="toy",
        content=b"bytes",
        digest=digest_of(b"bytes"),
        version="v1",
        publication_id="id",
        switch=SwitchMode.EVENT_TIME,
        valid_from=99,
        golden=(golden,),
        golden_tolerance=0.5,
        mapping={"x": ("a", "b")},
        replaces_signature=True,
        options={"signature": "predict"},
    )
    bench.send(Publish(made))
    kept = bench.restart().slot().live[0].descriptor
    assert replace(made, content=None, golden=()) == replace(kept, golden=())
    assert str(golden) == str(kept.golden[0])  # nan is not equal to itself


def test_what_is_final_is_kept_without_its_golden_records_and_what_may_come_back_with_them() -> None:
    bench = Bench()
    golden = (GoldenRecord({"x": 1}, {"y": 1}),)
    bench.serve(plain(0), golden=golden)
    bench.serve(plain(1))
    slot = bench.restart().slot()
    assert [()] == [each.descriptor.golden for each in slot.history]
    assert golden == slot.retention.find(digest_of(plain(0)), before=9).golden  # type: ignore[union-attr]


def test_snapshots_with_a_memory_are_those_without_one() -> None:
    bench, memory = Bench(), Memory()
    golden = (GoldenRecord({"x": 1}, {"y": 1}),)
    for turn in range(12):
        bench.serve(plain(turn), golden=golden if turn % 3 else (), replaces_signature=True)
        bench.score(turn)
        if turn == 8:
            bench.send(Rollback(WINE, digest_of(plain(7))))
            bench.load()
        assert encode_snapshot(take_snapshot(bench.join)) == encode_snapshot(take_snapshot(bench.join, memory))


def test_a_snapshot_shares_nothing_with_what_was_restored_from_it() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.score(1)
    snapshot = decode_snapshot(encode_snapshot(take_snapshot(bench.join)))
    before = encode_snapshot(snapshot)
    other = Bench(bench.settings, bench.contents)
    restore_snapshot(other.join, snapshot)
    other.offered = dict(bench.offered)
    other.load()
    other.score(2, 3)
    assert before == encode_snapshot(snapshot)


def test_a_declared_slot_that_the_snapshot_does_not_know_is_added() -> None:
    bench = Bench()
    bench.serve(plain(0))
    saved = decode_snapshot(encode_snapshot(take_snapshot(bench.join)))
    wider = Bench(JoinSettings(slots={SECOND: SlotSettings()}), bench.contents)
    restore_snapshot(wider.join, saved)
    assert {WINE, SECOND} == set(wider.join.models.slots)


def test_another_mode_in_the_configuration_is_refused_by_name() -> None:
    bench = Bench()
    bench.serve(plain(0))
    saved = decode_snapshot(encode_snapshot(take_snapshot(bench.join)))
    other = Bench(JoinSettings(slots={WINE: SlotSettings(switch=SwitchMode.ORDERED)}))
    with pytest.raises(StateError, match="slot wine was saved in switch mode ready and is configured for ordered"):
        restore_snapshot(other.join, saved)
    assert -1 == other.join.models.position


def test_a_newer_version_is_refused_by_number() -> None:
    content = json.dumps({"version": VERSION + 1, "anything": "else"}).encode()
    with pytest.raises(StateError, match=f"of version {VERSION + 1}, this Headrace reads up to {VERSION}: upgrade"):
        decode_snapshot(content)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'"text"', b'{"version":1}', b'{"version":0}', b'{"version":"1"}', b"\xff"]
)
def test_what_is_no_snapshot_is_refused(content: bytes) -> None:
    with pytest.raises(StateError, match="the snapshot cannot be read"):
        decode_snapshot(content)


def test_a_snapshot_that_is_cut_short_is_refused_at_any_byte() -> None:
    content = GOLDEN.read_bytes().strip()
    for end in range(len(content)):
        with pytest.raises(StateError):
            decode_snapshot(content[:end])


def test_an_entry_of_nobody_is_refused() -> None:
    bench = Bench(EVENT_TIME)
    bench.publish(plain(0))
    saved = document(bench)
    saved["slots"][0]["live"] = []
    with pytest.raises(StateError, match="timeline of slot wine names position 0"):
        restore_snapshot(Bench(EVENT_TIME).join, decode_snapshot(json.dumps(saved).encode()))


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.sampled_from(SwitchMode))
def test_saving_what_was_restored_gives_the_same(random: Any, mode: SwitchMode) -> None:
    run = Run(make_scenario(random, Plan(mode)), random).start(1).wander(random.randint(0, 60))
    saved = encode_snapshot(take_snapshot(run.nodes[0].join))
    fresh = Bench(run.scenario.settings).join
    restore_snapshot(fresh, decode_snapshot(saved))
    once = encode_snapshot(take_snapshot(fresh))
    twice = Bench(run.scenario.settings).join
    restore_snapshot(twice, decode_snapshot(once))
    assert once == encode_snapshot(take_snapshot(twice))
    first, second = json.loads(saved), json.loads(once)
    for part in ("position", "appended", "partitions", "unaddressed"):
        assert first.get(part) == second.get(part)


def golden_bench() -> Bench:
    """What ``v1.json`` was written from: a candidate in each state, pins, claims, two partitions, all counts."""
    event_time = SlotSettings(switch=SwitchMode.EVENT_TIME, no_model=NoModelPolicy.HOLD)
    bench = Bench(JoinSettings(slots={SECOND: event_time}, lateness=10))
    bench.serve(plain(0), publication_id="first", version="v0", appended_at=10)
    bench.serve(b"corrupt", appended_at=11)
    bench.serve(plain(1, "z"), replaces_signature=True, golden=(GoldenRecord({"x": 1}, {"z": 2}),), appended_at=12)
    bench.send(Pin(WINE), 13)
    bench.serve(b"picky:z:5", mapping={"x": ("x",)}, appended_at=14)
    bench.publish(plain(7, "z"), appended_at=15)
    bench.serve(plain(20), SECOND, appended_at=16)
    bench.serve(plain(21), SECOND, appended_at=17, valid_from=40)
    bench.contents["toy://22"] = plain(22)
    bench.publish(plain(22), SECOND, appended_at=18, digest="", location="toy://22")
    bench.send(Rollback(SECOND, digest_of(plain(20)), valid_from=90), 19)
    bench.score(at(16), at(17), at(16, 2, ""), at(17, 3, "water"))
    bench.score(at(17), partition=1)
    return bench


def test_a_snapshot_of_version_1_stays_readable() -> None:
    """The file is never written again: later versions of Headrace have to read it."""
    bench = golden_bench()
    restored = Bench(bench.settings, bench.contents, position=bench.position, now=bench.now)
    restore_snapshot(restored.join, decode_snapshot(GOLDEN.read_bytes()))
    assert 9 == restored.join.models.position
    assert {key: each.progress for key, each in bench.join.partitions.items()} == {
        key: each.progress for key, each in restored.join.partitions.items()
    }
    assert bench.join.totals() == restored.join.totals()
    for key in (WINE, SECOND):
        assert bench.slot(key).retained == restored.slot(key).retained
        assert bench.slot(key).claims == restored.slot(key).claims
        assert bench.slot(key).publication_ids == restored.slot(key).publication_ids
    assert {0: "retired", 1: "rejected", 2: "received", 4: "skipped", 5: "received"} == restored.states()
    assert {6: "received", 7: "received", 8: "received", 9: "received"} == restored.states(SECOND)
    restored.load()
    restored.end_stream()
    assert (True, 2) == (restored.slot().pinned, restored.serving())
    restored.send(Unpin(WINE))
    assert 5 == restored.serving()
    restored.offered = dict(bench.offered)
    assert {(4, "", 5), (4, "second", 7), (5, "", 5), (5, "second", 9)} == set(restored.score(at(50), at(90)))


def test_a_snapshot_of_this_version_holds_what_the_golden_one_holds() -> None:
    """A field added later is absent from the golden file, and one that is there stays."""
    golden = json.loads(GOLDEN.read_bytes())
    written = document(golden_bench())
    assert VERSION > 1 or lacking(golden, written) == []


def lacking(before: Any, after: Any, where: str = "") -> list[str]:
    """Name what one document has and another lacks."""
    if isinstance(before, dict):
        gone = [f"{where}.{name}" for name in before if name not in after]
        return gone + [
            each for name in before if name in after for each in lacking(before[name], after[name], f"{where}.{name}")
        ]
    if isinstance(before, list):
        pairs = enumerate(zip(before, after, strict=False))
        return [each for place, (old, new) in pairs for each in lacking(old, new, f"{where}[{place}]")]
    return []
