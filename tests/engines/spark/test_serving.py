"""``serve`` on a local Spark, from topic to topic: the properties that hold on every engine, in short form.

That nothing is lost when processes are killed is shown in ``tests/testing/spark_kills``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.app.statistics import KeptStatistics
from headrace.core.settings import JoinSettings, SlotSettings
from headrace.engines.spark import serve
from headrace.engines.spark.serving import PROVIDER, ROCKS_DB
from headrace.errors import ConfigurationError
from headrace.records import Descriptor, NoModelPolicy, Publish, Rollback, SlotKey, SwitchMode
from headrace.stores.contents import digest_of
from headrace.stores.statistics import Place, find_database
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.parts import split
from tests.engines.spark.rig import CODEC, Topics, publish, record

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("spark")]

BY_TIME = JoinSettings(switch=SwitchMode.EVENT_TIME)
HOLD = JoinSettings(no_model=NoModelPolicy.HOLD)
LAST = 1_000_000
"""The time of a record that comes last: the watermark passes all others."""


def test_models_take_over_bad_input_harms_nothing_and_the_counts_add_up(spark: SparkSession, topics: Topics) -> None:
    topics.send((0, publish(2)))
    bad = [(0, b"nonsense"), (1, record(3, x="text"))]
    topics.put((0, record(1)), (1, record(2)), *bad, (0, record(4)), (1, record(50, kind="beer")))
    topics.serve(spark)
    assert {"r1": 2.0, "r2": 4.0, "r4": 8.0} == topics.scores
    topics.send((0, b"nonsense"), (0, publish(0, content=b"poison")), (0, publish(10)))
    number = 5
    topics.put((0, record(number)))
    topics.serve(spark)
    while topics.scores[f"r{number}"] != 10 * number:  # the old one serves until the new one is ready
        assert 2 * number == topics.scores[f"r{number}"]
        number += 1
        topics.put((0, record(number)))
        topics.serve(spark)
    assert {"undecodable", "wrong-type"} >= {each["code"] for each in topics.of("dead-letter")}
    assert 2 == len(topics.of("dead-letter"))
    kinds = {(each["kind"], each["position"]) for each in topics.of("event")}
    assert {("serving", 0), ("command-refused", 1), ("serving", 3)} <= kinds
    assert {("rejected", 2), ("skipped", 2)} & kinds
    counted = topics.counts
    assert (len(topics.scores), 1) == (counted["scored"], counted["skipped"])
    for partition in range(2):
        mine = [each for each in topics.of("result") if each["partition"] == partition]
        ordered = sorted(mine, key=lambda each: int(each["offset"]))
        positions = [each["position"] for each in ordered]
        assert sorted(positions) == positions


def test_neither_the_order_of_arrival_nor_parallelism_changes_what_comes_out(
    spark: SparkSession, topics: Topics
) -> None:
    begins = (1, 7, 8, 30)
    models = [(at, publish(at + 1)) for at in begins]
    records = [(at % 2, record(at)) for at in range(1, 40)]
    there = topics.beside("there")
    there.send(*models)
    there.put(*records, (0, record(LAST)), (1, record(LAST)))
    there.serve(spark, BY_TIME)
    back = topics.beside("back")
    back.put(*records[:10])
    back.serve(spark, BY_TIME, salts=2)
    back.send(*models[:3])
    back.put(*records[10:35])
    back.serve(spark, BY_TIME, salts=2)
    back.send(*models[3:])
    back.put(*records[35:], (0, record(LAST)), (1, record(LAST)))
    back.serve(spark, BY_TIME, salts=2)
    expected = {f"r{at}": at * (1.0 + max(begin for begin in begins if begin <= at)) for at in range(1, 40)}
    assert expected == there.scores
    assert expected == back.scores


def test_times_that_no_calendar_holds_end_no_query(spark: SparkSession, topics: Topics) -> None:
    timed = SlotSettings(switch=SwitchMode.EVENT_TIME, no_model=NoModelPolicy.DEAD_LETTER)
    settings = JoinSettings(slots={SlotKey("wine"): timed})
    far = 1_700_000_000_000_000_000  # nanoseconds, where milliseconds are wanted
    topics.send((1, publish(2)), (1, publish(3, data_type="beer")))
    topics.put(*((1, record(number, kind="beer", at=at)) for number, at in ((1, far), (2, -far), (3, 2**63 - 1))))
    topics.put((0, record(4, at=-far)), (0, record(5)), (1, record(6)), (1, record(7, at=far)), (1, record(8)))
    topics.serve(spark, settings)
    assert {"r1": 3.0, "r2": 6.0, "r3": 9.0, "r5": 10.0, "r6": 12.0} == topics.scores
    assert [("r4", "no-model")] == [(each["id"], each["code"]) for each in topics.of("dead-letter")]
    topics.put((0, record(9)))
    topics.serve(spark, settings)
    assert 18.0 == topics.scores["r9"]
    assert {"r7", "r8"}.isdisjoint(topics.scores)  # one that is far in the future holds those behind it


def test_rolling_back_equals_never_having_promoted(spark: SparkSession, topics: Topics) -> None:
    records = [(at % 2, record(at)) for at in range(1, 40)]
    promoted, plain = topics.beside("promoted"), topics.beside("plain")
    back = Rollback(SlotKey("wine"), digest_of(write_scaling(2)))
    promoted.send((1, publish(2)), (10, publish(5)), (20, back))
    plain.send((1, publish(2)))
    for each in (promoted, plain):
        each.put(*records, (0, record(LAST)), (1, record(LAST)))
        each.serve(spark, BY_TIME)
    outside = {name: score for name, score in plain.scores.items() if not 10 <= int(name[1:]) < 20}
    assert 29 == len(outside)
    assert outside | {f"r{at}": at * 5.0 for at in range(10, 20)} == promoted.scores


def test_records_wait_in_the_state_for_the_first_model_and_each_declared_slot_scores_them(
    spark: SparkSession, topics: Topics
) -> None:
    slots = {SlotKey("wine", "a"): SlotSettings(), SlotKey("wine", "b"): SlotSettings()}
    settings = JoinSettings(no_model=NoModelPolicy.HOLD, slots=slots)
    topics.put((0, record(1)), (1, record(2)))
    topics.serve(spark, settings)
    assert [] == topics.of("result")
    topics.send((0, publish(2, slot="a")), (0, publish(3, slot="b")))
    topics.put((0, record(3)))
    topics.serve(spark, settings)
    found = sorted((each["slot"], each["id"], each["outputs"]["y"]) for each in topics.of("result"))
    expected = [
        (slot, f"r{number}", factor * number) for slot, factor in (("a", 2.0), ("b", 3.0)) for number in (1, 2, 3)
    ]
    assert expected == found


def test_a_model_that_comes_in_parts_is_put_together(spark: SparkSession, topics: Topics) -> None:
    content = write_scaling(2)
    *parts, last = split(content, digest_of(content), size=10)
    topics.send_parts(parts)
    topics.put((0, record(1)))
    topics.serve(spark, HOLD, parts=True)
    assert [] == topics.of("event")
    topics.send_parts([last])
    topics.send((0, Publish(Descriptor("in parts", "wine", digest=digest_of(content)))))
    topics.put((0, record(2)))
    topics.serve(spark, HOLD, parts=True)
    assert {"r1": 2.0, "r2": 4.0} == topics.scores


def test_parts_that_nobody_puts_together_are_told_once(spark: SparkSession, topics: Topics) -> None:
    content = write_scaling(2)
    topics.send_parts(split(content, digest_of(content), size=10))
    topics.put((0, record(1)))
    topics.serve(spark)
    (event,) = topics.of("event")
    assert "command-refused" == event["kind"]
    assert "[engine] parts = true" in event["reason"]


def test_models_in_parts_take_over_by_event_time(spark: SparkSession, topics: Topics) -> None:
    contents = [write_scaling(factor) for factor in (2, 3)]
    first, second = (list(split(content, digest_of(content), size=10)) for content in contents)
    topics.send_parts([*first, *second])
    for at, content in zip((1, 10), contents, strict=True):
        topics.send((at, Publish(Descriptor(f"from {at}", "wine", digest=digest_of(content)))))
    topics.put((0, record(1)), (1, record(12)), (0, record(LAST)), (1, record(LAST + 1)))
    topics.serve(spark, BY_TIME, parts=True)
    assert {"r1": 2.0, "r12": 36.0} == topics.scores


def test_a_session_that_keeps_its_state_elsewhere_is_told_what_to_set(spark: SparkSession) -> None:
    frame = spark.readStream.format("rate").load().selectExpr("cast(cast(value as string) as binary) as value")
    spark.conf.set(PROVIDER, ROCKS_DB.replace("RocksDB", "HDFSBacked"))
    try:
        with pytest.raises(ConfigurationError, match=f"set {PROVIDER} to {ROCKS_DB}"):
            serve(frame, frame, CODEC)
    finally:
        spark.conf.set(PROVIDER, ROCKS_DB)


def test_parts_without_keys_and_offsets_are_refused(spark: SparkSession) -> None:
    frame = spark.readStream.format("rate").load().selectExpr("cast(cast(value as string) as binary) as value")
    with pytest.raises(ConfigurationError, match="models in parts need the columns key, offset, partition, value"):
        serve(frame, frame, CODEC, parts=True)


def test_statistics_of_two_tasks_equal_a_recount(spark: SparkSession, topics: Topics) -> None:
    place = Place(f"sqlite:///{topics.folder / 'statistics.db'}", "job")
    topics.send((0, publish(2)))
    topics.put(*((at % 2, record(at)) for at in range(1, 40)), (0, record(40, x="text")))
    topics.serve(spark, salts=2, statistics=place)
    topics.send((0, publish(3, data_type="beer")))
    topics.put(*((at % 2, record(at, kind="beer")) for at in range(50, 60)), (1, record(60)))
    topics.serve(spark, HOLD, salts=2, statistics=place)
    assert {"wine//0", "wine//1"} < set(find_database(place.address).read("job"))
    view = KeptStatistics(place).read_view()
    times: dict[int, list[int]] = {}
    for each in topics.of("result"):
        times.setdefault(each["position"], []).append(each["score_ns"])
    assert {0: 40, 1: 10} == {position: len(each) for position, each in times.items()}
    assert {position: (len(each), sum(each), min(each), max(each)) for position, each in times.items()} == {
        each.position: (each.records, each.timing.total_ns, each.timing.min_ns, each.timing.max_ns)
        for each in view.versions
        if each.records
    }
    assert 1 == len(topics.of("dead-letter"))  # it could not be decoded, and so came to no key
    assert (50, 50) == (view.total.received, view.total.scored)
