"""What a store of an engine's own state must offer."""

from __future__ import annotations

from typing import Protocol


class StateStore(Protocol):
    """Keeps one document: the state as of the last commit. One engine at a time holds it."""

    def load(self) -> bytes | None:
        """Give the document saved last, None where there is none.

        Raises ``StateError`` where it is damaged or written by another program.
        """

    def save(self, document: bytes) -> None:
        """Replace the document, all or nothing; durable when this returns. Raises ``StateError``."""

    def close(self) -> None:
        """Let another engine hold the state."""
