"""One model without a stream: given once, scored with until it is given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.abc.loader import Deferred, Loaded, Rejected
from headrace.core.candidate import Candidate
from headrace.core.states import State
from headrace.machinery.shelf import ShelfLoader
from headrace.records import Descriptor, SlotKey
from headrace.stores.contents import MemoryContents

if TYPE_CHECKING:
    from headrace.machinery.shelf import Shelf

_SLOT = SlotKey("inference")
_POLL = 0.1


def load_lone(
    shelf: Shelf,
    content: bytes,
    name: str,
    *,
    model_type: str = "",
    mapping: Mapping[str, tuple[str, ...]] | None = None,
) -> Candidate:
    """Load a model, checked as in a stream of models. Its version is the beginning of its digest.

    Raises ``ModelError`` and ``LimitError``.
    """
    contents = MemoryContents()
    digest = contents.put(content)
    descriptor = Descriptor(
        name, _SLOT.data_type, model_type=model_type, digest=digest, version=digest[:12], mapping=dict(mapping or {})
    )
    candidate = Candidate(_SLOT, 0, 0, descriptor, digest)
    loader = ShelfLoader(shelf)
    loader.submit((_SLOT, 0), descriptor, contents)
    while True:
        loader.wait(_POLL)
        for event in loader.poll():
            if isinstance(event, (Rejected, Deferred)):
                raise event.error
            if isinstance(event, Loaded):
                candidate.model, candidate.state = event.model, State.STAGED
                return candidate
