"""What a monitor asks of the program around it: to send commands, and to read what has been written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.records import Command, Descriptor


class Steering(Protocol):
    """The model stream, written to. Called from threads of the monitor, never from the engine's."""

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication; give its position and the descriptor as it was sent, without its bytes.

        Raises ``DescriptorError``, ``SourceError`` and ``StateError``.
        """

    def send(self, command: Command) -> int:
        """Append another command and give its position. Raises ``DescriptorError`` and ``SourceError``."""


class Records(Protocol):
    """What an engine has put on file for people. Called from threads of the monitor."""

    def read_events(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last events of earlier runs, oldest first."""

    def read_dead_letters(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last dead letters, newest first. Raises ``SourceError``."""

    def find_problems(self) -> Sequence[str]:
        """Tell what keeps the engine from writing, such as a full disk: a sentence each."""

    def describe_engine(self) -> Mapping[str, object]:
        """Tell which engine this is and what it reads and writes, as JSON values."""
