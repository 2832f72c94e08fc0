"""The join's state as a document, and back.

Rules:

1. A snapshot names its version; later versions of Headrace read earlier ones (``_UPGRADES``), and a newer one than this
   code knows is refused.
2. Model bytes are not in it: they are named by digest.
3. A candidate without a verdict starts again at *received*; one that was accepted does too, and counts as proven.
4. The rows in the queues are not in it: a source reads them again from each partition's ``done``.
5. Nothing of a snapshot is shared with a join that was restored from it.
6. A candidate whose life is over is written without its golden records and without its profile: nothing will be held
   against them. A roll back finds them with the bytes that it may name.
7. A snapshot costs what has changed since the one before it, where both are taken with the same memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.core.candidate import Candidate
from headrace.core.claims import Claim, Claims
from headrace.core.memory import Memory
from headrace.core.partition import Partition
from headrace.core.retention import Offer, Retention
from headrace.core.slot import Slot
from headrace.core.states import ACCEPTED, State
from headrace.core.statistics import Counts, VersionStatistics
from headrace.core.timeline import BEGINNING, Course, Entry, Timeline, may_serve
from headrace.errors import StateError
from headrace.records import Descriptor, Field, FieldProfile, GoldenRecord, Pin, Retire, SlotKey, SwitchMode, Unpin

if TYPE_CHECKING:
    from headrace.core.join import Join

VERSION = 1

_COMMANDS: Mapping[str, type[Pin | Unpin | Retire]] = {"pin": Pin, "unpin": Unpin, "retire": Retire}


class GoldenState(msgspec.Struct, frozen=True):
    """A golden record."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]


class DescriptorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A publication without its bytes."""

    name: str
    data_type: str
    description: str = ""
    model_type: str = ""
    location: str = ""
    digest: str = ""
    slot: str = ""
    version: str = ""
    publication_id: str = ""
    switch: SwitchMode | None = None
    valid_from: int | None = None
    golden: list[GoldenState] = []
    golden_tolerance: float = 1e-6
    mapping: dict[str, list[str]] = {}
    replaces_signature: bool = False
    options: dict[str, str] = {}
    profile: list[FieldProfile] = []


class CandidateState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate."""

    position: int
    moment: int
    descriptor: DescriptorState
    state: State
    digest: str = ""
    reason: str = ""
    proven: bool = False
    parked: bool = False
    statistics: VersionStatistics = msgspec.field(default_factory=VersionStatistics)


class EntryState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a timeline; ``command`` is "" where it is the candidate of that position."""

    moment: int
    position: int
    command: str = ""


class OfferState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bytes that a roll back may name, or None where they were retired."""

    position: int
    digest: str
    descriptor: DescriptorState | None = None


class ClaimState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outputs that publications after a position are held to, None for any."""

    position: int
    outputs: list[Field] | None = None


class SlotState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A slot; candidates are named by position, None for none. ``past`` tells when the slot was active."""

    data_type: str
    name: str
    mode: SwitchMode
    base_start: int
    serving: int | None
    staged: int | None
    pinned: bool
    active: bool
    entries: list[EntryState]
    live: list[CandidateState]
    history: list[CandidateState]
    offers: list[OfferState]
    claims: list[ClaimState]
    publication_ids: list[str]
    counts: Counts
    past: list[tuple[int, bool]]
    retired_at: int = -1


class PartitionState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A partition's progress. ``floors`` are triples of data type, slot name and position."""

    source: str
    number: int
    done: int
    max_time: int = BEGINNING
    floors: list[tuple[str, str, int]] = []


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The join between two records."""

    position: int
    appended: int
    read_to: int
    slots: list[SlotState]
    partitions: list[PartitionState]
    unaddressed: Counts


_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_VALUES = {written: float(name) for name, written in _NAMES.items()}

_UPGRADES: Mapping[int, Any] = {}
"""From a version to a function that turns its document into the next version's."""


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Write a snapshot as JSON, its version first."""
    return b'{"version":%d,' % VERSION + msgspec.json.encode(snapshot)[1:]


def decode_snapshot(content: bytes) -> Snapshot:
    """Read a snapshot of this version or an earlier one; ``StateError`` says what is wrong with it."""
    try:
        document = msgspec.json.decode(content)
        version = document["version"]
        while version < VERSION:
            document = _UPGRADES[version](document)
            version = document["version"]
        if version > VERSION:
            message = f"the snapshot is of version {version}, this Headrace reads up to {VERSION}: upgrade Headrace"
            raise StateError(message)
        return msgspec.convert(document, Snapshot, str_keys=True)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        message = f"the snapshot cannot be read: {error}"
        raise StateError(message) from error


def take_snapshot(join: Join, memory: Memory | None = None) -> Snapshot:
    """Give the state between the last row that left and the next; encode it before the join goes on."""
    models = join.models
    memory = memory or Memory()
    memory.turn()
    return Snapshot(
        position=models.position,
        appended=models.appended,
        read_to=models.appended - 1 if models.appended > BEGINNING else BEGINNING,
        slots=[_save_slot(slot, memory) for slot in models.slots.values()],
        partitions=[_save_partition(partition) for partition in join.partitions.values()],
        unaddressed=join.unaddressed,
    )


def restore_snapshot(join: Join, snapshot: Snapshot) -> None:
    """Put a new join into the state of a snapshot.

    Raises ``StateError`` where the configuration switches a slot in another mode than it was saved in.
    """
    models, snapshot = join.models, deepcopy(snapshot)
    slots = [_load_slot(saved, join.settings.retain) for saved in snapshot.slots]
    for slot in slots:
        _check_mode(slot, join)
    models.position, models.appended, models.read_to = snapshot.position, snapshot.appended, snapshot.read_to
    models.cold = False
    for slot in slots:
        models.replace_slot(slot)
        models.settle_slot(slot, BEGINNING)  # what was overtaken while it loaded starts again, and nobody waits for it
    for part in snapshot.partitions:
        floors = {SlotKey(data_type, name): position for data_type, name, position in part.floors}
        key = (part.source, part.number)
        join.partitions[key] = Partition(key, done=part.done, max_time=part.max_time, floors=floors)
    join.unaddressed = snapshot.unaddressed


def _check_mode(slot: Slot, join: Join) -> None:
    own = join.settings.slots.get(slot.key)
    if own is not None and own.switch not in {None, slot.mode}:
        message = (
            f"slot {slot.key} was saved in switch mode {slot.mode} and is configured for {own.switch}: its moments do"
            " not carry over. Keep the mode, publish to a slot of another name, or begin with an empty state"
        )
        raise StateError(message)


def _save_partition(partition: Partition) -> PartitionState:
    floors = [(slot.data_type, slot.name, position) for slot, position in partition.floors.items()]
    return PartitionState(*partition.key, partition.done, partition.max_time, floors)


def _finite(value: Any) -> Any:
    """Write NaN and the infinities as text: JSON has no word for them."""
    if isinstance(value, Mapping):
        return {name: _finite(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return _NAMES.get(repr(value), value) if isinstance(value, float) else value


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_floats(member) for member in value]
    return _VALUES.get(value, value) if isinstance(value, str) else value


def _save_descriptor(descriptor: Descriptor) -> DescriptorState:
    values = {each.name: getattr(descriptor, each.name) for each in fields(descriptor) if each.name != "content"}
    values["golden"] = [GoldenState(_finite(each.inputs), _finite(each.outputs)) for each in descriptor.golden]
    values["mapping"] = {name: list(sources) for name, sources in descriptor.mapping.items()}
    values["options"] = dict(descriptor.options)
    values["profile"] = list(descriptor.profile)
    return DescriptorState(**values)


def _load_descriptor(saved: DescriptorState) -> Descriptor:
    values = msgspec.structs.asdict(saved)
    values["golden"] = tuple(GoldenRecord(_floats(each.inputs), _floats(each.outputs)) for each in saved.golden)
    values["mapping"] = {name: tuple(sources) for name, sources in saved.mapping.items()}
    values["profile"] = tuple(saved.profile)
    return Descriptor(**values)


def _save_candidate(candidate: Candidate, descriptor: DescriptorState) -> CandidateState:
    return CandidateState(
        candidate.position,
        candidate.moment,
        descriptor,
        candidate.state,
        candidate.digest,
        candidate.reason,
        candidate.proven or candidate.accepted,
        candidate.parked,
        candidate.settle_samples(),
    )


def _save_final(candidate: Candidate) -> CandidateState:
    saved = _save_candidate(candidate, _save_descriptor(replace(candidate.descriptor, golden=(), profile=())))
    return msgspec.structs.replace(saved, statistics=replace(candidate.statistics, spread=[], distributions={}))


def _load_candidate(slot: SlotKey, saved: CandidateState, *, alive: bool) -> Candidate:
    candidate = Candidate(slot, saved.position, saved.moment, _load_descriptor(saved.descriptor), saved.digest)
    candidate.statistics = saved.statistics
    candidate.proven = saved.proven or saved.state in ACCEPTED
    candidate.parked = saved.parked
    if not alive:
        candidate.state, candidate.reason = saved.state, saved.reason
    return candidate


def _save_slot(slot: Slot, memory: Memory) -> SlotState:
    base = slot.timeline.base
    return SlotState(
        data_type=slot.key.data_type,
        name=slot.key.name,
        mode=slot.mode,
        base_start=slot.timeline.base_start,
        serving=None if base.serving is None else base.serving.position,
        staged=None if base.staged is None else base.staged.position,
        pinned=base.pinned,
        active=base.active,
        entries=[_save_entry(entry) for entry in slot.timeline.entries if _counts(entry)],
        live=[_save_candidate(each, memory.recall(each.descriptor, _save_descriptor)) for each in slot.live.values()],
        history=[memory.recall(candidate, _save_final) for candidate in slot.history],
        offers=[memory.recall(offer, _save_offer) for offer in slot.retention.offers],
        claims=[_save_claim(claim) for claim in slot.claims.steps],
        publication_ids=list(slot.publication_ids),
        counts=slot.counts,
        past=list(slot.timeline.past),
        retired_at=slot.retired_at,
    )


def _save_offer(offer: Offer) -> OfferState:
    descriptor = None if offer.descriptor is None else _save_descriptor(offer.descriptor)
    return OfferState(offer.position, offer.digest, descriptor)


def _load_offer(saved: OfferState) -> Offer:
    descriptor = None if saved.descriptor is None else _load_descriptor(saved.descriptor)
    return Offer(saved.position, saved.digest, descriptor)


def _save_claim(claim: Claim) -> ClaimState:
    return ClaimState(claim.position, None if claim.outputs is None else list(claim.outputs))


def _load_claim(saved: ClaimState) -> Claim:
    return Claim(saved.position, None if saved.outputs is None else tuple(saved.outputs))


def _counts(entry: Entry) -> bool:
    return entry.candidate is None or may_serve(entry.candidate)


def _save_entry(entry: Entry) -> EntryState:
    if entry.command is None:
        return EntryState(entry.moment, entry.position)
    name = next(name for name, kind in _COMMANDS.items() if isinstance(entry.command, kind))
    return EntryState(entry.moment, entry.position, name)


def _load_slot(saved: SlotState, retain: int) -> Slot:
    key = SlotKey(saved.data_type, saved.name)
    slot = Slot(key, saved.mode, Retention(retain, [_load_offer(each) for each in saved.offers]))
    slot.live = {each.position: _load_candidate(key, each, alive=True) for each in saved.live}
    slot.history.extend(_load_candidate(key, each, alive=False) for each in saved.history)
    course = Course(
        None if saved.serving is None else slot.live.get(saved.serving),
        saved.pinned,
        None if saved.staged is None else slot.live.get(saved.staged),
        saved.active,
    )
    finished = {candidate.position: candidate for candidate in slot.history}
    entries = [_load_entry(key, each, slot, finished) for each in saved.entries]
    slot.timeline = Timeline(course, saved.base_start, saved.past, entries)
    slot.claims = Claims([_load_claim(each) for each in saved.claims])
    slot.publication_ids = dict.fromkeys(saved.publication_ids)
    slot.counts, slot.retired_at = saved.counts, saved.retired_at
    return slot


def _load_entry(key: SlotKey, saved: EntryState, slot: Slot, finished: Mapping[int, Candidate]) -> Entry:
    if saved.command:
        return Entry(saved.moment, saved.position, command=_COMMANDS[saved.command](key))
    candidate = slot.live.get(saved.position) or finished.get(saved.position)
    if candidate is None:
        message = f"the snapshot's timeline of slot {key} names position {saved.position}, which it does not hold"
        raise StateError(message)
    return Entry(saved.moment, saved.position, candidate=candidate)
