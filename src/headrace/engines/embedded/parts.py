"""What an embedded engine is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.abc.codec import Codec
    from headrace.abc.loader import Loader
    from headrace.abc.observer import Observer
    from headrace.abc.sink import Sink
    from headrace.abc.source import ModelSource, RecordSource
    from headrace.abc.store import StateStore
    from headrace.machinery.parts import EngineContents
    from headrace.records import DeadLetters, Results


@dataclass(frozen=True, slots=True)
class Inlet:
    """A source of records and the codec that reads them."""

    source: RecordSource
    codec: Codec


@dataclass(frozen=True, slots=True)
class Parts:
    """The two inlets, the outlets, and what lies between: a ``Supply`` and more.

    ``state`` None: nothing outlives the process.
    """

    inlets: Sequence[Inlet]
    models: ModelSource
    loader: Loader
    contents: EngineContents
    results: Sink[Results]
    dead_letters: Sink[DeadLetters]
    state: StateStore | None = None
    observers: Sequence[Observer] = ()
