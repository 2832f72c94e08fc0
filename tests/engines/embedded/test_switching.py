"""Models that arrive, are refused, come back and go while records flow."""

from __future__ import annotations

import pytest

from headrace.core.events import Happening
from headrace.core.settings import JoinSettings, SlotSettings
from headrace.core.states import State
from headrace.records import Descriptor, NoModelPolicy, Pin, Publish, Retire, Rollback, SlotKey, Unpin
from headrace.stores.contents import digest_of
from headrace.testing.scaling import write_scaling
from headrace.transports.model_log import append_message
from tests.engines.embedded.rig import SCHEMA, WINE, Feed, Rig, golden, record, records, rows_of, running


def test_a_model_published_while_records_flow_takes_over(rig: Rig) -> None:
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(feed)) as run:
        feed.put(*records(3))
        rig.watch.await_rows(3)
        rig.publish(3, version="b")
        rig.watch.await_event(State.SERVING, 1)
        feed.put(*records(2, start=3))
        feed.end()
        run.join()
    assert [("r0", 0, 0.0), ("r1", 0, 2.0), ("r2", 0, 4.0), ("r3", 1, 9.0), ("r4", 1, 12.0)] == rig.scored()
    versions = [each for results in rig.results.items for each in results.versions]
    assert [("times 2", "0", digest_of(write_scaling(2)))] == list(
        dict.fromkeys((each.name, each.version, each.digest) for each in versions if each.position == 0)
    )
    assert ["b"] == list(dict.fromkeys(each.version for each in versions if each.position == 1))
    assert run.summary is not None
    assert (5, 5, True) == (run.summary.counts.received, run.summary.counts.scored, run.summary.drained)
    rig.watch.await_event(State.RETIRED, 0)


REFUSED = {
    "corrupt": (Descriptor("bad", "wine", content=write_scaling(3)[:-2]), "not a model of the format scaling"),
    "unknown": (Descriptor("bad", "wine", content=b"?" * 99), "no format recognises the model"),
    "unnamed": (Descriptor("bad", "wine", content=b"?", model_type="caffe"), "there is no format 'caffe'"),
    "golden": (Descriptor("bad", "wine", content=write_scaling(3), golden=(golden(2, 5),)), "expected 5, got 6"),
    "digest": (Descriptor("bad", "wine", content=write_scaling(3), digest="0" * 64), "the message names the digest 0"),
    "outputs": (Descriptor("bad", "wine", content=write_scaling(3, output="z")), "y is absent; z is new"),
    "inputs": (Descriptor("bad", "wine", content=write_scaling(3, input="unknown")), "unknown"),
    "location": (Descriptor("bad", "wine", location="http://localhost/model"), "only file: and s3: locations"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_model_is_shown_and_the_old_one_goes_on(rig: Rig, kind: str) -> None:
    bad, reason = REFUSED[kind]
    settings = JoinSettings(schemas={"wine": SCHEMA}, exclude=frozenset({"id", "kind", "at"}))
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(feed, settings=settings)) as run:
        feed.put(*records(2))
        rig.watch.await_rows(2)
        rig.send(Publish(bad))
        assert reason in rig.watch.await_event(State.REJECTED, 1).reason
        feed.put(*records(2, start=2))
        rig.watch.await_rows(4)
        rig.publish(4)
        rig.watch.await_event(State.SERVING, 2)
        feed.put(record(4))
        feed.end()
        run.join()
    assert [("r0", 0), ("r1", 0), ("r2", 0), ("r3", 0), ("r4", 2)] == [row[:2] for row in rig.scored()]


def test_a_message_that_is_no_command_is_shown_and_the_stream_goes_on(rig: Rig) -> None:
    rig.publish(2)
    append_message(rig.log, lambda _: b"garbage")
    rig.publish(4)
    rig.run(records(1))
    assert "00000000000000000001.msg" in rig.watch.await_event(Happening.REFUSED, 1).reason
    assert [("r0", 2, 0.0)] == rig.scored()


def test_a_roll_back_returns_to_retained_bytes(rig: Rig) -> None:
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(feed)) as run:
        for position, command in enumerate((None, None, Rollback(WINE, digest_of(write_scaling(2))))):
            if position == 1:
                rig.publish(3)
            elif command is not None:
                rig.send(command)
            rig.watch.await_event(State.SERVING, position)
            feed.put(record(position + 1))
            rig.watch.await_rows(position + 1)
        feed.end()
        run.join()
    assert [("r1", 0, 2.0), ("r2", 1, 6.0), ("r3", 2, 6.0)] == rig.scored()


def test_the_same_bytes_switch_back_and_the_same_id_does_not(rig: Rig) -> None:
    for factor, name in ((2, "a"), (3, "b"), (2, "c"), (3, "b")):
        rig.publish(factor, publication_id=name)
    rig.run(records(2))
    assert [("r0", 2, 0.0), ("r1", 2, 2.0)] == rig.scored()
    rig.watch.await_event(Happening.DUPLICATE, 3)


def test_a_pinned_slot_stages_and_an_unpinned_one_serves_what_is_staged(rig: Rig) -> None:
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(feed)) as run:
        rig.watch.await_event(State.SERVING, 0)
        rig.send(Pin(WINE))
        rig.watch.await_event(Happening.PINNED, 1)
        rig.publish(3)
        rig.watch.await_event(State.STAGED, 2)
        feed.put(record(1))
        rig.watch.await_rows(1)
        rig.send(Unpin(WINE))
        rig.watch.await_event(State.SERVING, 2)
        feed.put(record(2))
        feed.end()
        run.join()
    assert [("r1", 0, 2.0), ("r2", 2, 6.0)] == rig.scored()


def test_a_pin_outlives_a_restart(rig: Rig) -> None:
    rig.publish(2)
    rig.send(Pin(WINE))
    rig.run(lambda: records(1))
    rig.publish(3)
    rig.run(lambda: records(2))
    assert [("r0", 0, 0.0), ("r1", 0, 2.0)] == rig.scored()


def test_a_retired_slot_is_addressed_by_no_record(rig: Rig) -> None:
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(feed)) as run:
        feed.put(record(1))
        rig.watch.await_rows(1)
        rig.send(Retire(WINE))
        rig.watch.await_event(Happening.SLOT_RETIRED, 1)
        feed.put(record(2))
        rig.watch.await_rows(2)
        rig.publish(3)
        rig.watch.await_event(State.SERVING, 2)
        feed.put(record(3))
        feed.end()
        run.join()
    assert [("r1", 0, 2.0), ("r3", 2, 9.0)] == rig.scored()
    assert run.summary is not None
    assert (3, 2, 1) == (run.summary.counts.received, run.summary.counts.scored, run.summary.counts.skipped)


def test_every_active_slot_of_its_data_type_scores_a_record(rig: Rig) -> None:
    rig.publish(2)
    rig.publish(3, slot="other")
    rig.publish(5, kind="beer")
    rig.run([record(1), record(2, kind="beer"), record(3)])
    by_slot: dict[SlotKey, list[tuple[str, int, float]]] = {
        slot: [] for slot in (WINE, SlotKey("wine", "other"), SlotKey("beer"))
    }
    for results in rig.results.items:
        by_slot.setdefault(results.slot, []).extend(rows_of(results))
    assert {
        WINE: [("r1", 0, 2.0), ("r3", 0, 6.0)],
        SlotKey("wine", "other"): [("r1", 1, 3.0), ("r3", 1, 9.0)],
        SlotKey("beer"): [("r2", 2, 10.0)],
    } == by_slot


def test_a_slot_may_have_its_own_policy_for_records_without_a_model(rig: Rig) -> None:
    settings = JoinSettings(
        slots={WINE: SlotSettings(no_model=NoModelPolicy.DEAD_LETTER), SlotKey("beer"): SlotSettings()},
        exclude=frozenset({"id", "kind", "at"}),
    )
    summary = rig.run([record(1), record(2, kind="beer")], settings=settings)
    assert [(record(1).decode(), "no-model")] == rig.refused()
    assert (2, 1, 1) == (summary.counts.received, summary.counts.dead_lettered, summary.counts.skipped)
