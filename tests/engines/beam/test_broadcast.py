"""Models as a side input: every worker holds them, and records are not keyed."""

from __future__ import annotations

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from headrace.core.settings import JoinSettings
from headrace.engines.beam import Form, ScoredRecord, ServeBesideModels
from headrace.engines.beam.broadcast import Head, ServeBeside
from headrace.engines.beam.decoding import Keyed
from headrace.engines.beam.keyed import Manner
from headrace.errors import ConfigurationError
from headrace.machinery.parcels import divide
from headrace.records import NoModelPolicy, Raw, SwitchMode
from headrace.stores.contents import digest_of
from tests.engines.beam.rig import CODEC, OPTIONS, Gathered, Script, publish, record, run


def test_the_newest_model_that_is_accepted_scores() -> None:
    models = [publish(0, 2), publish(1, 3), publish(2, content=b"poison")]

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        inlets = {
            "records": pipeline | "R" >> beam.Create([*(record(number) for number in range(50)), b"nonsense"]),
            "models": pipeline | "M" >> beam.Create(models),
        }
        served = inlets | ServeBesideModels(CODEC, None, OPTIONS, in_child=False)
        for name in ("results", "dead_letters", "events"):
            gathered.take(name, getattr(served, name))

    gathered = run(build)
    assert {f"r{number}" for number in range(50)} == set(gathered.scores)
    assert all(y in {2.0 * int(name[1:]), 3.0 * int(name[1:])} for name, y in gathered.scores.items())
    assert [b"nonsense"] == [letter.original for letter in gathered["dead_letters"]]
    for result in gathered["results"]:
        assert result.outputs["y"] == int(result.id[1:]) * {0: 2.0, 1: 3.0}[result.model.position]


def test_a_model_that_comes_later_is_seen_by_workers_that_are_at_work() -> None:
    script = Script().models([publish(0, 2)]).reach(10).records([record(1)]).reach(20)
    script.models([publish(1, 3)]).reach(30).records([record(2)]).reach(40).records([record(3)])
    gathered = script.serve(serve=ServeBesideModels)
    assert {("received", 0), ("received", 1)} <= set(gathered.kinds)
    assert 2.0 == gathered.scores["r1"]


def test_a_message_whose_content_is_not_there_yet_is_taken_in_later() -> None:
    def keyed(number: int) -> Keyed:
        raw = Raw("records", 0, np.array([number]), pa.array([record(number)]))
        ((data_type, rows),) = divide(CODEC.decode(raw))
        return (data_type, ""), rows

    message = publish(4, 2).message
    heads = [Head(("wine", ""), 4, 0, digest_of(message))]
    step = ServeBeside(Manner(JoinSettings(), OPTIONS, Form.VALUES, in_child=False, step=1, name="late"))
    assert [] == list(step.process(keyed(1), heads, {digest_of(message): []}))
    given = list(step.process(keyed(2), heads, {digest_of(message): [message]}))
    step.teardown()
    (result,) = (each for each in given if isinstance(each, ScoredRecord))
    assert ("r2", {"y": 4.0}) == (result.id, dict(result.outputs))


def test_a_publication_that_asks_for_another_mode_switches_by_ready() -> None:
    script = Script().models([publish(0, 2, switch=SwitchMode.EVENT_TIME)]).reach(10)
    gathered = script.records([record(number) for number in range(5)]).serve(serve=ServeBesideModels)
    assert {f"r{number}": 2.0 * number for number in range(5)} == gathered.scores


def test_a_message_without_a_position_is_refused_and_told() -> None:
    script = Script().models([publish(0, 2), publish(1, 3).message]).reach(10).records([record(1)])
    gathered = script.serve(serve=ServeBesideModels)
    assert {"r1": 2.0} == gathered.scores
    (refused,) = [event for event in gathered["events"] if str(event.kind) == "command-refused"]
    assert "give a ModelElement" in refused.reason


def test_what_needs_a_state_is_refused() -> None:
    for settings in (JoinSettings(switch=SwitchMode.EVENT_TIME), JoinSettings(no_model=NoModelPolicy.HOLD)):
        with pytest.raises(ConfigurationError, match="ServeModels"):
            ServeBesideModels(CODEC, settings)
