"""The form for many workers to a model: models are a side input, records are not keyed and stay where they are.

Rules:

1. Every worker holds every model. Which worker scores a record is the runner's choice, and workers take a model over
   on their own: what a result promises is that the version it names has made it, no more. Whoever needs that versions
   never fall along a partition takes ``ServeModels``.
2. Models switch by ``ready``, and records that find no model are skipped or are dead letters: nothing here has a state
   that could hold them.
3. Messages carry their positions. When a worker starts, it reads the whole side input; the runner says when that is
   ready and when it is renewed, and records wait for it.
4. Events are told by each worker that sees them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.pvalue import AsList

from headrace.core.settings import JoinSettings
from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, Keyed
from headrace.engines.beam.graph import RESULTS, Served, build_graph
from headrace.engines.beam.keyed import Manner, hand_out
from headrace.errors import ConfigurationError
from headrace.loading import LoadOptions
from headrace.machinery.desk import Desk
from headrace.machinery.elements import Form, select_members, write_outcome
from headrace.machinery.keys import Key, Keys, settings_of
from headrace.machinery.parcels import Message, Rows, order_messages
from headrace.machinery.shelf import find_shelf
from headrace.records import NoModelPolicy, SwitchMode
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection

    from headrace.abc.codec import Codec
    from headrace.records import Command


class ServeBesideModels(beam.PTransform[Any, Any]):
    """Score records with models of a side input, spread over all workers.

    Takes and gives what ``ServeModels`` does; messages are ``ModelElement`` values. Raises ``ConfigurationError`` for
    settings that need a state.
    """

    def __init__(
        self,
        codec: Codec,
        settings: JoinSettings | None = None,
        options: LoadOptions | None = None,
        *,
        form: Form = Form.VALUES,
        batch_records: int = 4_096,
        in_child: bool = True,
        decode: Callable[[bytes], Command] = decode_command,
        members: Collection[str] = (),
    ) -> None:
        super().__init__()
        settings = settings or JoinSettings()
        _require_stateless(settings)
        self._codec, self._batch_records = codec, batch_records
        name, selection = uuid.uuid4().hex, select_members(form, members)
        self._manner = Manner(settings, options or LoadOptions(), form, in_child, 1, name, decode, selection=selection)

    def expand(self, pcolls: Mapping[str, PCollection[Any]]) -> Served:
        """Build the graph."""
        return build_graph(pcolls, self._codec, self._manner, self._batch_records, self._serve)

    def _serve(self, rows: PCollection[Keyed], messages: PCollection[Keyed]) -> Any:
        step = beam.ParDo(_ServeBeside(self._manner), AsList(messages))
        return rows | "Serve" >> step.with_outputs(DEAD_LETTERS, EVENTS, main=RESULTS)


class _ServeBeside(beam.DoFn):
    """Scores rows with the models that the side input holds by then."""

    def __init__(self, manner: Manner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._manner, self._keys = manner, Keys(manner.settings)
        self._desks: dict[Key, Desk] = {}

    def process(self, element: Keyed, messages: Sequence[Keyed]) -> Iterator[object]:
        """Take in what is new of the side input, and score rows."""
        key, rows = element
        assert isinstance(rows, Rows)
        desk = self._desks.get(key)
        if desk is None:
            shelf = find_shelf(self._manner.options, in_child=self._manner.in_child)
            settings = settings_of(self._manner.settings, self._keys, key)
            desk = self._desks[key] = Desk(settings, shelf, self._manner.decode)
        position = desk.join.models.position
        mine = [each for place, each in messages if place == key and isinstance(each, Message)]
        for message in order_messages([each for each in mine if each.position is None or each.position > position]):
            desk.receive(message)
        desk.offer(rows)
        outcome = desk.work()
        yield from hand_out(write_outcome(outcome, desk.events(), self._manner.form, self._manner.selection))

    def teardown(self) -> None:
        """Give the models back."""
        for desk in self._desks.values():
            desk.close()
        self._desks = {}


def _require_stateless(settings: JoinSettings) -> None:
    each = [settings.switch, *(own.switch for own in settings.slots.values())]
    if any(mode not in {None, SwitchMode.READY} for mode in each):
        raise ConfigurationError("models of a side input switch by 'ready': another mode needs ServeModels")
    policies = [settings.no_model, *(own.no_model for own in settings.slots.values())]
    if NoModelPolicy.HOLD in policies:
        raise ConfigurationError(
            "records cannot be held beside models of a side input: choose 'skip' or 'dead-letter', or ServeModels"
        )
