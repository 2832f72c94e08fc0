"""The model side of the join: the model stream in, candidates through their lives, events out.

Rules:

1. Messages come in the order of their positions; one at or below the last position is a repetition and is ignored.
2. Append times never fall: an earlier one counts as the last.
3. A slot's switch mode is that of the configuration, else of its first publication; a publication that asks for another
   is rejected.
4. A roll back is a new candidate made of a retained version; it passes the whole life again. Where what is retained
   hangs on verdicts to come, it waits for them.
5. A call that does not fit a candidate's state raises ``TransitionError``, or ``CommandError`` where there is no such
   candidate, and changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.binding import bind
from headrace.core.candidate import Candidate
from headrace.core.events import Event, Happening, LoadRequest
from headrace.core.retention import Retention
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.slot import Slot, go_back, start_serving
from headrace.core.states import IN_LOADER, State, check_move
from headrace.core.timeline import BEGINNING, END
from headrace.errors import CommandError, SignatureError, TransitionError
from headrace.records import Descriptor, Malformed, Pin, Publish, Retire, Rollback, SlotKey, SwitchMode, Unpin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.abc.model import Model
    from headrace.records import ModelMessage

EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class LoadCost:
    """What a load took: durations in nanoseconds, memory in bytes."""

    load_ns: int = 0
    verify_ns: int = 0
    warm_ns: int = 0
    memory: int = 0


@dataclass(slots=True)
class Models:
    """All slots, and how far the model stream has been read.

    ``position`` is the last message's; ``read_to`` the time up to which no further message can come. ``cold`` until the
    first records come, unless a snapshot was restored.
    """

    settings: JoinSettings
    clock: Callable[[], int]
    slots: dict[SlotKey, Slot] = field(default_factory=dict)
    position: int = -1
    appended: int = BEGINNING
    read_to: int = BEGINNING
    cold: bool = True
    closing: list[Model] = field(default_factory=list)
    _events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS))
    _by_type: dict[str, list[Slot]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.settings.slots:
            self.slot(key, None).timeline.declare()

    def of_type(self, data_type: str) -> list[Slot]:
        """Give the slots of a data type."""
        return self._by_type.get(data_type, [])

    def slot(self, key: SlotKey, asked: SwitchMode | None) -> Slot:
        """Give a slot, making it with the switch mode that its first publication asks for."""
        known = self.slots.get(key)
        if known is None:
            known = Slot(key, self.settings.mode(key, asked), Retention(self.settings.retain))
            self.add_slot(known)
        return known

    def add_slot(self, slot: Slot) -> None:
        """Take in a slot as it is; its policy is that of the configuration."""
        slot.policy = self.settings.policy(slot.key)
        self.slots[slot.key] = slot
        self._by_type.setdefault(slot.key.data_type, []).append(slot)

    def replace_slot(self, slot: Slot) -> None:
        """Put a restored slot in the place of the one of its key, if there is one."""
        earlier = self.slots.get(slot.key)
        if earlier is not None:
            self._by_type[slot.key.data_type].remove(earlier)
        self.add_slot(slot)

    def receive(self, message: ModelMessage) -> None:
        """Take in one message of the model stream. Never raises for what it holds: that is an event."""
        if message.position <= self.position:
            return
        self.position = message.position
        self.appended = max(self.appended, message.appended_at, min(self.read_to, END - 1) + 1)
        self.read_up_to(self.appended - 1)
        command = message.command
        match command:
            case Publish():
                self._publish(command.descriptor, message.position)
            case Rollback():
                self._roll_back(command, message.position)
            case Pin() | Unpin():
                self._steer(command, message.position)
            case Retire():
                self._retire(command, message.position)
            case Malformed():
                self._note(Happening.REFUSED, message.position, None, reason=command.reason)

    def read_up_to(self, moment: int) -> None:
        """Learn that every message appended at or before ``moment`` has been received."""
        self.read_to = max(self.read_to, moment)

    def _publish(self, descriptor: Descriptor, position: int) -> None:
        slot = self.slot(descriptor.slot_key, descriptor.switch)
        if self._is_duplicate(slot, descriptor, position):
            return
        candidate = self._take_in(slot, descriptor, position)
        if descriptor.switch not in {None, slot.mode}:
            told = f"slot {slot.key} switches in mode {slot.mode}, the publication asks for {descriptor.switch}"
            self._reject(slot, candidate, f"{told}: leave the mode out, or publish to another slot")

    def _is_duplicate(self, slot: Slot, descriptor: Descriptor, position: int) -> bool:
        known = slot.knows(descriptor.publication_id)
        if known:
            reason = f"publication id {descriptor.publication_id!r} was seen before"
            self._note(Happening.DUPLICATE, position, slot.key, descriptor, reason=reason)
        return known

    def _take_in(self, slot: Slot, descriptor: Descriptor, position: int, *, parked: bool = False) -> Candidate:
        moment = self._moment(slot, descriptor.valid_from)
        candidate = Candidate(slot.key, position, moment, descriptor, descriptor.digest, parked=parked)
        slot.publish(candidate)
        self._tell(candidate)
        return candidate

    def _roll_back(self, command: Rollback, position: int) -> None:
        slot = self._known_slot(command.slot, position)
        if slot is None:
            return
        asked = Descriptor(
            "",
            command.slot.data_type,
            slot=command.slot.name,
            digest=command.digest,
            valid_from=command.valid_from,
            publication_id=command.publication_id,
            replaces_signature=True,
        )
        if self._is_duplicate(slot, asked, position):
            return
        if slot.undigested:
            self._take_in(slot, asked, position, parked=True)
            return
        found = slot.retention.find(command.digest, position)
        if found is None:
            self._note(Happening.REFUSED, position, slot.key, asked, reason=_explain_unknown(slot, command.digest))
        else:
            self._take_in(slot, go_back(found, asked), position)

    def _steer(self, command: Pin | Unpin, position: int) -> None:
        slot = self._known_slot(command.slot, position)
        if slot is None:
            return
        slot.command(command, self._moment(slot, None), position)
        kind = Happening.PINNED if isinstance(command, Pin) else Happening.UNPINNED
        self._note(kind, position, slot.key)
        self.settle_slot(slot, BEGINNING)

    def _retire(self, command: Retire, position: int) -> None:
        slot = self._known_slot(command.slot, position)
        if slot is None:
            return
        if command.digest:
            forgotten = slot.retained.get(command.digest)
            slot.retention.retire(position, command.digest)
            unknown = forgotten is None and not slot.undigested
            kind = Happening.REFUSED if unknown else Happening.VERSION_FORGOTTEN
            reason = _explain_unknown(slot, command.digest) if unknown else ""
            self._note(kind, position, slot.key, forgotten, digest=command.digest, reason=reason)
            return
        slot.end_service(command, self._moment(slot, None), position)
        self._note(Happening.SLOT_RETIRED, position, slot.key)
        self.settle_slot(slot, BEGINNING)

    def _known_slot(self, key: SlotKey, position: int) -> Slot | None:
        slot = self.slots.get(key)
        if slot is None:
            known = ", ".join(str(each) for each in self.slots) or "none"
            self._note(Happening.REFUSED, position, key, reason=f"no slot {key}; known: {known}")
        return slot

    def _moment(self, slot: Slot, valid_from: int | None) -> int:
        if slot.mode is SwitchMode.EVENT_TIME:
            return max(self.appended, BEGINNING if valid_from is None else valid_from)
        if slot.mode is SwitchMode.ORDERED and self.settings.ordered_by is OrderedBy.TIMESTAMP:
            return self.appended
        return self.position

    def load_requests(self) -> list[LoadRequest]:
        """Give the candidates to load now; they count as loading from here on."""
        requests = []
        for slot in self.slots.values():
            candidate = self._next_load(slot)
            if candidate is not None:
                self._advance(candidate, State.LOADING)
                requests.append(LoadRequest(slot.key, candidate.position))
        return requests

    def _next_load(self, slot: Slot) -> Candidate | None:
        candidate = slot.next_load(cold=self.cold)
        while candidate is not None and candidate.parked and not slot.unpark(candidate):
            self._reject(slot, candidate, _explain_unknown(slot, candidate.digest))
            candidate = slot.next_load(cold=self.cold)
        return candidate

    def candidate(self, key: SlotKey, position: int) -> Candidate:
        """Give a candidate that has no final state; ``CommandError`` where there is none."""
        slot = self.slots.get(key)
        candidate = None if slot is None else slot.live.get(position)
        if candidate is None:
            message = f"slot {key} has no live candidate at position {position}"
            raise CommandError(message)
        return candidate

    def progress(self, key: SlotKey, position: int, state: State) -> None:
        """Learn that a load has reached *verifying* or *warming*."""
        candidate = self.candidate(key, position)
        if state not in {State.VERIFYING, State.WARMING}:
            message = f"a load reaches {State.VERIFYING} and {State.WARMING}; {state} is not for the loader to say"
            raise TransitionError(message)
        self._advance(candidate, state)

    def accept(self, key: SlotKey, position: int, model: Model, digest: str, cost: LoadCost) -> None:
        """Learn that a candidate is loaded, verified and warm; it is rejected where it does not fit its slot."""
        candidate, slot = self.candidate(key, position), self.slots[key]
        check_move(candidate.state, State.STAGED)
        if not candidate.digest:
            slot.retention.offer(position, digest, candidate.descriptor)
        candidate.digest, candidate.deferred = digest, False
        numbers = candidate.statistics
        numbers.load_ns, numbers.verify_ns, numbers.warm_ns = cost.load_ns, cost.verify_ns, cost.warm_ns
        numbers.memory = cost.memory
        misfit = slot.misfit(candidate, model.signature.outputs) or self._unbound(candidate, model)
        if misfit:
            self.closing.append(model)
            self._reject(slot, candidate, misfit)
            return
        slot.accept(candidate, model)
        self._tell(candidate)
        self.settle_slot(slot, BEGINNING)

    def _unbound(self, candidate: Candidate, model: Model) -> str:
        schema = self.settings.schemas.get(candidate.slot.data_type)
        if schema is None:
            return ""
        try:
            bind(model.signature, schema, candidate.descriptor.mapping, exclude=self.settings.exclude)
        except SignatureError as error:
            return str(error)
        return ""

    def reject(self, key: SlotKey, position: int, reason: str) -> None:
        """Learn a verdict against a candidate: what serves goes on."""
        candidate = self.candidate(key, position)
        self._reject(self.slots[key], candidate, reason)

    def _reject(self, slot: Slot, candidate: Candidate, reason: str) -> None:
        slot.reject(candidate, reason)
        self._tell(candidate)
        self.settle_slot(slot, BEGINNING)

    def defer(self, key: SlotKey, position: int, reason: str) -> None:
        """Learn that a limit of time or memory cut a load short: no verdict, to be tried again."""
        candidate = self.candidate(key, position)
        candidate.move(State.RECEIVED, reason)
        candidate.deferred = True
        self._note(Happening.DEFERRED, position, key, candidate.descriptor, reason=reason)
        self.settle_slot(self.slots[key], BEGINNING)

    def retry_deferred(self) -> None:
        """Let deferred candidates be loaded again."""
        for slot in self.slots.values():
            for candidate in slot.live.values():
                candidate.deferred = False

    @property
    def loading(self) -> bool:
        """Whether some candidate has no verdict yet and is not deferred."""
        return any(
            each.state in IN_LOADER or (each.state is State.RECEIVED and not each.deferred)
            for slot in self.slots.values()
            for each in slot.live.values()
        )

    def settle(self, watermarks: Mapping[SlotKey, int]) -> None:
        """Retire what no record can meet any more."""
        for key, watermark in watermarks.items():
            slot = self.slots[key]
            if slot.timeline.may_fold(watermark):
                self.settle_slot(slot, watermark)

    def settle_slot(self, slot: Slot, watermark: int) -> None:
        """Promote, skip and retire what one slot's timeline now says."""
        self.closing += slot.settle(watermark, self.clock(), self._tell)

    def _advance(self, candidate: Candidate, state: State) -> None:
        candidate.move(state)
        self._tell(candidate)

    def _tell(self, candidate: Candidate) -> None:
        version = candidate.version
        self._events.append(
            Event(
                candidate.state,
                self.clock(),
                candidate.position,
                candidate.slot,
                version.name,
                version.version,
                candidate.digest,
                candidate.reason,
            )
        )

    def _note(
        self,
        kind: Happening,
        position: int,
        slot: SlotKey | None,
        descriptor: Descriptor | None = None,
        *,
        digest: str = "",
        reason: str = "",
    ) -> None:
        name = "" if descriptor is None else descriptor.name
        version = "" if descriptor is None else descriptor.version
        digest = digest or ("" if descriptor is None else descriptor.digest)
        self._events.append(Event(kind, self.clock(), position, slot, name, version, digest, reason))

    def start_serving(self, candidate: Candidate) -> None:
        """Let a staged candidate serve from its first record on (``ordered`` and ``event-time``)."""
        start_serving(candidate, self.clock(), self._tell)

    def events(self) -> list[Event]:
        """Hand out the events since the last call."""
        told = list(self._events)
        self._events.clear()
        return told


def _explain_unknown(slot: Slot, digest: str) -> str:
    kept = ", ".join(each[:12] for each in slot.retained) or "none"
    return f"no retained version of slot {slot.key} has the digest {digest}; retained: {kept}"
