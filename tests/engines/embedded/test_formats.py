"""Real models, loaded in a child process, taking over from each other while records flow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.app.wine import read_records
from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.engines.embedded import EmbeddedEngine, Parts
from headrace.engines.embedded.parts import Inlet
from headrace.loading import LoadOptions, open_loader
from headrace.records import Descriptor, GoldenRecord, Publish, Results
from headrace.stores.state import StateDirectory
from headrace.transports.memory import MemorySource
from headrace.transports.model_log import ModelLog
from headrace.wire.descriptor import decode_appended_at, decode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from tests.engines.embedded.rig import QUICK, Feed, Rig, running

LAYOUT = Layout(ByField("dataType"), declared=("wine",), id_field="id", time_field="time")


def describe(project: Any, file: str) -> Descriptor:
    folder = project / "examples" / "wine" / "models"
    (entry,) = [each for each in json.loads((folder / "models.json").read_text()) if each["file"] == file]
    golden = json.loads((folder / entry["golden"]).read_text())
    return Descriptor(
        entry["name"],
        entry["data_type"],
        version=entry["version"],
        content=(folder / file).read_bytes(),
        golden=tuple(GoldenRecord(each["inputs"], each["outputs"]) for each in golden),
        golden_tolerance=1e-4,
        mapping={name: tuple(fields) for name, fields in entry["mapping"].items()},
    )


def open_engine(rig: Rig, feed: Feed) -> EmbeddedEngine:
    state = StateDirectory(rig.state)
    parts = Parts(
        inlets=[Inlet(MemorySource(lambda: feed, name="wines"), JsonCodec(LAYOUT))],
        models=ModelLog(rig.log, decode_command, decode_appended_at),
        loader=open_loader(LoadOptions(exclude=LAYOUT.named_fields())),
        contents=state.contents,
        results=rig.results,
        dead_letters=rig.dead_letters,
        state=state,
        observers=(rig.watch,),
    )
    return EmbeddedEngine(JoinSettings(exclude=frozenset(LAYOUT.named_fields())), parts, QUICK)


@pytest.mark.slow
def test_a_forest_in_pmml_and_a_network_in_onnx_follow_each_other(rig: Rig, project: Any) -> None:
    wines = [json.dumps(each).encode() for each in read_records()][:90]
    published = ["forest.pmml", "network.onnx", "truncated.pmml", "shuffled.pmml", "forest.pmml"]
    verdicts = [State.SERVING, State.SERVING, State.REJECTED, State.REJECTED, State.SERVING]
    feed = Feed()
    with running(open_engine(rig, feed)) as run:
        for position, (file, verdict) in enumerate(zip(published, verdicts, strict=True)):
            rig.send(Publish(describe(project, file)))
            rig.watch.await_event(verdict, position)
            feed.put(*wines[position * 10 : position * 10 + 10])
            rig.watch.await_rows(position * 10 + 10)
        feed.end()
        run.join()
    served = [row for results in rig.results.items for row in label(results)]
    assert [0] * 10 + [1] * 30 + [4] * 10 == [position for position, _ in served]
    assert all(3 <= int(str(quality)) <= 8 for _, quality in served)
    assert [] == rig.dead_letters.items


def label(results: Results) -> list[tuple[int, object]]:
    positions = [results.versions[index].position for index in results.version_of.tolist()]
    return list(zip(positions, results.outputs.column("quality").to_pylist(), strict=True))


def test_the_scores_of_a_served_model_are_those_of_the_library_that_trained_it(rig: Rig, project: Any) -> None:
    descriptor = describe(project, "forest.pmml")
    rig.send(Publish(descriptor))
    feed = Feed()
    with running(open_engine(rig, feed)) as run:
        for number, golden in enumerate(descriptor.golden):
            feed.put(json.dumps({"id": str(number), "time": 0, "dataType": "wine", **golden.inputs}).encode())
        feed.end()
        run.join()
    served = [quality for results in rig.results.items for _, quality in label(results)]
    assert [golden.outputs["quality"] for golden in descriptor.golden] == served
