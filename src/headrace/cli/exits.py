"""What a command's exit code means. Codes are stable: scripts rely on them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from headrace.errors import (
    CommandError,
    ConfigurationError,
    HeadraceError,
    LimitError,
    MissingExtraError,
    ModelError,
    RecordError,
    SinkError,
    SourceError,
    StateError,
)


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    """All that was asked for is done."""
    REFUSED = 1
    """A model or a command was refused, or figures do not add up: the verdict is no."""
    USAGE = 2
    """The command line or the configuration is wrong, or a package is missing."""
    INPUT = 3
    """Records, model messages or another input cannot be read."""
    NO_VERDICT = 4
    """There was no verdict within the time or memory allowed."""
    OUTPUT = 5
    """An output or a state directory cannot be used."""
    DEFECT = 70
    """Headrace itself failed; HEADRACE_DEBUG=1 shows where."""
    INTERRUPTED = 130
    """The command was interrupted by SIGINT."""


_OF_ERROR: Mapping[type[HeadraceError], Exit] = {
    ConfigurationError: Exit.USAGE,
    MissingExtraError: Exit.USAGE,
    ModelError: Exit.REFUSED,
    CommandError: Exit.REFUSED,
    LimitError: Exit.NO_VERDICT,
    RecordError: Exit.INPUT,
    SourceError: Exit.INPUT,
    StateError: Exit.OUTPUT,
    SinkError: Exit.OUTPUT,
}


def exit_of(error: HeadraceError) -> Exit:
    """Give the exit code of an error that ended a command."""
    return next((code for kind, code in _OF_ERROR.items() if isinstance(error, kind)), Exit.DEFECT)
