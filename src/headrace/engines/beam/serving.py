"""``ServeModels``: two collections in, three out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import apache_beam as beam

from headrace.core.settings import JoinSettings
from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, Keyed
from headrace.engines.beam.graph import RESULTS, Served, build_graph
from headrace.engines.beam.keyed import Manner, ServeKeyed
from headrace.loading import LoadOptions
from headrace.machinery.elements import Form, select_members
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection

    from headrace.abc.codec import Codec
    from headrace.records import Command
    from headrace.stores.statistics import Place


class ServeModels(beam.PTransform[Any, Any]):
    """Score records with the models that a model stream brings, keyed by data type and slot.

    Takes ``{"records": ..., "models": ...}``, gives a ``Served``. Records are bytes, ``RecordElement``, or mappings
    with a codec for tables; models are bytes or ``ModelElement``. Both are taken in the global window: what comes out
    can be windowed again. ``step_ms`` is how much event time is taken at once where models switch by it;
    ``decode`` reads a message's command. ``statistics`` is the database, and the job's name in it, to which the workers
    write what each key has done. ``members`` chooses what a line of JSON holds, as ``[results] members`` does; none
    named means all. Raises ``ConfigurationError`` for one that no result has.
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
        statistics: Place | None = None,
        members: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._codec, self._batch_records = codec, batch_records
        self._manner = Manner(
            settings or JoinSettings(),
            options or LoadOptions(),
            form,
            in_child,
            step_ms,
            uuid.uuid4().hex,
            decode,
            statistics,
            select_members(form, members),
        )

    def expand(self, pcolls: Mapping[str, PCollection[Any]]) -> Served:
        """Build the graph."""
        return build_graph(pcolls, self._codec, self._manner, self._batch_records, self._serve)

    def _serve(self, rows: PCollection[Keyed], messages: PCollection[Keyed]) -> Any:
        keyed = (rows, messages) | "Join" >> beam.Flatten()
        step = beam.ParDo(ServeKeyed(self._manner))
        return keyed | "Serve" >> step.with_outputs(DEAD_LETTERS, EVENTS, main=RESULTS)
