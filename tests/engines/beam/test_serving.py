"""``ServeModels`` on Prism: what scores which record, and what becomes of bad ones."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.transforms.window import FixedWindows, TimestampedValue

from headrace.app.statistics import KeptStatistics
from headrace.core.join import Join
from headrace.core.settings import JoinSettings, SlotSettings
from headrace.core.timeline import END
from headrace.engines.beam import Form, ModelElement, ServeBesideModels, ServeModels
from headrace.errors import ConfigurationError
from headrace.loading import BackgroundLoader, open_loader
from headrace.machinery.desk import DESKS, Inbox, KeptContents
from headrace.machinery.inventory import Inventory
from headrace.records import ModelMessage, NoModelPolicy, Raw, Retire, Rollback, SlotKey, SwitchMode
from headrace.stores.contents import digest_of
from headrace.stores.statistics import Place
from headrace.testing.scaling import write_scaling
from headrace.wire.dead_letters import decode_dead_letter, encode_dead_letters
from headrace.wire.descriptor import decode_command
from headrace.wire.results.table import tabulate
from tests.engines.beam.rig import CODEC, OPTIONS, Gathered, Script, command, publish, record, run, timed

pytestmark = pytest.mark.slow

BY_TIME = JoinSettings(switch=SwitchMode.EVENT_TIME)
HOLD = JoinSettings(no_model=NoModelPolicy.HOLD)


@dataclass(frozen=True)
class Supplied:
    models: Inbox
    loader: BackgroundLoader
    contents: KeptContents


def test_a_model_takes_over_between_two_records_and_bad_ones_harm_nothing() -> None:
    script = Script().models([publish(0, 2)]).records([record(1), record(2)]).reach(10)
    script.records([b"nonsense", record(3, x="text"), record(4)])
    script.models([ModelElement(b"nonsense", 1), publish(2, content=b"poison")]).reach(20).records([record(5)])
    gathered = script.serve()
    assert {"r1": 2.0, "r2": 4.0, "r4": 8.0, "r5": 10.0} == gathered.scores
    assert [b"nonsense", record(3, x="text")] == sorted(
        (letter.original for letter in gathered["dead_letters"]), key=len
    )
    assert {("command-refused", 1), ("rejected", 2), ("serving", 0)} <= set(gathered.kinds)


def test_records_wait_for_the_first_model() -> None:
    script = Script().records([record(1), record(2)]).reach(10).models([publish(0, 3)]).reach(20)
    gathered = script.records([record(3)]).serve(HOLD)
    assert {"r1": 3.0, "r2": 6.0, "r3": 9.0} == gathered.scores
    assert [] == gathered["dead_letters"]


def test_records_that_wait_to_the_end_are_dead_letters() -> None:
    gathered = Script().records([record(1), record(2)]).serve(HOLD)
    assert [("r1", "no-model"), ("r2", "no-model")] == [(each.id, each.code) for each in gathered["dead_letters"]]


def test_by_event_time_the_time_of_the_record_decides_whatever_comes_when() -> None:
    script = Script().records([timed(at, record(at)) for at in (8, 2, 3, 5)])
    script.models([timed(5, publish(1, 10)), timed(2, publish(0, 2))]).records([timed(4, record(4))]).reach(6)
    script.records([timed(7, record(7)), timed(6, record(6))]).models([timed(7, publish(2, 100))])
    gathered = script.serve(BY_TIME, step_ms=1)
    assert {"r2": 4, "r3": 6, "r4": 8, "r5": 50, "r6": 60, "r7": 700, "r8": 800} == gathered.scores


def test_by_event_time_the_order_of_arrival_changes_nothing() -> None:
    records = [timed(at, record(at)) for at in range(40)]
    models = [timed(at, publish(place, at + 1)) for place, at in enumerate((0, 7, 8, 30))]
    there = Script().models(models).records(records).serve(BY_TIME, step_ms=10)
    back = Script().records(records[::-1]).models(models[::-1]).serve(BY_TIME, step_ms=1)
    expected = {f"r{at}": at * (1 + max(begin for begin in (0, 7, 8, 30) if begin <= at)) for at in range(40)}
    assert expected == there.scores
    assert expected == back.scores


def test_rolling_back_equals_never_having_promoted() -> None:
    stay = [timed(2, publish(0, 2))]
    back = command(2, Rollback(SlotKey("wine"), digest_of(write_scaling(2))))
    promoted = [*stay, timed(5, publish(1, 10)), timed(8, back)]
    runs = []
    for models in (stay, promoted):
        script = Script().models(models).records([timed(at, record(at)) for at in range(2, 12)])
        runs.append(script.serve(BY_TIME, step_ms=1).scores)
    within = {f"r{at}" for at in (5, 6, 7)}
    never, rolled = ({name: y for name, y in run.items() if name not in within} for run in runs)
    assert 7 == len(never)
    assert never == rolled
    assert {"r5": 50, "r6": 60, "r7": 70} == {name: runs[1][name] for name in within}


def test_a_record_from_before_any_model_is_skipped_by_event_time() -> None:
    script = Script().records([timed(1, record(1)), timed(9, record(9))]).models([timed(5, publish(0, 2))])
    assert {"r9": 18} == script.serve(BY_TIME, step_ms=1).scores


def test_declared_slots_have_keys_of_their_own_and_each_scores_every_record() -> None:
    slots = {SlotKey("wine", "a"): SlotSettings(), SlotKey("wine", "b"): SlotSettings()}
    settings = JoinSettings(no_model=NoModelPolicy.HOLD, slots=slots)
    script = Script().models([publish(0, 2, slot="a"), publish(1, 3, slot="b")])
    results = script.records([record(1), record(2)]).serve(settings)["results"]
    expected = [("a", "r1", 2.0), ("a", "r2", 4.0), ("b", "r1", 3.0), ("b", "r2", 6.0)]
    assert expected == sorted((each.slot.name, each.id, each.outputs["y"]) for each in results)


def test_a_message_behind_a_later_one_is_refused_and_told() -> None:
    script = Script().models([publish(5, 2)]).reach(10).models([publish(4, 3)]).reach(20).records([record(1)])
    gathered = script.serve(HOLD)
    assert {"r1": 2.0} == gathered.scores
    assert ("command-refused", 4) in gathered.kinds


def test_a_slot_that_is_retired_serves_no_more() -> None:
    script = Script().models([publish(0, 2)]).records([record(1)]).reach(10)
    script.models([command(1, Retire(SlotKey("wine")))]).reach(20).records([record(2)])
    assert {"r1": 2.0} == script.serve().scores


def test_messages_and_records_without_places_are_numbered_as_they_come() -> None:
    script = Script().models([publish(0, 2).message]).reach(10).records([record(1)]).reach(20).records([record(2)])
    results = script.serve(HOLD)["results"]
    assert [0, 1] == sorted(each.offset for each in results)


def test_lines_of_json_are_those_of_every_engine() -> None:
    gathered = Script().models([publish(0, 2)]).reach(10).records([record(1), b"nonsense"]).serve(HOLD, form=Form.JSON)
    (line,) = map(json.loads, gathered["results"])
    assert ("r1", {"y": 2.0}) == (line["id"], line["outputs"])
    assert ["undecodable"] == [json.loads(letter)["code"] for letter in gathered["dead_letters"]]
    assert "serving" in {json.loads(event)["kind"] for event in gathered["events"]}


@pytest.mark.parametrize("serve", [ServeModels, ServeBesideModels])
def test_members_of_a_line_may_be_chosen(serve: Any) -> None:
    script = Script().models([publish(0, 2)]).reach(10).records([record(1)])
    gathered = script.serve(serve=serve, form=Form.JSON, members=("id", "outputs.y"))
    assert [b'{"id":"r1","outputs":{"y":2.0}}'] == gathered["results"]


@pytest.mark.parametrize("serve", [ServeModels, ServeBesideModels])
def test_members_that_no_line_can_hold_are_refused(serve: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"give form=Form\.JSON with them"):
        serve(CODEC, members=("id",))
    with pytest.raises(ConfigurationError, match="'price' is no member of a result; there are id, key"):
        serve(CODEC, form=Form.JSON, members=("price",))


def test_records_are_taken_out_of_their_windows() -> None:
    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        models = pipeline | "Models" >> beam.Create([publish(0, 2)])
        records = pipeline | "Records" >> beam.Create([record(number) for number in range(3)])
        windowed = records | beam.Map(_by_number) | beam.WindowInto(FixedWindows(1))
        served = {"records": windowed, "models": models} | ServeModels(CODEC, HOLD, OPTIONS, in_child=False)
        gathered.take("results", served.results)

    assert {"r0": 0.0, "r1": 2.0, "r2": 4.0} == run(build).scores


def _by_number(value: bytes) -> TimestampedValue[bytes]:
    return TimestampedValue(value, json.loads(value)["at"])


def test_models_are_checked_in_a_process_of_their_own() -> None:
    content = write_scaling(4)
    script = Script().models([publish(0, content=content), publish(1, content=b"poison")]).reach(10)
    gathered = script.records([record(2)]).serve(HOLD, in_child=True)
    assert {"r2": 8.0} == gathered.scores
    assert ("rejected", 1) in gathered.kinds


def test_a_worker_that_has_lost_its_memory_goes_on_from_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DESKS, "_linger", -1.0)
    script = Script().models([publish(0, 2)]).reach(10).records([record(1)]).reach(20)
    refused = publish(1, content=b"poison", digest="0" * 64)  # at once: a worker without memory would load it each time
    script.models([refused]).reach(30).records([record(2)]).reach(40).records([record(3)])
    gathered = script.serve(HOLD)
    assert {"r1": 2.0, "r2": 4.0, "r3": 6.0} == gathered.scores
    assert 1 == gathered.kinds.count(("received", 0))
    assert 1 == gathered.kinds.count(("rejected", 1))


def test_results_are_those_of_the_core_alone() -> None:
    models = [(at, publish(place, at + 1)) for place, at in enumerate((0, 7, 8, 30))]
    values = [record(at, x="text" if at == 9 else None) for at in range(40)] + [b"nonsense"]
    join = Join(BY_TIME, lambda: 0, time.perf_counter_ns)
    inbox, contents = Inbox(), KeptContents()
    loader = open_loader(OPTIONS, in_child=False)
    inventory = Inventory(join.models, Supplied(inbox, loader, contents), retry=1)
    for at, message in models:
        inbox.put(ModelMessage(message.position, at, decode_command(message.message)))
    inventory.poll()
    while join.models.loading:
        loader.wait(1)
        inventory.poll()
    join.models.read_up_to(END)
    join.offer(CODEC.decode(Raw("records", 0, np.arange(len(values)), pa.array(values, pa.binary()))))
    outcome = join.advance()
    loader.close()
    script = Script().models([timed(at, message) for at, message in models])
    gathered = script.records([timed(at, value) for at, value in enumerate(values)]).serve(BY_TIME, step_ms=7)
    expected = {
        row["id"]: (row["model"], row["position"], row["outputs.y"])
        for results in outcome.results
        for row in tabulate(results).to_pylist()
    }
    assert 39 == len(expected)
    assert expected == {
        each.id: (each.model.name, each.model.position, each.outputs["y"]) for each in gathered["results"]
    }
    lost = [
        decode_dead_letter(line)
        for letters in outcome.dead_letters
        for line in encode_dead_letters(letters).splitlines()
    ]
    assert {(each.code, each.original) for each in lost} == {
        (each.code, each.original) for each in gathered["dead_letters"]
    }


def test_statistics_of_two_keys_equal_a_recount(postgres: str) -> None:
    place = Place(postgres, uuid.uuid4().hex)
    script = Script().models([publish(0, 2), publish(1, 3, data_type="beer")])
    script.records([record(at, kind=kind) for at in range(1, 40) for kind in ("wine", "beer")]).reach(50)
    gathered = script.records([record(60), record(61, x="text")]).serve(HOLD, statistics=place)
    times: dict[int, list[int]] = {}
    for result in gathered["results"]:
        times.setdefault(result.model.position, []).append(result.score_ns)
    view = KeptStatistics(place).read_view()
    assert {0: 40, 1: 39} == {each.position: each.records for each in view.versions}
    assert {position: (len(each), sum(each), min(each), max(each)) for position, each in times.items()} == {
        each.position: (each.timing.count, each.timing.total_ns, each.timing.min_ns, each.timing.max_ns)
        for each in view.versions
    }
    assert (79, 1) == (view.total.scored, len(gathered["dead_letters"]))
    assert view.total.balanced
