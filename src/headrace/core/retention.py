"""What a roll back may name: the last different bytes that a slot was offered.

Rules:

1. All publications count, whatever their verdict, so that the answer hangs on the model stream alone and every instance
   obeys or refuses a roll back alike, also one that never loaded the version. What is no sound model is rejected again.
2. The same bytes offered again count as new, under their latest descriptor. Beyond the limit the oldest are forgotten.
3. Retiring a digest forgets it, until it is offered again.
4. Bytes from a location count at their publication's position once their digest is known. Under ``ready`` an instance
   that passed such a publication over never learns it: a publication by location should name its digest.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.core.timeline import END

if TYPE_CHECKING:
    from headrace.records import Descriptor


@dataclass(frozen=True, slots=True)
class Offer:
    """Bytes offered at a position of the model stream, or retired there (no descriptor)."""

    position: int
    digest: str
    descriptor: Descriptor | None


@dataclass(slots=True)
class Retention:
    """The offers of one slot, of which the last ``limit`` digests count."""

    limit: int
    offers: list[Offer] = field(default_factory=list)

    def offer(self, position: int, digest: str, descriptor: Descriptor) -> None:
        """Take note of a publication, without its bytes; one without a version keeps its position as version."""
        version = descriptor.version or str(position)
        named = replace(descriptor, content=None, digest=digest, version=version)
        insort(self.offers, Offer(position, digest, named), key=_position)

    def retire(self, position: int, digest: str) -> None:
        """Take note that a digest may be named no more."""
        insort(self.offers, Offer(position, digest, None), key=_position)

    def kept(self, before: int = END) -> dict[str, Offer]:
        """Give what a roll back at a position may name, by digest, oldest first."""
        found: dict[str, Offer] = {}
        for offer in self.offers:
            if offer.position >= before:
                break
            found.pop(offer.digest, None)
            if offer.descriptor is not None:
                found[offer.digest] = offer
            if len(found) > self.limit:
                del found[next(iter(found))]
        return found

    def find(self, digest: str, before: int) -> Descriptor | None:
        """Give the descriptor under which a roll back at a position finds a digest."""
        offer = self.kept(before).get(digest)
        return None if offer is None else offer.descriptor

    def compact(self) -> None:
        """Forget what only roll backs of the past could name."""
        self.offers = list(self.kept().values())


def _position(offer: Offer) -> int:
    return offer.position
