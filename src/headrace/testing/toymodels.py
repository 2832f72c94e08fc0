"""Models of a few bytes, for scenarios: what they compute, and whether they are sound, is plain from the bytes.

The content is text of three parts, ``KIND:OUTPUT:ADDEND``, for instance ``plain:y:7``. Such a model has one input, the
whole number ``x``, and one output of the name ``OUTPUT``: ``x + ADDEND``. The kinds differ in what they do with rows
where ``x`` is a multiple of ``REFUSED``:

- ``plain`` scores them like all others;
- ``picky`` refuses them, row by row, as a well-made model does;
- ``brittle`` raises an exception, whatever else is in the batch;
- ``short`` leaves them out, so that the outputs are fewer than the inputs.

Any other content is no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.abc.model import Scores
from headrace.errors import ModelFormatError, RecordError
from headrace.records import Field, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED = 5
KINDS = ("plain", "picky", "brittle", "short")
INPUT = "x"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a toy model's bytes say."""

    kind: str
    output: str
    addend: int

    @property
    def content(self) -> bytes:
        """The bytes that say it."""
        return f"{self.kind}:{self.output}:{self.addend}".encode()

    def expect(self, x: int) -> int | None:
        """Give the output for a record, or None where the model refuses it."""
        return None if self.kind != "plain" and x % REFUSED == 0 else x + self.addend


def read_recipe(content: bytes) -> Recipe:
    """Read a toy model's bytes; ``ModelFormatError`` where they are none."""
    parts = content.split(b":")
    if len(parts) != 3 or parts[0].decode("ascii", "replace") not in KINDS or not parts[2].isdigit():
        message = f"{content!r} is no toy model: KIND:OUTPUT:ADDEND, with a kind of {', '.join(KINDS)}"
        raise ModelFormatError(message)
    kind, output, addend = (part.decode() for part in parts)
    return Recipe(kind, output, int(addend))


@dataclass(slots=True, eq=False)
class ToyModel:
    """A toy model at work. ``misuses`` collects what no caller may do: score or close after closing."""

    recipe: Recipe
    misuses: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def signature(self) -> Signature:
        """One whole number in, one out."""
        return Signature((Field(INPUT, "int64"),), (Field(self.recipe.output, "int64"),))

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch, as the kind has it."""
        if self.closed:
            self.misuses.append(f"{self.recipe} scored after it was closed")
        values = batch.column(0).to_numpy()
        bad = np.flatnonzero(values % REFUSED == 0) if self.recipe.kind != "plain" else np.array([], dtype=np.int64)
        if self.recipe.kind == "brittle" and len(bad):
            message = f"brittle: {len(bad)} of {len(values)} rows are refused"
            raise ValueError(message)
        if self.recipe.kind == "short":
            values = np.delete(values, bad)
            bad = bad[:0]
        outputs = pa.RecordBatch.from_arrays([pa.array(values + self.recipe.addend)], names=[self.recipe.output])
        return Scores(outputs, {int(row): f"picky: {values[row]} is refused" for row in bad})

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record; ``RecordError`` where it is refused."""
        x = record[INPUT]
        score = self.recipe.expect(x) if isinstance(x, int) else None
        if score is None:
            message = f"{self.recipe.kind}: {x} is refused"
            raise RecordError(message)
        return {self.recipe.output: score}

    def close(self) -> None:
        """Take note of the end."""
        if self.closed:
            self.misuses.append(f"{self.recipe} was closed twice")
        self.closed = True
