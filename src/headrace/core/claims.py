"""Which outputs a publication of a slot is held to, along the model stream.

Rules:

1. The outputs of the first accepted publication are the slot's; later ones keep their names and types.
2. An accepted publication that replaces the signature sets new ones, for those after it.
3. Retiring the slot ends the claim: the next accepted publication is the first again.
4. A verdict therefore hangs on positions, and not on the order in which candidates were loaded.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.records import Field

    Shape = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Claim:
    """From a position on these outputs are the slot's; None: it has none."""

    position: int
    outputs: tuple[Field, ...] | None = None


@dataclass(slots=True)
class Claims:
    """The claims of one slot, by position. The first holds from the beginning."""

    steps: list[Claim] = field(default_factory=lambda: [Claim(-1)])

    def before(self, position: int) -> Claim:
        """Give the claim that holds for a publication."""
        return self.steps[max(0, bisect_left(self.steps, position, key=_position) - 1)]

    def put(self, claim: Claim) -> None:
        """Put a claim at its place; one that is there already is replaced."""
        place = bisect_left(self.steps, claim.position, key=_position)
        known = place < len(self.steps) and self.steps[place].position == claim.position
        self.steps[place : place + known] = [claim]

    def forget_before(self, position: int) -> None:
        """Forget the claims that no publication from ``position`` on is held to."""
        del self.steps[: max(0, bisect_left(self.steps, position, key=_position) - 1)]


def _position(claim: Claim) -> int:
    return claim.position


def explain_misfit(had: tuple[Field, ...], have: tuple[Field, ...]) -> str:
    """Say how outputs differ from those they are held to, or "" where they do not; their order does not matter."""
    before: dict[str, Shape] = {each.name: (each.type, each.shape) for each in had}
    after: dict[str, Shape] = {each.name: (each.type, each.shape) for each in have}
    told = [f"{name} is absent" for name in before if name not in after]
    told += [f"{name} is new" for name in after if name not in before]
    changed = [name for name in before if name in after and before[name] != after[name]]
    return "; ".join(told + [f"{name} is {_show(after[name])}, was {_show(before[name])}" for name in changed])


def _show(shape: Shape) -> str:
    kind, sizes = shape
    return f"{kind}{list(sizes)}" if sizes else kind
