"""Words of a text, and where a term occurs among them.

A term of several words occurs where its words stand side by side. With a distance, a word may differ by as many added,
omitted or replaced characters as its phrase has left (Levenshtein's distance). Text that is not to be tokenized is
searched for the term as it stands.

Standard: "Transformations", TextIndex, PMML 4.4.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_NOT_IN_WORDS = re.compile(r"^[^\w]+|[^\w]+$")


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """How words are found: between separators, or (``words``) as the matches of an expression themselves."""

    expression: str = r"\s+"
    words: bool = False
    folds: bool = True

    def split(self, text: str) -> list[Word]:
        """Return the words, without punctuation at their ends, and where they stand."""
        if self.words:
            spans = [match.span() for match in re.finditer(self.expression, text)]
        else:
            spans = [_trim(text, start, end) for start, end in self._between(text)]
        compared = text.lower() if self.folds else text
        if len(compared) != len(text):  # a few letters have a longer lower case: compare them as they are
            compared = text
        return [Word(compared[start:end], start, end) for start, end in spans if start < end]

    def _between(self, text: str) -> list[tuple[int, int]]:
        spans, start = [], 0
        for match in re.finditer(self.expression, text):
            spans.append((start, match.start()))
            start = match.end()
        return [*spans, (start, len(text))]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the punctuation at the ends of a part."""
    part = text[start:end]
    trimmed = _NOT_IN_WORDS.sub("", part)
    start += part.find(trimmed)
    return start, start + len(trimmed)


class Word(NamedTuple):
    """A word as it is compared, and where it stands in its text."""

    text: str
    start: int
    end: int


class Hit(NamedTuple):
    """A place where a term occurs: its first word, and how far the words there are from it."""

    place: int
    distance: int


class Document:
    """A text's words, and at which places each stands."""

    __slots__ = ("_places", "words")

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self._places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            self._places.setdefault(word.text, []).append(place)

    def find(self, term: Sequence[str], distance: int) -> list[Hit]:
        """Return where a term's words occur within a distance of all of them together."""
        if not term:
            return []
        if distance:
            last = len(self.words) - len(term)
            hits = (Hit(place, self._measure(place, term, distance)) for place in range(last + 1))
            return [hit for hit in hits if hit.distance <= distance]
        places = self._places.get(term[0], [])
        if len(term) > 1:
            places = [place for place in places if self._stands(place, term)]
        return [Hit(place, 0) for place in places]

    def _stands(self, place: int, term: Sequence[str]) -> bool:
        part = self.words[place : place + len(term)]
        return len(part) == len(term) and all(word.text == wanted for word, wanted in zip(part, term, strict=True))

    def _measure(self, place: int, term: Sequence[str], limit: int) -> int:
        total = 0
        for word, wanted in zip(self.words[place : place + len(term)], term, strict=True):
            total += measure_distance(word.text, wanted, limit - total)
            if total > limit:
                break
        return total

    def count_commonest(self, length: int) -> int:
        """Return how often the commonest phrase of so many words occurs."""
        if length == 1:
            return max((len(places) for places in self._places.values()), default=0)
        texts = [word.text for word in self.words]
        phrases = Counter(tuple(texts[place : place + length]) for place in range(len(texts) - length + 1))
        return max(phrases.values(), default=0)


def measure_distance(left: str, right: str, limit: int) -> int:
    """Return Levenshtein's distance of two words, or more than ``limit`` where it is more."""
    if left == right:
        return 0
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    row = list(range(len(right) + 1))
    for place, character in enumerate(left, start=1):
        previous, row[0] = row[0], place
        for other, wanted in enumerate(right, start=1):
            cost = min(row[other] + 1, row[other - 1] + 1, previous + (character != wanted))
            previous, row[other] = row[other], cost
        if min(row) > limit:
            return limit + 1
    return row[-1]
