"""``ServeModels``: two collections in, three out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from headrace.core.settings import JoinSettings
from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, DecodeRecords, Keyed, RouteModels
from headrace.engines.beam.keyed import Manner, ServeKeyed
from headrace.loading import LoadOptions
from headrace.machinery.elements import Form
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection

    from headrace.abc.codec import Codec
    from headrace.records import Command

RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Served:
    """What comes out: results, records that could not be scored, and what happened to models."""

    results: PCollection[Any]
    dead_letters: PCollection[Any]
    events: PCollection[Any]


class ServeModels(beam.PTransform[Any, Any]):
    """Score records with the models that a model stream brings, keyed by data type and slot.

    Takes ``{"records": ..., "models": ...}``, gives a ``Served``. Records are bytes, ``RecordElement``, or mappings
    with a codec for tables; models are bytes or ``ModelElement``. Both are taken in the global window: what comes out
    can be windowed again. ``step_ms`` is how much event time is taken at once where models switch by it;
    ``decode`` reads a message's command.
    """

    def __init__(
        self,
        codec: Codec,
        settings: JoinSettings | None = None,
        options: LoadOptions | None = None,
        *,
        form: Form = Form.VALUES,
        batch_records: int = 4_096,
        step_ms: int = 100,
        in_child: bool = True,
        decode: Callable[[bytes], Command] = decode_command,
    ) -> None:
        super().__init__()
        self._codec, self._batch_records = codec, batch_records
        self._manner = Manner(
            settings or JoinSettings(), options or LoadOptions(), form, in_child, step_ms, uuid.uuid4().hex, decode
        )

    def expand(self, pcolls: Mapping[str, PCollection[Any]]) -> Served:
        """Build the graph."""
        manner = self._manner
        decoded = (
            pcolls["records"]
            | "RecordsInOneWindow" >> beam.WindowInto(GlobalWindows())
            | "DecodeRecords"
            >> beam.ParDo(DecodeRecords(self._codec, manner.settings, self._batch_records, manner.form)).with_outputs(
                DEAD_LETTERS, main=RESULTS
            )
        )
        routed = (
            pcolls["models"]
            | "ModelsInOneWindow" >> beam.WindowInto(GlobalWindows())
            | "RouteModels"
            >> beam.ParDo(RouteModels(manner.settings, manner.form, manner.decode)).with_outputs(EVENTS, main=RESULTS)
        )
        rows = decoded[RESULTS] | "Rows" >> beam.Map(_pass_on).with_output_types(Keyed)
        messages = routed[RESULTS] | "Messages" >> beam.Map(_pass_on).with_output_types(Keyed)
        keyed = (rows, messages) | "Join" >> beam.Flatten()
        served = keyed | "Serve" >> beam.ParDo(ServeKeyed(manner)).with_outputs(DEAD_LETTERS, EVENTS, main=RESULTS)
        return Served(
            served[RESULTS],
            (decoded[DEAD_LETTERS], served[DEAD_LETTERS]) | "AllDeadLetters" >> beam.Flatten(),
            (routed[EVENTS], served[EVENTS]) | "AllEvents" >> beam.Flatten(),
        )


def _pass_on(element: Keyed) -> Keyed:
    """Change nothing: it stands where a type is told, which chooses the coder."""
    return element
