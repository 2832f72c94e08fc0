"""What every engine is made of, and how often it does what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from headrace.abc.loader import Loader
    from headrace.abc.source import ModelSource


class EngineContents(Protocol):
    """Model bytes by digest, of which an engine can forget those that nothing names."""

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, or None where they are not held."""

    def put(self, content: bytes) -> str:
        """Keep bytes and return their digest."""

    def keep_only(self, digests: Collection[str]) -> None:
        """Forget all others."""


class Supply(Protocol):
    """What models come by: their stream, a loader, and a store of their bytes."""

    @property
    def models(self) -> ModelSource:
        """The model stream."""

    @property
    def loader(self) -> Loader:
        """Loads candidates away from the scoring thread."""

    @property
    def contents(self) -> EngineContents:
        """Model bytes by digest."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How much at once, and how often. Times are in seconds.

    ``batch_records`` is the most rows of a batch; ``commit`` is how long results may wait to be durable; ``poll`` is
    how long the engine sleeps when nothing wakes it; ``retry`` is the pause before a deferred model is tried again.
    """

    batch_records: int = 4_096
    commit: float = 1.0
    poll: float = 0.02
    retry: float = 5.0
