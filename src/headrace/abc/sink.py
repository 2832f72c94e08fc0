"""What a sink must offer so that an engine can promise each result once.

1. ``write`` may buffer. ``commit`` makes all that was written durable and gives the place reached, as JSON values.
2. The engine stores that place together with its own state, in one step. After a crash it calls ``recover`` with the
   place stored last, before the first ``write``: the sink takes back whatever lies beyond it.
3. A sink that cannot take anything back says so in ``exactly_once``.
4. A sink that can be made durable while it is written on offers ``begin_commit`` as well: an engine then waits for the
   disk on another thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Place = Mapping[str, object]

Written_contra = TypeVar("Written_contra", contravariant=True)


class Sink(Protocol[Written_contra]):
    """Takes results, or dead letters."""

    @property
    def exactly_once(self) -> bool:
        """Whether ``recover`` takes back what was not committed."""

    def recover(self, place: Place | None) -> None:
        """Go back to a place that ``commit`` gave; None where there is none yet.

        Raises ``SinkError`` where the place is not there, or where something lies in the way of a first start.
        """

    def write(self, written: Written_contra) -> None:
        """Take one batch. Raises ``SinkError``."""

    def commit(self) -> Place:
        """Make durable what was written; give the place reached. Raises ``SinkError``."""

    def close(self) -> None:
        """Give back files and connections; what was not committed may be lost."""


@runtime_checkable
class TwoStepSink(Protocol):
    """A sink whose commit has a quick part and one that waits for the disk."""

    def begin_commit(self) -> Callable[[], Place]:
        """End what is to be committed; what this gives makes it durable and gives its place, once, on any thread.

        Later writes may come before that is done, and are not part of the place. Raises ``SinkError``, as does what it
        gives.
        """
