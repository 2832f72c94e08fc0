"""What a format must offer: bytes to a model, and a model's one verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from headrace.records import Signature


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A batch of outputs: one row for each row in, null where a row failed.

    ``errors`` maps a row's number to why it could not be scored; its neighbours are scored.
    """

    outputs: pa.RecordBatch
    errors: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A model made ready in another process: a plan of JSON values and the arrays that it names.

    It holds no code and nothing that runs when it is read, so it may cross a process boundary.
    """

    plan: Mapping[str, object]
    arrays: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shaping:
    """How the rows of a table become the records of a model that takes them otherwise, told as ``Model.shaping``.

    Rows with equal values of the inputs ``group_by`` are one record, whose other inputs are lists. A row whose input
    ``count_up`` is n stands for n records, in which it is 1 to n.
    """

    group_by: tuple[str, ...] = ()
    count_up: str = ""


class Model(Protocol):
    """A loaded model. It keeps no state between calls, so one model may score from several threads."""

    @property
    def signature(self) -> Signature:
        """The inputs that ``score`` wants as columns of these names, and the outputs that it gives."""

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch.

        ``batch`` has a column for each input (absent: every value is missing), null where a value is missing; an
        input with a shape comes as a fixed-size list. Never raises for what a record holds: that is a row's error.
        """

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record given as a mapping of input names to Python values; None and absence mean missing.

        Raises ``RecordError`` where ``score`` would give the row an error.
        """

    def close(self) -> None:
        """Give back what the model holds. Scoring afterwards is an error of the caller."""


class Format(Protocol):
    """One model format. Found through the catalog by name, or by looking at the bytes."""

    name: str

    def recognises(self, content: bytes) -> bool:
        """Tell from the first bytes whether this may be a model of this format."""

    def prepare(self, content: bytes) -> Prepared:
        """Parse, check and compile bytes of unknown origin; run in a disposable process.

        Raises ``ModelFormatError`` or ``UnsupportedError``, naming element and line where the format has them.
        """

    def assemble(self, prepared: Prepared) -> Model:
        """Build the model from what ``prepare`` gave. Quick: it runs in the serving process.

        Raises ``ModelFormatError``.
        """

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Run the verification that the model carries within itself, if any.

        Raises ``VerificationError``.
        """


@runtime_checkable
class OptionedFormat(Protocol):
    """A format that a publication may tell what its bytes leave open, such as which of several signatures it means."""

    def with_options(self, options: Mapping[str, str]) -> Format:
        """Give the format as a publication asks for it; what it prepares holds what came of the options.

        Raises ``DescriptorError`` for an option that it does not have, naming those that it has.
        """


@runtime_checkable
class LibraryFormat(Protocol):
    """A format whose library takes a second or more to load: that is done once for each process, ahead of models."""

    def load_library(self) -> None:
        """Load it, and do what takes time only once.

        Raises ``MissingExtraError`` and ``ConfigurationError``.
        """
