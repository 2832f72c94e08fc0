"""A publication on its way through its life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.core.distributions import Glimpse
from headrace.core.spreads import Samples
from headrace.core.states import ACCEPTED, UNRESOLVED, State, check_move
from headrace.core.statistics import VersionStatistics
from headrace.records import ModelVersion

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.model import Model
    from headrace.binding import Binding
    from headrace.records import Descriptor, SlotKey


@dataclass(slots=True, eq=False)
class Candidate:
    """One publication of one slot; ``moment`` is its place on the slot's timeline.

    ``deferred``: a limit cut its loading short. ``proven``: it was accepted before a restart. ``parked``: a roll back
    whose descriptor is not known before earlier candidates have a verdict. ``bindings`` are kept by schema, ``bound``
    is the last one used: comparing schemas costs less than hashing them.
    """

    slot: SlotKey
    position: int
    moment: int
    descriptor: Descriptor
    digest: str
    state: State = State.RECEIVED
    reason: str = ""
    deferred: bool = False
    proven: bool = False
    parked: bool = False
    model: Model | None = None
    statistics: VersionStatistics = field(default_factory=VersionStatistics)
    samples: Samples = field(default_factory=Samples)
    glimpse: Glimpse = field(default_factory=Glimpse)
    bindings: dict[pa.Schema, Binding] = field(default_factory=dict)
    bound: tuple[pa.Schema, Binding] | None = None
    _version: ModelVersion | None = None

    @property
    def version(self) -> ModelVersion:
        """What results name: a publication without a version takes its position as version."""
        known = self._version
        if known is None or known.digest != self.digest:
            text = self.descriptor.version or str(self.position)
            known = self._version = ModelVersion(self.descriptor.name, text, self.digest, self.position)
        return known

    def settle_samples(self) -> VersionStatistics:
        """Count what still waits to be counted, and give the statistics."""
        self.samples.settle(self.statistics.spread)
        self.glimpse.settle(self.statistics.distributions)
        return self.statistics

    @property
    def unbound(self) -> bool:
        """Whether its outputs may differ from those of the candidates before it."""
        return self.proven or self.descriptor.replaces_signature

    @property
    def unresolved(self) -> bool:
        """Whether there is no verdict yet."""
        return self.state in UNRESOLVED

    @property
    def accepted(self) -> bool:
        """Whether it is ready to score."""
        return self.state in ACCEPTED

    def unpark(self, descriptor: Descriptor) -> None:
        """Give a parked roll back its descriptor."""
        self.descriptor, self.parked, self._version = descriptor, False, None

    def move(self, state: State, reason: str = "") -> None:
        """Change the state as the table allows, else raise ``TransitionError`` and change nothing."""
        check_move(self.state, state)
        self.state, self.reason = state, reason
