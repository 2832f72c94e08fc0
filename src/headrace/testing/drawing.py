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
    from random import Random

SLOTS = (SlotKey("wine"), SlotKey("wine", "second"), SlotKey("tea"))
DATA_TYPES = ("wine", "wine", "wine", "wine", "tea", "tea", "water", "")
KINDS = ("plain", "plain", "plain", "picky", "brittle", "short")
UNKNOWN = "f" * 64


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario is about: at most so many messages, and rows in a partition; ``in_order``: no row comes late."""

    mode: SwitchMode
    ordered_by: OrderedBy = OrderedBy.TIMESTAMP
    messages: int = 14
    rows: int = 14
    in_order: bool = False
    policies: tuple[NoModelPolicy, ...] = tuple(NoModelPolicy)


@dataclass(slots=True)
class _Log:
    """A model stream in the making."""

    random: Random
    undigested: bool
    rollbacks: bool
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
        slot = self.random.choice(SLOTS) if self.chance(60) else SLOTS[0]
        drawn = self.random.randrange(100)
        if drawn < 62:
            return Publish(self.descriptor(slot, position))
        if drawn < 74 and self.rollbacks:
            valid_from, identity = self.valid_from(), self.publication_id(position)
            return Rollback(slot, self.digest(slot), valid_from, identity)
        if drawn < 81:
            return Pin(slot)
        if drawn < 90:
            return Unpin(slot)
        if drawn < 94:
            return Retire(slot)
        return Retire(slot, self.digest(slot)) if drawn < 98 else Malformed("not a command")

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
        return self.now + self.random.choice((-20, -3, 4, 11, 25)) if self.chance(40) else None

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
        if self.chance(14):
            return f"corrupt {position}".encode()
        output = "z" if self.chance(18) else "y"
        return Recipe(self.random.choice(KINDS), output, (position + 1) * 100).content


def make_scenario(random: Random, plan: Plan) -> Scenario:
    """Draw a scenario."""
    settings = draw_settings(random, plan)
    modes = {plan.mode, *(each.switch for each in settings.slots.values())}
    undigested = SwitchMode.READY not in modes or random.randrange(2) == 0
    log = _Log(random, undigested, rollbacks=SwitchMode.READY not in modes or not undigested)
    messages, position = [], 0
    for _ in range(random.randint(0, plan.messages)):
        messages.append(log.message(position))
        position += random.choice((1, 1, 1, 2))
    partitions = tuple(draw_rows(random, plan) for _ in range(random.randint(1, 3)))
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
        lateness=10_000 if plan.in_order else random.choice((0, 4, 15, 10_000)),
        queue_records=random.choice((2, 8, 1_000)),
    )


def draw_rows(random: Random, plan: Plan) -> tuple[Row, ...]:
    """Draw the records of one partition."""
    rows, now = [], random.randint(5, 25)
    for _ in range(random.randint(0, plan.rows)):
        now += random.choice((0, 1, 2, 4, 9))
        back = 0 if plan.in_order or random.randrange(100) < 75 else random.choice((1, 5, 20))
        timed = plan.in_order or random.randrange(100) < 96
        rows.append(Row(random.randint(1, 30), random.choice(DATA_TYPES), now - back if timed else None))
    return tuple(rows)
