"""The model inlet: messages to the join, candidates to the loader, verdicts back.

Rules:

1. Bytes that a message carries are kept by digest before the join sees the message; the join holds no bytes.
2. A message whose bytes are not those of its digest is received and rejected at once.
3. A candidate whose bytes are known is loaded from these: what its location holds by now does not matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.abc.loader import Deferred, Loaded, Reached, Rejected, Stage
from headrace.core.models import LoadCost
from headrace.core.states import FINAL, State
from headrace.core.timeline import END
from headrace.records import Publish

if TYPE_CHECKING:
    from headrace.abc.loader import LoadEvent
    from headrace.core.models import Models
    from headrace.machinery.parts import Supply
    from headrace.records import ModelMessage


@dataclass(slots=True)
class Inventory:
    """Moves models between the model stream, the join and the loader.

    ``seen_end``: all that was there at the start has been read; ``ended``: the stream was finite.
    """

    models: Models
    supply: Supply
    retry: float
    seen_end: bool = False
    ended: bool = False
    _retry_at: float = field(default=float("inf"))

    def poll(self) -> bool:
        """Take in what is there; tell whether anything was."""
        moved = self.read()
        return self.load() or moved

    def read(self) -> bool:
        """Take in messages, without asking for a load; tell whether there were any."""
        if self.ended:
            return False
        reading = self.supply.models.poll()
        for message in reading.messages:
            self._receive(message)
        if reading.ended:
            self.ended = True
            self.models.read_up_to(END)
        elif reading.read_to is not None:
            self.models.read_up_to(reading.read_to)
        self.seen_end |= reading.ended or reading.read_to is not None
        return bool(reading.messages) or reading.ended

    def load(self) -> bool:
        """Take in verdicts and ask for loads; tell whether anything moved."""
        moved = False
        for event in self.supply.loader.poll():
            self._learn(event)
            moved = True
        if time.monotonic() >= self._retry_at:
            self._retry_at = float("inf")
            self.models.retry_deferred()
        for request in self.models.load_requests():
            candidate = self.models.candidate(request.slot, request.position)
            descriptor = replace(candidate.descriptor, digest=candidate.digest)
            self.supply.loader.submit((request.slot, request.position), descriptor, self.supply.contents)
            moved = True
        return moved

    def _receive(self, message: ModelMessage) -> None:
        command = message.command
        if message.position <= self.models.position:
            return
        if not isinstance(command, Publish) or command.descriptor.content is None:
            self.models.receive(message)
            return
        descriptor = command.descriptor
        digest = self.supply.contents.put(descriptor.content or b"")
        stripped = replace(descriptor, content=None, digest=digest)
        self.models.receive(replace(message, command=Publish(stripped)))
        if descriptor.digest not in {"", digest}:
            candidate = self.models.slots[descriptor.slot_key].live.get(message.position)
            if candidate is not None and candidate.state not in FINAL:
                told = f"the message names the digest {descriptor.digest}, its bytes have {digest}: send it again"
                self.models.reject(descriptor.slot_key, message.position, told)

    def _learn(self, event: LoadEvent) -> None:
        slot, position = event.candidate
        match event:
            case Reached(stage=stage) if stage is not Stage.LOADING:
                self.models.progress(slot, position, State(stage.value))
            case Reached():
                pass
            case Loaded():
                cost = LoadCost(event.load_ns, event.verify_ns, event.warm_ns, event.memory)
                self.models.accept(slot, position, event.model, event.digest, cost)
            case Rejected():
                self.models.reject(slot, position, str(event.error))
            case Deferred():
                self.models.defer(slot, position, str(event.error))
                self._retry_at = time.monotonic() + self.retry

    def named(self) -> set[str]:
        """Give the digests that a candidate or a retained version names."""
        return {
            digest
            for slot in self.models.slots.values()
            for digest in (*slot.retained, *(candidate.digest for candidate in slot.live.values()))
        }
