"""Records: how many are read, what becomes of the bad ones, when the engine ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.states import State
from headrace.engines.embedded import Cadence
from headrace.errors import SinkError, SourceError, StateError
from headrace.records import NoModelPolicy, Results, SwitchMode
from headrace.testing.scaling import write_scaling
from headrace.transports.memory_sinks import ListSink, QueueSink
from tests.engines.embedded.rig import Feed, Rig, Watch, record, records, rows_of, running, settled

EXCLUDE = frozenset({"id", "kind", "at"})


class Tally:
    """Counts how far an iterable of records has been advanced."""

    def __init__(self, count: int) -> None:
        self.advanced = 0
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._count):
            self.advanced += 1
            yield record(number)


def test_while_a_model_is_missing_no_more_is_read_than_may_wait(rig: Rig) -> None:
    held = JoinSettings(no_model=NoModelPolicy.HOLD, queue_records=20, exclude=EXCLUDE)
    items = Tally(1_000)
    cadence = Cadence(batch_records=8, commit=0.01, poll=0.002)
    rig.publish(1, kind="beer")
    with running(rig.engine(items, settings=held, cadence=cadence, capacity=10)) as run:
        rig.watch.await_event(State.SERVING, 0)
        (first,) = settled(lambda: (items.advanced,))
        rig.publish(2)
        run.join()
    # What may wait (20), less than a batch beyond it (7), what waits in the source (10) and one on its way there.
    assert 20 <= first <= 20 + 7 + 10 + 1
    assert 1_000 == items.advanced
    assert [f"r{number}" for number in range(1_000)] == [row[0] for row in rig.scored()]


def test_while_the_sink_is_slow_no_more_is_read_than_may_wait(rig: Rig) -> None:
    rig.publish(2)
    items = Tally(1_000)
    sink: QueueSink[Results] = QueueSink(capacity=2)
    cadence = Cadence(batch_records=8, commit=0.01, poll=0.002)
    with running(rig.engine(items, cadence=cadence, capacity=10, results=sink)):
        (first,) = settled(lambda: (items.advanced,))
        # Two batches in the queue, one that is being written, what waits in the source and one on its way there.
        assert 16 <= first <= 3 * 8 + 10 + 1
        sink.close()


def test_records_that_cannot_be_scored_are_dead_letters_and_their_neighbours_are_not(rig: Rig) -> None:
    rig.publish(2, content=write_scaling(2, most=100))
    bad = {
        b"{": "undecodable",
        b"": "empty-message",
        record(1, kind="cider"): "undeclared-data-type",
        record(2, x="much"): "wrong-type",
        record(3, x=101): "scoring-failed",
        b'{"kind":"wine","id":"r4","at":1,"x":NaN}': "undecodable",
        b'{"kind":"wine","at":1,"x":1}': "missing-field",
        b'{"id":"r5","at":1,"x":1}': "no-data-type",
    }
    lines = [line for number, item in enumerate(bad, start=10) for line in (record(number), item)]
    summary = rig.run([*lines, record(99)])
    assert {(line.decode(), code) for line, code in bad.items()} == set(rig.refused())
    assert len(bad) == len(rig.refused())
    assert [f"r{number}" for number in (*range(10, 10 + len(bad)), 99)] == [row[0] for row in rig.scored()]
    assert (17, 9, 8, 0) == tuple(
        getattr(summary.counts, name) for name in ("received", "scored", "dead_lettered", "skipped")
    )


def test_a_record_without_a_value_for_the_model_is_its_own_row_error(rig: Rig) -> None:
    rig.publish(2)
    rig.run([b'{"kind":"wine","id":"r1","at":1}', record(2)])
    assert [("r1", 0, None), ("r2", 0, 4.0)] == rig.scored()


@pytest.mark.parametrize("mode", [SwitchMode.EVENT_TIME, SwitchMode.ORDERED])
def test_records_meet_the_model_of_their_time(rig: Rig, mode: SwitchMode) -> None:
    """The log was appended to after the records' times: only what lies after the appends meets a model."""
    for factor in (2, 3):
        rig.publish(factor)
    moments = [message.appended_at for message in rig.messages()]
    times = sorted(moment + off for moment in set(moments) for off in (-1, 0, 1))
    settings = JoinSettings(switch=mode, ordered_by=OrderedBy.TIMESTAMP, exclude=EXCLUDE)
    rig.run([record(number, at=at) for number, at in enumerate(times)], settings=settings)
    expected = [max((each for each in range(2) if moments[each] <= at), default=None) for at in times]
    assert [(f"r{n}", at) for n, at in enumerate(expected) if at is not None] == [row[:2] for row in rig.scored()]


def test_an_event_time_record_waits_until_the_log_has_been_read_up_to_it(rig: Rig) -> None:
    settings = JoinSettings(switch=SwitchMode.EVENT_TIME, exclude=EXCLUDE)
    rig.publish(2)
    (first,) = rig.messages()
    ahead = first.appended_at + 1_000
    rig.publish(3, valid_from=ahead)
    rig.run([record(1, at=ahead - 1), record(2, at=ahead)], settings=settings)
    assert [("r1", 0, 2.0), ("r2", 1, 6.0)] == rig.scored()


def test_a_signal_drains_commits_and_stops(rig: Rig) -> None:
    rig.publish(2)

    def endless() -> Iterator[bytes]:
        number = 0
        while True:
            if number == 500:
                os.kill(os.getpid(), signal.SIGTERM)
            yield record(number)
            number += 1

    engine = rig.engine(endless)
    before = signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    try:
        summary = engine.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    done = summary.counts.scored
    assert summary.drained
    assert done == summary.counts.received
    assert [f"r{number}" for number in range(done)] == [row[0] for row in rig.scored()]
    rig.run(lambda: records(done + 3))
    assert [f"r{number}" for number in range(done + 3)] == [row[0] for row in rig.scored()]


def test_a_stop_before_any_model_has_a_verdict_ends_the_engine(rig: Rig) -> None:
    engine = rig.engine(records(1))
    engine.stop()
    assert 0 == engine.run().counts.received


def test_what_still_waits_for_a_model_at_a_stop_is_told_and_scored_later(rig: Rig) -> None:
    held = JoinSettings(no_model=NoModelPolicy.HOLD, exclude=EXCLUDE)
    summary = rig.run(lambda: records(3), settings=held, endless=False)
    assert (3, False, 0) == (summary.waiting, summary.drained, summary.counts.received)
    rig.publish(2)
    rig.run(lambda: records(3), settings=held)
    assert ["r0", "r1", "r2"] == [row[0] for row in rig.scored()]


def test_a_commit_speaks_of_all_that_was_told_before_it(rig: Rig) -> None:
    """The sink's count at each commit is that of the rows told of before."""
    rig.publish(2)
    counted: list[tuple[int, int]] = []

    class Committed(ListSink[Results]):
        def commit(self) -> dict[str, object]:
            self.reached = sum(len(rows_of(results)) for results in self.items)
            return dict(super().commit())

    sink = Committed()

    class Comparing(Watch):
        def committed(self) -> None:
            super().committed()
            counted.append((self.rows, sink.reached))

    rig.watch = Comparing()
    rig.run(lambda: records(3_000), results=sink, cadence=Cadence(batch_records=16, commit=0.0, poll=0.001))
    assert 3_000 == counted[-1][0]
    assert [told for told, _ in counted] == [reached for _, reached in counted]


def test_a_source_that_fails_ends_the_engine_after_what_was_committed(rig: Rig) -> None:
    rig.publish(2)

    def failing() -> Iterator[bytes]:
        yield from records(10)
        rig.watch.await_commit(10)
        message = "the line was cut"
        raise OSError(message)

    with pytest.raises(SourceError, match="raised OSError after record 9: the line was cut"):
        rig.run(failing)
    rig.run(lambda: records(20))
    assert [f"r{number}" for number in range(20)] == [row[0] for row in rig.scored()]


def test_a_sink_that_fails_ends_the_engine_and_nothing_is_lost(rig: Rig) -> None:
    rig.publish(2)

    class Full(ListSink[Results]):
        def write(self, written: Results) -> None:
            super().write(written)
            message = "no space left"
            raise SinkError(message)

    with pytest.raises(SinkError, match="no space left"):
        rig.run(lambda: records(10), results=Full())
    rig.run(lambda: records(10))
    assert [f"r{number}" for number in range(10)] == [row[0] for row in rig.scored()]


def test_a_state_that_cannot_be_saved_ends_the_engine_and_nothing_is_lost(rig: Rig) -> None:
    rig.publish(2)
    feed = Feed()
    file = rig.state / "state.json"
    with running(rig.engine(lambda: feed)) as run:
        rig.watch.await_commit(0)
        kept = file.rename(rig.path / "kept")
        file.mkdir()
        feed.put(*records(5))
        run.join()
    assert isinstance(run.error, StateError)
    assert "the state cannot be written" in str(run.error)
    file.rmdir()
    kept.rename(file)
    rig.run(lambda: records(5))
    assert [f"r{number}" for number in range(5)] == [row[0] for row in rig.scored()]
