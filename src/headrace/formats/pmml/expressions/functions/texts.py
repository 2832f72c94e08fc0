"""Functions of texts. Each distinct text, or combination of texts, is computed once a batch.

Positions count from 1. Regular expressions are searched for anywhere in the text; in a replacement ``$1`` is a group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from headrace.formats.pmml.columns import Column, Numbers, Texts, cast, encode_texts, regroup
from headrace.formats.pmml.datatypes import BOOLEAN, INTEGER, STRING
from headrace.formats.pmml.expressions.functions.builtin import Builtin, Call, table
from headrace.formats.pmml.expressions.patterns import match_texts, replace_texts


def as_texts(column: Column) -> Texts:
    """Return a column as texts, numbers written out."""
    texts = cast(column, STRING)
    assert isinstance(texts, Texts)
    return texts


def combine(columns: list[Texts], function: Callable[..., str | None]) -> Texts:
    """Apply a function to each distinct combination of texts; a missing part gives a missing result."""
    stacked = np.stack([column.codes for column in columns], axis=1)
    distinct, inverse = np.unique(stacked, axis=0, return_inverse=True)
    results: list[str | None] = []
    for codes in distinct.tolist():
        if min(codes) < 0:
            results.append(None)
        else:
            results.append(function(*(column.categories[code] for column, code in zip(columns, codes, strict=True))))
    encoded = encode_texts(results)
    return Texts(encoded.codes[inverse.reshape(-1)], encoded.categories)


def _mapped(function: Callable[[str], str]) -> Call:
    return lambda columns: as_texts(columns[0]).map(function)


def _concat(columns: list[Column]) -> Column:
    return combine([as_texts(column) for column in columns], lambda *parts: "".join(parts))


def _length(columns: list[Column]) -> Column:
    return as_texts(columns[0]).measure(len, INTEGER)


def _substring(columns: list[Column]) -> Column:
    def cut(text: str, start: str, length: str) -> str | None:
        try:
            first, count = int(float(start)) - 1, int(float(length))
        except (ValueError, OverflowError):
            return None
        return text[first : first + count] if first >= 0 and count >= 0 else None

    return combine([as_texts(column) for column in columns], cut)


def _by_pattern(columns: list[Texts], function: Callable[..., Sequence[str | None]]) -> Texts:
    """Apply a function to all distinct texts at once, for each combination of a pattern and what comes after it."""
    stacked = np.stack([column.codes for column in columns], axis=1)
    distinct, inverse = np.unique(stacked, axis=0, return_inverse=True)
    results: list[str | None] = [None] * len(distinct)
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, codes in enumerate(distinct.tolist()):
        if min(codes) >= 0:
            groups.setdefault(tuple(codes[1:]), []).append(place)
    for codes, places in groups.items():
        texts = [columns[0].categories[distinct[place, 0]] for place in places]
        given = [column.categories[code] for column, code in zip(columns[1:], codes, strict=True)]
        for place, result in zip(places, function(texts, *given), strict=True):
            results[place] = result
    encoded = encode_texts(results)
    return Texts(encoded.codes[inverse.reshape(-1)], encoded.categories)


def _replace(columns: list[Column]) -> Column:
    return _by_pattern([as_texts(column) for column in columns], replace_texts)


def _matches(columns: list[Column]) -> Column:
    def match(texts: Sequence[str], pattern: str) -> list[str | None]:
        return [None if found is None else str(found).lower() for found in match_texts(texts, pattern)]

    return cast(_by_pattern([as_texts(column) for column in columns], match), BOOLEAN)


def _format_number(columns: list[Column]) -> Column:
    numbers, patterns = columns[0], as_texts(columns[1])
    if isinstance(numbers, Texts):
        return regroup(np.full(len(numbers), -1, dtype=np.int32), [])
    written = as_texts(Numbers(numbers.values, numbers.type))
    return combine([written, patterns], _format)


def _format(text: str, pattern: str) -> str | None:
    try:
        value = float(text)
        return pattern % (int(value) if re.search(r"%[-+ #0-9]*[dioxX]", pattern) else value)
    except (TypeError, ValueError, OverflowError):
        return None


FUNCTIONS = table(
    Builtin("uppercase", _mapped(str.upper), 1, 1),
    Builtin("lowercase", _mapped(str.lower), 1, 1),
    Builtin("trimBlanks", _mapped(str.strip), 1, 1),
    Builtin("stringLength", _length, 1, 1),
    Builtin("substring", _substring, 3, 3),
    Builtin("concat", _concat, 2, None),
    Builtin("replace", _replace, 3, 3),
    Builtin("matches", _matches, 2, 2),
    Builtin("formatNumber", _format_number, 2, 2),
)
