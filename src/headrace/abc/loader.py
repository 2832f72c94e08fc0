"""What a loader must offer: a candidate's bytes in, away from the scoring thread, and a verdict out.

1. Every submitted candidate ends in exactly one of ``Loaded``, ``Rejected`` and ``Deferred``, unless the loader is
   closed first. Before it come its stages, in order: loading, verifying, warming.
2. A rejection depends on the descriptor and the bytes alone. A limit of time or memory, bytes that cannot be had and a
   package that is not installed are no verdict: the candidate is deferred, and submitting it again tries again.
3. Candidates are worked on in the order in which they were submitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from headrace.records import SlotKey

if TYPE_CHECKING:
    from headrace.abc.model import Model
    from headrace.errors import HeadraceError
    from headrace.records import Descriptor

CandidateId = tuple[SlotKey, int]
"""A candidate's slot and its position in the model stream."""


class Stage(StrEnum):
    """How far a load has come; the values are the names of the model's states."""

    LOADING = "loading"
    VERIFYING = "verifying"
    WARMING = "warming"


@dataclass(frozen=True, slots=True)
class Reached:
    """A load has reached a stage; ``at_ns`` is the time of day in nanoseconds since the epoch (UTC)."""

    candidate: CandidateId
    stage: Stage
    at_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A candidate is ready to serve: its model is in this process, verified and warm.

    ``memory`` is an estimate in bytes of what the model holds. The model is the receiver's to close.
    """

    candidate: CandidateId
    model: Model
    format: str
    digest: str
    load_ns: int
    verify_ns: int
    warm_ns: int
    memory: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A verdict against a candidate. ``digest`` is that of the bytes, "" where they were not fetched."""

    candidate: CandidateId
    error: HeadraceError
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """No verdict: something on this instance was in the way. Shown, and submitted again later."""

    candidate: CandidateId
    error: HeadraceError


LoadEvent = Reached | Loaded | Rejected | Deferred


class Contents(Protocol):
    """Model bytes by digest, as a model store keeps them."""

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, checked against it, or None where they are not held."""

    def put(self, content: bytes) -> str:
        """Keep bytes and return their digest; keeping the same bytes twice is nothing new."""


class Loader(Protocol):
    """Loads candidates one after another, away from the caller's thread. No method blocks on a load but ``wait``."""

    def submit(self, candidate: CandidateId, descriptor: Descriptor, contents: Contents) -> None:
        """Ask for a candidate to be loaded. Bytes fetched from a location are put into ``contents``."""

    def poll(self) -> list[LoadEvent]:
        """Hand out what happened since the last call, in the order in which it happened."""

    def wait(self, timeout: float) -> bool:
        """Wait until ``poll`` has something to give, at most so many seconds; tell whether it has."""

    def close(self) -> None:
        """Stop, ending the load under way without a verdict, and give back what the loader holds."""
