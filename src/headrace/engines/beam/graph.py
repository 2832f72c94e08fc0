"""What both forms of serving have in common: records decoded and messages routed before, all collections told after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, DecodeRecords, Keyed, RouteModels

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection

    from headrace.abc.codec import Codec
    from headrace.engines.beam.keyed import Manner

RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Served:
    """What comes out: results, records that could not be scored, and what happened to models."""

    results: PCollection[Any]
    dead_letters: PCollection[Any]
    events: PCollection[Any]


def build_graph(
    pcolls: Mapping[str, PCollection[Any]],
    codec: Codec,
    manner: Manner,
    batch_records: int,
    serve: Callable[[PCollection[Keyed], PCollection[Keyed]], Any],
    *,
    numbered: bool = False,
) -> Served:
    """Build the graph around ``serve``, which takes rows and messages and gives the step's tagged outputs.

    ``numbered``: messages have to carry their positions.
    """
    decoded = _in_one_window(pcolls["records"]) | "DecodeRecords" >> beam.ParDo(
        DecodeRecords(codec, manner.settings, batch_records, manner.form)
    ).with_outputs(DEAD_LETTERS, main=RESULTS)
    route = RouteModels(manner.settings, manner.form, manner.decode, numbered=numbered)
    routed = (
        pcolls["models"]
        | "ModelsInOneWindow" >> beam.WindowInto(GlobalWindows())
        | "RouteModels" >> beam.ParDo(route).with_outputs(EVENTS, main=RESULTS)
    )
    rows = decoded[RESULTS] | "Rows" >> beam.Map(_pass_on).with_output_types(Keyed)
    messages = routed[RESULTS] | "Messages" >> beam.Map(_pass_on).with_output_types(Keyed)
    served = serve(rows, messages)
    return Served(
        served[RESULTS],
        (decoded[DEAD_LETTERS], served[DEAD_LETTERS]) | "AllDeadLetters" >> beam.Flatten(),
        (routed[EVENTS], served[EVENTS]) | "AllEvents" >> beam.Flatten(),
    )


def _in_one_window(records: PCollection[Any]) -> PCollection[Any]:
    """Take records out of their windows, where they are in some: it costs as much for each as decoding it."""
    if isinstance(records.windowing.windowfn, GlobalWindows):
        return records
    moved: PCollection[Any] = records | "RecordsInOneWindow" >> beam.WindowInto(GlobalWindows())
    return moved


def _pass_on(element: Keyed) -> Keyed:
    """Change nothing: it stands where a type is told, which chooses the coder."""
    return element
