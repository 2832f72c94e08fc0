"""Scenarios drawn at random, dense in what goes wrong: few slots, few bytes, short times.

A ``Plan`` says which part of the contract a scenario is about; the rest is drawn. Rules that keep a scenario within
what the contract promises:

1. All slots of a data type switch in one mode, that of the configuration. A publication that asks for another is
   refused.
2. Positions rise by one and sometimes more. Append times may fall: they then count as the last.
3. Publications by location alone and roll backs do not come together under ``ready``, which passes some over: these are
   not known by their digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.core.settings import JoinSettings, OrderedBy, SlotSettings
from headrace.records import (
    Command,
    Descriptor,
    GoldenRecord,
    Malformed,
    ModelMessage,
    NoModelPolicy,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.testing.scenario import Row, Scenario, digest_of
from headrace.testing.toymodels import INPUT, Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

SLOTS = (SlotKey("wine"), SlotKey("wine", "second"), SlotKey("tea"))
OFTEN = (SLOTS[0], *SLOTS)
DATA_TYPES = ("wine", "wine", "wine", "wine", "tea", "tea", "water", "")
KINDS = ("plain", "plain", "plain", "picky", "brittle", "short")
UNKNOWN = "f" * 64


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario is about: at most so many messages, and rows in a partition; ``in_order``: no row comes late.

    ``outputs`` names those of the models: the first mostly, the last of them sometimes.
    """

    mode: SwitchMode
    ordered_by: OrderedBy = OrderedBy.TIMESTAMP
    messages: int = 14
    rows: int = 14
    in_order: bool = False
    policies: tuple[NoModelPolicy, ...] = tuple(NoModelPolicy)
    lateness: tuple[int, ...] = (0, 4, 15, 10_000)
    outputs: tuple[str, ...] = ("y", "z")


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a model stream is rich in: percentages, and weights of the commands beside publications."""

    future: int
    unsound: int
    other_outputs: int
    commands: tuple[int, ...]

    @classmethod
    def draw(cls, random: Random) -> _Taste:
        commands = tuple(random.choice((0, 1, 3)) for _ in range(6))
        return cls(random.choice((0, 40, 80)), random.choice((0, 15, 40)), random.choice((0, 15, 40)), commands)


@dataclass(slots=True)
class _Log:
    """A model stream in the making."""

    random: Random
    slots: tuple[SlotKey, ...]
    undigested: bool
    rollbacks: bool
    taste: _Taste
    outputs: tuple[str, ...]
    contents: dict[str, bytes] = field(default_factory=dict)
    offered: list[tuple[SlotKey, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    now: int = 10

    def message(self, position: int) -> ModelMessage:
        self.now += self.random.choice((0, 0, 1, 2, 5, 9))
        stamped = self.now - (7 if self.chance(10) else 0)
        return ModelMessage(position, max(stamped, 0), self.command(position))

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def command(self, position: int) -> Command:
        slot = self.random.choice(self.slots)
        kinds = ("publish", "roll back", "pin", "unpin", "retire", "forget", "malformed")
        (kind,) = self.random.choices(kinds, (8, *self.taste.commands))
        match kind:
            case "roll back" if self.rollbacks:
                valid_from, identity = self.valid_from(), self.publication_id(position)
                return Rollback(slot, self.digest(slot), valid_from, identity)
            case "pin":
                return Pin(slot)
            case "unpin":
                return Unpin(slot)
            case "retire":
                return Retire(slot)
            case "forget":
                return Retire(slot, self.digest(slot))
            case "malformed":
                return Malformed("not a command")
            case _:
                return Publish(self.descriptor(slot, position))

    def digest(self, slot: SlotKey) -> str:
        known = [digest for of, digest in self.offered if of == slot]
        return self.random.choice(known) if known and not self.chance(10) else UNKNOWN

    def publication_id(self, position: int) -> str:
        if self.chance(65):
            return ""
        if self.ids and self.chance(35):
            return self.random.choice(self.ids)
        self.ids.append(f"id-{position}")
        return self.ids[-1]

    def valid_from(self) -> int | None:
        return self.now + self.random.choice((-20, -3, 4, 11, 25)) if self.chance(self.taste.future) else None

    def descriptor(self, slot: SlotKey, position: int) -> Descriptor:
        content = self.content(position)
        digest, location = digest_of(content), ""
        self.contents[digest] = content
        self.offered.append((slot, digest))
        golden: tuple[GoldenRecord, ...] = ()
        drawn = self.random.randrange(100)
        if drawn < 12 and self.undigested:
            digest, location = "", f"toy://{position}"
        elif drawn < 16:
            digest, location = digest_of(b"other" + content), f"toy://{position}"
        elif drawn < 20:
            golden = (GoldenRecord({INPUT: 1}, {"y": -1}),)
        if location:
            self.contents[location] = content
        return Descriptor(
            name=f"model-{position}",
            data_type=slot.data_type,
            slot=slot.name,
            location=location,
            digest=digest,
            version=f"v{position}" if self.chance(30) else "",
            publication_id=self.publication_id(position),
            switch=self.switch(slot),
            valid_from=self.valid_from(),
            golden=golden,
            replaces_signature=self.chance(15),
        )

    def switch(self, slot: SlotKey) -> SwitchMode | None:
        known = sum(of == slot for of, _ in self.offered) > 1
        return self.random.choice(tuple(SwitchMode)) if known and self.chance(6) else None

    def content(self, position: int) -> bytes:
        if self.offered and self.chance(20):
            return self.contents[self.random.choice(self.offered)[1]]
        if self.chance(self.taste.unsound):
            return f"corrupt {position}".encode()
        output = self.outputs[-1] if self.chance(self.taste.other_outputs) else self.outputs[0]
        return Recipe(self.random.choice(KINDS), output, (position + 1) * 100).content


def make_scenario(random: Random, plan: Plan) -> Scenario:
    """Draw a scenario: half of them wide, and half of them about one slot, where more happens to it."""
    wide = random.randrange(2) == 0
    settings = draw_settings(random, plan)
    modes = {plan.mode, *(each.switch for each in settings.slots.values())}
    undigested = SwitchMode.READY not in modes or random.randrange(2) == 0
    slots = OFTEN if wide else SLOTS[:1]
    rollbacks = SwitchMode.READY not in modes or not undigested
    log = _Log(random, slots, undigested, rollbacks, _Taste.draw(random), plan.outputs)
    messages, position = [], 0
    for _ in range(random.randint(0, plan.messages)):
        messages.append(log.message(position))
        position += random.choice((1, 1, 1, 2))
    data_types = DATA_TYPES if wide else DATA_TYPES[:1]
    partitions = tuple(draw_rows(random, plan, data_types) for _ in range(random.randint(1, 3)))
    return Scenario(settings, tuple(messages), partitions, log.contents)


def draw_settings(random: Random, plan: Plan) -> JoinSettings:
    """Draw a configuration that keeps to the plan's mode, save for data type ``tea``, which may have its own."""
    slots: dict[SlotKey, SlotSettings] = {}
    if random.randrange(100) < 30:
        slots[random.choice(SLOTS[:2])] = SlotSettings(no_model=random.choice((None, *plan.policies)))
    if random.randrange(100) < 15:
        slots[SLOTS[2]] = SlotSettings(switch=random.choice(tuple(SwitchMode)))
    return JoinSettings(
        switch=plan.mode,
        no_model=random.choice(plan.policies),
        ordered_by=plan.ordered_by,
        slots=slots,
        retain=random.choice((1, 2, 10)),
        lateness=random.choice(plan.lateness),
        queue_records=random.choice((2, 8, 1_000)),
    )


def draw_rows(random: Random, plan: Plan, data_types: Sequence[str] = DATA_TYPES) -> tuple[Row, ...]:
    """Draw the records of one partition."""
    rows, now, disorder = [], random.randint(5, 25), random.choice((0, 20, 50))
    for _ in range(random.randint(0, plan.rows)):
        now += random.choice((0, 1, 2, 4, 9))
        back = 0 if plan.in_order or random.randrange(100) >= disorder else random.choice((1, 5, 20))
        timed = plan.in_order or random.randrange(100) < 96
        rows.append(Row(random.randint(1, 30), random.choice(data_types), now - back if timed else None))
    return tuple(rows)
