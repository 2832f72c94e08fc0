"""Models as a side input: every worker holds them, and records are not keyed."""

from __future__ import annotations

import apache_beam as beam
import pytest

from headrace.core.settings import JoinSettings
from headrace.engines.beam import ServeBesideModels
from headrace.errors import ConfigurationError
from headrace.records import NoModelPolicy, SwitchMode
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
