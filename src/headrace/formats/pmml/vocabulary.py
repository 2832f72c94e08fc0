"""The texts that a model uses for a field, and their codes."""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Codes, Texts


class Vocabulary:
    """The texts that the model itself uses for a field, each with its code."""

    __slots__ = ("codes", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def code(self, text: str) -> int:
        """Return the code of a text, a new one if it is new. Only at compile time."""
        code = self.codes.setdefault(text, len(self.texts))
        if code == len(self.texts):
            self.texts.append(text)
        return code

    def align(self, column: Texts) -> Codes:
        """Return a column's codes in this vocabulary: -1 missing, ``len(self)`` for any text that it lacks."""
        if column.categories is self.texts:
            return column.codes
        other = len(self.texts)
        find = self.codes.get
        table = np.array([find(text, other) for text in column.categories] + [-1], dtype=np.int32)
        aligned: Codes = table[column.codes]
        return aligned
