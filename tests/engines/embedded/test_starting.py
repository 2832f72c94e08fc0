"""What comes before the first record: the state, the model stream, the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from headrace.core.events import Happening
from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.engines.embedded import Cadence
from headrace.errors import SourceError, StateError
from headrace.records import Descriptor, NoModelPolicy, Publish
from headrace.stores.contents import digest_of
from headrace.stores.state import StateDirectory, read_state
from headrace.testing.scaling import write_scaling
from headrace.wire.descriptor import encode_command
from tests.engines.embedded.rig import Feed, Rig, golden, record, records, running

HOLD = JoinSettings(no_model=NoModelPolicy.HOLD, exclude=frozenset({"id", "kind", "at"}))


def test_models_are_restored_before_the_first_record_is_read(rig: Rig) -> None:
    rig.publish(2)
    rig.run(lambda: records(2))
    rig.watch.trace.clear()
    read: list[int] = []

    def tell() -> Iterator[bytes]:
        read.append(len(rig.watch.trace))
        yield from records(4)

    rig.run(tell)
    assert [("r0", 0), ("r1", 0), ("r2", 0), ("r3", 0)] == [row[:2] for row in rig.scored()]
    assert ["loading", "verifying", "warming", "staged", "serving"] == rig.watch.trace[: read[0]]


def test_only_the_newest_of_many_candidates_is_loaded(rig: Rig) -> None:
    rig.log.mkdir()
    for position in range(1_002):  # as publishers leave them, without waiting a thousand times for the disk
        descriptor = Descriptor("one of many", "wine", content=write_scaling(position))
        message = encode_command(Publish(descriptor), appended_at=position)
        (rig.log / f"{position:020d}.msg").write_bytes(message)
    rig.run(records(1))
    loaded = [event.position for event in rig.watch.events if event.kind is State.LOADING]
    assert [1_001] == loaded
    assert [("r0", 1_001)] == [row[:2] for row in rig.scored()]


def test_an_older_candidate_is_loaded_where_the_newest_is_refused(rig: Rig) -> None:
    for factor in range(5):
        rig.publish(factor)
    rig.publish(9, golden=(golden(1, 8),))
    rig.run(records(1))
    assert [5, 4] == [event.position for event in rig.watch.events if event.kind is State.LOADING]
    assert [("r0", 4)] == [row[:2] for row in rig.scored()]


def test_frequent_publications_keep_no_record_waiting(rig: Rig) -> None:
    """Whenever a model is loaded the next one is already there: the records start all the same."""
    rig.publish(0)

    class Publisher:
        published = 0

        def happened(self, events: object) -> None:
            if self.published < 200:
                self.published += 1
                rig.publish(self.published)

        def advanced(self, outcome: object) -> None:
            self.published = 200

        def committed(self) -> None:
            pass

    publisher = Publisher()
    feed = Feed()
    feed.put(record(1))
    with running(rig.engine(feed, observers=(publisher,))):
        rig.watch.await_rows(1)
    assert ["r1"] == [row[0] for row in rig.scored()]


def test_a_model_without_which_a_partition_must_not_go_on_is_waited_for(rig: Rig) -> None:
    """The newest model served; after the restart its bytes are gone for a while: no older one takes its place."""
    rig.publish(2)
    feed = Feed()
    with running(rig.engine(lambda: feed)) as run:
        rig.watch.await_event(State.SERVING, 0)
        rig.publish(3)
        rig.watch.await_event(State.SERVING, 1)
        feed.put(record(0))
        feed.end()
        run.join()
    kept = rig.state / "contents" / digest_of(write_scaling(3))
    away = kept.rename(rig.path / "away")
    with running(rig.engine(lambda: records(2))) as run:
        rig.watch.await_event(Happening.DEFERRED, 1)
        away.rename(kept)
        run.join()
    assert [("r0", 1, 0.0), ("r1", 1, 3.0)] == rig.scored()


def test_bytes_from_a_location_are_kept_for_the_restart(rig: Rig) -> None:
    model = rig.path / "model"
    model.write_bytes(write_scaling(2))
    rig.publish(2, content=None, location=f"file:{model}")
    rig.run(lambda: records(1), cadence=Cadence(commit=0.0))
    model.write_bytes(write_scaling(7))
    rig.run(lambda: records(2))
    assert [("r0", 0, 0.0), ("r1", 0, 2.0)] == rig.scored()


def test_bytes_that_nothing_names_are_forgotten(rig: Rig) -> None:
    settings = JoinSettings(retain=2, exclude=frozenset({"id", "kind", "at"}))
    feed = Feed()
    with running(rig.engine(feed, settings=settings)) as run:
        for position, factor in enumerate((2, 3, 4)):
            rig.publish(factor)
            rig.watch.await_event(State.SERVING, position)
        feed.put(record(1))
        feed.end()
        run.join()
    kept = {file.name for file in (rig.state / "contents").iterdir()}
    assert {digest_of(write_scaling(factor)) for factor in (3, 4)} == kept


def test_a_second_engine_on_the_same_state_is_refused(rig: Rig) -> None:
    with running(rig.engine(Feed())), pytest.raises(StateError, match="is held by process"):
        rig.engine(records(1))
    assert rig.run(records(1)).drained


def state_file(rig: Rig) -> Path:
    rig.publish(2)
    rig.run(lambda: records(1))
    return rig.state / "state.json"


def test_a_damaged_state_is_refused_and_left_as_it_is(rig: Rig) -> None:
    file = state_file(rig)
    damaged = file.read_bytes().replace(b"wine", b"vine", 1)
    file.write_bytes(damaged)
    with pytest.raises(StateError, match=r"state\.json is damaged"):
        rig.run(lambda: records(2))
    assert damaged == file.read_bytes()
    assert ["r0"] == [row[0] for row in rig.scored()]


@pytest.mark.parametrize("where", ["commit", "snapshot"])
def test_the_state_of_a_later_version_is_refused_and_left_as_it_is(rig: Rig, where: str) -> None:
    document = msgspec.json.decode(read_state(state_file(rig).parent) or b"")
    (document if where == "commit" else document["join"])["version"] = 99
    state = StateDirectory(rig.state)
    state.save(msgspec.json.encode(document | {"new": 1}))
    state.close()
    before = (rig.state / "state.json").read_bytes()
    with pytest.raises(StateError, match="is of version 99, this Headrace reads up to 1: upgrade Headrace"):
        rig.run(lambda: records(2))
    assert before == (rig.state / "state.json").read_bytes()


def test_a_state_whose_model_log_is_gone_is_refused(rig: Rig) -> None:
    state_file(rig)
    (rig.log / "00000000000000000000.msg").unlink()
    with pytest.raises(SourceError, match="does not hold message 0, which was read before"):
        rig.run(lambda: records(2))


def test_a_source_that_cannot_go_back_is_refused_by_a_state_that_needs_it(rig: Rig) -> None:
    state_file(rig)
    with pytest.raises(SourceError, match="cannot go back to record 1"):
        rig.run(records(2))
    assert rig.run(lambda: records(2)).drained


def test_an_engine_without_a_state_begins_anew(rig: Rig) -> None:
    rig.publish(2)
    for _ in range(2):
        assert 1 == rig.run(records(1), durable=False).counts.scored
        assert ["r0"] == [row[0] for row in rig.scored()]
    assert not rig.state.exists()
