"""TensorFlow models of every kind, published into a running stream; each result beside what TensorFlow predicted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.engines.embedded import EmbeddedEngine, Parts
from headrace.engines.embedded.parts import Inlet
from headrace.loading import LoadOptions, open_loader
from headrace.records import Descriptor, Publish
from headrace.stores.contents import DirectoryContents
from headrace.transports.memory import MemorySource
from headrace.transports.model_log import ModelLog, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from tests.engines.embedded.rig import QUICK, Feed, Rig, running
from tests.formats.tensorflow.building import DATA, agree, pack_zip, read_folder, read_predictions

FIELDS = tuple("abcdefghijk")
LAYOUT = Layout(ByField("dataType"), declared=("wine",), id_field="id")


def open_engine(rig: Rig, feed: Feed) -> EmbeddedEngine:
    options = LoadOptions(exclude=LAYOUT.named_fields(), locations=(f"file:{DATA}/",))
    parts = Parts(
        inlets=[Inlet(MemorySource(lambda: feed, name="wines"), JsonCodec(LAYOUT))],
        models=ModelLog(rig.log, decode_command, decode_appended_at),
        loader=open_loader(options),
        contents=DirectoryContents(contents_of(rig.log)),
        results=rig.results,
        dead_letters=rig.dead_letters,
        observers=(rig.watch,),
    )
    return EmbeddedEngine(JoinSettings(exclude=frozenset(LAYOUT.named_fields())), parts, QUICK)


def publications() -> list[tuple[str, Descriptor]]:
    """Give what is published, with the case whose predictions it should give."""

    def of(case: str, **more: Any) -> tuple[str, Descriptor]:
        return case, Descriptor(case, "wine", replaces_signature=True, **more)

    return [
        of("tf1", content=(DATA / "tf1.pb").read_bytes()),
        of("saved_keras", location=f"file:{DATA}/saved_keras"),
        of(
            "tf1", content=(DATA / "tf1.pbtxt").read_bytes(), model_type="tensorflow", mapping={"dense_1_input": FIELDS}
        ),
        of("saved_tf1", content=pack_zip(read_folder("saved_tf1")), options={"tags": "serve"}),
    ]


@pytest.mark.slow
def test_each_takes_over_in_a_running_stream_and_scores_as_tensorflow_does(rig: Rig) -> None:
    wines = next(iter(read_predictions("tf1").values()))
    feed = Feed()
    published = publications()
    with running(open_engine(rig, feed)) as run:
        for position, (_, descriptor) in enumerate(published):
            rig.send(Publish(descriptor))
            rig.watch.await_event(State.SERVING, position)
            for number, wine in enumerate(wines):
                values = dict(zip(FIELDS, wine, strict=True))
                feed.put(json.dumps({"id": f"{position}-{number}", "dataType": "wine", **values}).encode())
            rig.watch.await_rows((position + 1) * len(wines))
        rig.send(Publish(Descriptor("hostile", "wine", content=make_abort(), model_type="tensorflow")))
        rig.watch.await_event(State.REJECTED, len(published))
        feed.end()
        run.join()
    assert [] == rig.dead_letters.items
    rows = [row for results in rig.results.items for row in results.outputs.to_pylist()]
    for position, (case, _) in enumerate(published):
        predicted = list(read_predictions(case).values())[-1]
        served = rows[position * len(wines) : (position + 1) * len(wines)]
        assert agree(predicted, [next(iter(row.values())) for row in served])


def make_abort() -> bytes:
    """Make a graph that would end the process."""
    text = 'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }\n'
    return f'{text}node {{ name: "end" op: "Abort" input: "^x" }}'.encode()
