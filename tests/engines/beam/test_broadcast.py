"""Models as a side input: every worker holds them, and records are not keyed."""

from __future__ import annotations

import apache_beam as beam
import pytest

from headrace.core.settings import JoinSettings
from headrace.engines.beam import ServeBesideModels
from headrace.errors import ConfigurationError
from headrace.records import NoModelPolicy, SwitchMode
from tests.engines.beam.rig import CODEC, OPTIONS, Gathered, publish, record, run


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


def test_what_needs_a_state_is_refused() -> None:
    for settings in (JoinSettings(switch=SwitchMode.EVENT_TIME), JoinSettings(no_model=NoModelPolicy.HOLD)):
        with pytest.raises(ConfigurationError, match="ServeModels"):
            ServeBesideModels(CODEC, settings)
