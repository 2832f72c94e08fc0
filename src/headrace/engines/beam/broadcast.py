"""The form for many workers to a model: models are a side input, records are not keyed and stay where they are.

Rules:

1. Every worker holds every model. Which worker scores a record is the runner's choice, and workers take a model over
   on their own: what a result promises is that the version it names has made it, no more. Whoever needs that versions
   never fall along a partition takes ``ServeModels``.
2. Models switch by ``ready``, whatever their publications ask for, and records that find no model are skipped or are
   dead letters: nothing here has a state that could hold them.
3. Messages carry their positions: one without is refused, since a side input has no order. The runner says when a side
   input is ready and when it is renewed, and records wait for it.
4. A bundle reads which messages there are, and the contents of those alone that its worker does not know: models of
   many megabytes would else go to every bundle.
5. Events are told by each worker that sees them.
6. The step asks for its window, which it has no use for: of one that does not, Beam's workers keep the arguments of its
   first bundle, and with them the side input as it was then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsList, AsMultiMap

from headrace.core.settings import JoinSettings
from headrace.engines.beam.decoding import DEAD_LETTERS, EVENTS, Keyed
from headrace.engines.beam.graph import RESULTS, Served, build_graph
from headrace.engines.beam.keyed import Manner, hand_out
from headrace.errors import ConfigurationError
from headrace.loading import LoadOptions
from headrace.machinery.desk import Desk
from headrace.machinery.elements import Form, select_members, write_outcome
from headrace.machinery.keys import Key, Keys, settings_of
from headrace.machinery.parcels import Message, Rows
from headrace.machinery.shelf import find_shelf
from headrace.records import NoModelPolicy, Publish, SwitchMode
from headrace.stores.contents import digest_of
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection
    from apache_beam.transforms.window import BoundedWindow

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
        options, decode = options or LoadOptions(), partial(_decode_ready, decode)
        self._manner = Manner(settings, options, form, in_child, 1, name, decode, selection=selection)

    def expand(self, pcolls: Mapping[str, PCollection[Any]]) -> Served:
        """Build the graph."""
        return build_graph(pcolls, self._codec, self._manner, self._batch_records, self._serve, numbered=True)

    def _serve(self, rows: PCollection[Keyed], messages: PCollection[Keyed]) -> Any:
        heads = messages | "Heads" >> beam.Map(_head)
        contents = messages | "Contents" >> beam.Map(_name_content)
        step = beam.ParDo(ServeBeside(self._manner), AsList(heads), AsMultiMap(contents))
        return rows | "Serve" >> step.with_outputs(DEAD_LETTERS, EVENTS, main=RESULTS)


class Head(NamedTuple):
    """What a message is without its content, which ``content`` names."""

    key: Key
    position: int
    appended_at: int
    content: str


class ServeBeside(beam.DoFn):
    """Scores rows with the models that the side input holds by then."""

    def __init__(self, manner: Manner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._manner, self._keys = manner, Keys(manner.settings)
        self._desks: dict[Key, Desk] = {}

    def process(
        self,
        element: Keyed,
        heads: Sequence[Head],
        contents: Mapping[str, Iterable[bytes]],
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]  # noqa: ARG002 see rule 6
    ) -> Iterator[object]:
        """Take in what is new of the side input, and score rows."""
        key, rows = element
        assert isinstance(rows, Rows)
        desk = self._desks.get(key)
        if desk is None:
            shelf = find_shelf(self._manner.options, in_child=self._manner.in_child)
            settings = settings_of(self._manner.settings, self._keys, key)
            desk = self._desks[key] = Desk(settings, shelf, self._manner.decode)
        position = desk.join.models.position
        fresh = [head for head in heads if head.key == key and head.position > position]
        for head in sorted(fresh, key=attrgetter("position")):
            content = next(iter(contents[head.content]), None)
            if content is None:  # a runner may show one side input before the other
                break
            desk.receive(Message(content, head.position, head.appended_at))
        desk.offer(rows)
        outcome = desk.work()
        yield from hand_out(write_outcome(outcome, desk.events(), self._manner.form, self._manner.selection))

    def teardown(self) -> None:
        """Give the models back."""
        for desk in self._desks.values():
            desk.close()
        self._desks = {}


def _decode_ready(decode: Callable[[bytes], Command], message: bytes) -> Command:
    """Read a command; the mode that a publication asks for is not heard."""
    command = decode(message)
    return Publish(replace(command.descriptor, switch=None)) if isinstance(command, Publish) else command


def _head(keyed: Keyed) -> Head:
    key, message = keyed
    assert isinstance(message, Message)
    assert message.position is not None
    return Head(key, message.position, message.appended_at, digest_of(message.content))


def _name_content(keyed: Keyed) -> tuple[str, bytes]:
    _, message = keyed
    assert isinstance(message, Message)
    return digest_of(message.content), message.content


def _require_stateless(settings: JoinSettings) -> None:
    each = [settings.switch, *(own.switch for own in settings.slots.values())]
    if any(mode not in {None, SwitchMode.READY} for mode in each):
        raise ConfigurationError("models of a side input switch by 'ready': another mode needs ServeModels")
    policies = [settings.no_model, *(own.no_model for own in settings.slots.values())]
    if NoModelPolicy.HOLD in policies:
        raise ConfigurationError(
            "records cannot be held beside models of a side input: choose 'skip' or 'dead-letter', or ServeModels"
        )
