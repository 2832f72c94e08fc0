"""The engine that is killed, in a process of its own."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.core.settings import JoinSettings, OrderedBy
from headrace.engines.embedded import Cadence, EmbeddedEngine, Parts
from headrace.engines.embedded.parts import Inlet
from headrace.loading import LoadOptions, open_loader
from headrace.records import NoModelPolicy
from headrace.stores.contents import DirectoryContents, LayeredContents
from headrace.stores.state import StateDirectory
from headrace.testing.kills.plan import DATA_TYPE, Plan, load_plan
from headrace.testing.kills.points import Fuse, FusedObserver, FusedSink, FusedState, LeakySink
from headrace.testing.kills.rations import Rations
from headrace.testing.scaling import FORMATS
from headrace.transports.file_sinks import Existing, FileSink
from headrace.transports.files import FileSource
from headrace.transports.framed_files import Lines
from headrace.transports.model_log import ModelLog, contents_of
from headrace.transports.pacing import PacedSource
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_appended_at, decode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from headrace.wire.results import encode_json_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from headrace.abc.sink import Sink
    from headrace.abc.source import RecordSource
    from headrace.records import DeadLetters, Results

LAYOUT = Layout(ByField("kind"), declared=(DATA_TYPE,), id_field="id", time_field="at")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("at", pa.int64()), ("x", pa.float64())])
CADENCE = Cadence(batch_records=64, commit=0.02, poll=0.005, retry=0.1)
HELD = 20


@dataclass(frozen=True, slots=True)
class Outlets:
    """The two sinks of a plan."""

    results: Sink[Results]
    dead_letters: Sink[DeadLetters]


def open_outlets(plan: Plan, fuse: Fuse) -> Outlets:
    """Open the sinks, with points around them, or without the promise."""
    existing: Existing = "refuse" if plan.durability == "on" else "append"
    results: Sink[Results] = FileSink(plan.results, encode_json_lines, existing=existing)
    dead_letters: Sink[DeadLetters] = FileSink(plan.dead_letters, encode_dead_letters, existing=existing)
    if plan.durability == "off":
        results, dead_letters = LeakySink(results, HELD), LeakySink(dead_letters, HELD)
    return Outlets(FusedSink(results, fuse, "results"), FusedSink(dead_letters, fuse, "dead letters"))


def open_source(plan: Plan, life: int) -> RecordSource:
    """Open the records: the last life gets all that are left, as fast as it can."""
    source = FileSource(plan.inputs, Lines(), name="records")
    if life > plan.kills:
        return source
    share = Rations(source, {partition: plan.share(partition, life) for partition in range(plan.partitions)})
    return PacedSource(share, plan.rate) if plan.rate else share


def open_engine(plan: Plan, fuse: Fuse, at_work: Callable[[], None], life: int) -> EmbeddedEngine:
    """Put the engine of a plan together, for one of its lives."""
    state = StateDirectory(plan.state)
    fuse.watch_renames("state.json")
    outlets = open_outlets(plan, fuse)
    parts = Parts(
        inlets=[Inlet(open_source(plan, life), JsonCodec(LAYOUT, SCHEMA))],
        models=ModelLog(plan.log, decode_command, decode_appended_at),
        loader=open_loader(LoadOptions(formats=FORMATS, warm_rows=(1,)), in_child=False),
        contents=LayeredContents(state.contents, (DirectoryContents(contents_of(plan.log)),)),
        results=outlets.results,
        dead_letters=outlets.dead_letters,
        state=FusedState(state, fuse),
        observers=(FusedObserver(fuse, at_work),),
    )
    settings = JoinSettings(
        switch=plan.mode,
        no_model=NoModelPolicy.HOLD,
        ordered_by=OrderedBy.TIMESTAMP,
        exclude=frozenset(LAYOUT.named_fields()),
    )
    return EmbeddedEngine(settings, parts, CADENCE)


def run(folder: str, told: str, pipe: Connection, life: int) -> None:
    """Run until killed at the point that is ``told`` or from outside; the life after all kills runs to the end.

    A byte through the pipe says that the engine is at work. What goes wrong is written to a file.
    """
    plan = load_plan(Path(folder))
    try:
        open_engine(plan, Fuse(told), lambda: pipe.send_bytes(b"."), life).run()
    except Exception:
        plan.errors.write_text(traceback.format_exc())
        raise
