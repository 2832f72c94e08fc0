"""TextIndexNormalization: tables of replacements that bring the forms of a word or phrase to one.

The rows of a table apply in their order, the tables in theirs. A row that is a regular expression replaces all its
matches (``$1`` is a group); any other one replaces the words that it holds. A recursive table applies until it changes
nothing; a text that it makes grow without end is missing.

Standard: "Transformations", TextIndexNormalization, PMML 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from headrace.formats.pmml.expressions.map_values import local_name, read_table
from headrace.formats.pmml.expressions.patterns import MAX_GROUP, explain_pattern, replace_texts
from headrace.formats.pmml.expressions.text_search import Document, Tokenizer
from headrace.formats.pmml.xml import Element, malformed, unsupported

Replacement = Callable[[str], str]
MAX_ROUNDS = 1000
MAX_LENGTH = 1_000_000
"""A recursive table that is not done by then is never done."""


@dataclass(frozen=True, slots=True)
class Search:
    """How a text is searched: a normalization takes over what it does not say itself."""

    folds: bool = True
    distance: int = 0
    separator: str = r"\s+"
    words: bool = False
    tokenize: bool = True

    @property
    def tokenizer(self) -> Tokenizer:
        """What finds the words."""
        return Tokenizer(self.separator, self.words, self.folds)


def read_search(element: Element, outer: Search) -> Search:
    """Read the attributes of a TextIndex or a TextIndexNormalization."""
    words = "x-wordRE" in element.attributes
    own = words or "wordSeparatorCharacterRE" in element.attributes
    separator = element.get("x-wordRE" if words else "wordSeparatorCharacterRE", outer.separator)
    compile_regex(element, separator)
    distance = element.integer("maxLevenshteinDistance", outer.distance)
    if distance < 0:
        raise malformed(element, f"maxLevenshteinDistance={distance} is less than none")
    return Search(
        not element.flag("isCaseSensitive", not outer.folds),
        distance,
        separator,
        words if own else outer.words,
        element.flag("tokenize", outer.tokenize),
    )


def compile_regex(element: Element, pattern: str, folds: bool = False) -> re.Pattern[str]:
    """Compile a regular expression. Raises ``ModelFormatError`` where it is not one."""
    try:
        return re.compile(pattern, re.IGNORECASE if folds else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise malformed(element, f"{pattern[:80]!r} is not a regular expression: {error}") from None


def compile_normalization(element: Element, outer: Search) -> Callable[[str], str | None]:
    """Compile a TextIndexNormalization: from a text to the normalized one, None where it never ends."""
    search = read_search(element, outer)
    table = read_table(element)
    columns = [
        table.get(local_name(element.get(attribute, default)))
        for attribute, default in (("inField", "string"), ("outField", "stem"), ("regexField", "regex"))
    ]
    found, written, marks = columns
    if found is None or written is None:
        raise malformed(element, f"the table lacks inField or outField; it has {', '.join(sorted(table))}")
    replacements = [
        _compile_row(element, search, text, stem, mark.strip().lower() in ("true", "1"))
        for text, stem, mark in zip(found, written, marks or [""] * len(found), strict=True)
    ]
    recursive = element.flag("recursive")

    def normalize(text: str) -> str | None:
        for _ in range(MAX_ROUNDS if recursive else 1):
            before = text
            for replace in replacements:
                text = replace(text)
            if text == before or not recursive:
                return text
            if len(text) > MAX_LENGTH:
                return None
        return None

    return normalize


def _compile_row(element: Element, search: Search, text: str, stem: str, is_regex: bool) -> Replacement:
    if not text:
        raise malformed(element, "a row of the table has no text to replace")
    if is_regex or not search.tokenize:
        pattern = compile_regex(element, text if is_regex else re.escape(text), search.folds)
        if not is_regex:
            return lambda given: pattern.sub(lambda _: stem, given)
        if reason := explain_pattern(text):
            raise unsupported(element, f"the regular expression {text[:80]!r} (RE2 runs it): {reason}")
        _check_groups(element, pattern, stem)
        written = ("(?i)" if search.folds else "") + text
        replacement = stem if "$" in stem else stem.replace("\\", "\\\\")
        return lambda given: replace_texts([given], written, replacement)[0] or ""
    tokenizer = search.tokenizer
    term = [word.text for word in tokenizer.split(text)]

    def replace(given: str) -> str:
        words = tokenizer.split(given)
        parts, done = [], 0
        for hit in Document(words).find(term, search.distance):
            start, end = words[hit.place].start, words[hit.place + len(term) - 1].end
            if start >= done:
                parts += [given[done:start], stem]
                done = end
        return "".join([*parts, given[done:]])

    return replace


def _check_groups(element: Element, pattern: re.Pattern[str], stem: str) -> None:
    for number in re.findall(r"\$(\d+)", stem):
        if int(number) > MAX_GROUP:
            raise unsupported(element, f"{stem!r} asks for group {number}; there are up to {MAX_GROUP}")
        if int(number) > pattern.groups:
            raise malformed(element, f"{stem!r} asks for group {number}; {pattern.pattern[:80]!r} has {pattern.groups}")
