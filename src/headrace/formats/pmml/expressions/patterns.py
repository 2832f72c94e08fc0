r"""Regular expressions that a model gives, run on records in time linear in the text.

Rules:

1. RE2 (that of Arrow) runs them: no pattern can take more than linear time, which a backtracking engine cannot promise.
   It has no backreferences and no lookaround; a pattern with one of them is refused where the model is loaded, if it is
   a constant, and gives missing values if it comes out of a record.
2. In a replacement ``$1`` to ``$9`` are groups, and a backslash takes the next character as it is.

Source: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MAX_GROUP = 9
_PART = re.compile(r"\$(\d+)|\\(.)|(\\)", re.DOTALL)


@lru_cache(maxsize=1024)
def explain_pattern(pattern: str) -> str:
    """Say why a pattern cannot be run, "" where it can."""
    try:
        pc.match_substring_regex(pa.array([""], pa.string()), pattern)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        return str(error).partition("\n")[0].removeprefix("Invalid regular expression: ")
    return ""


def match_texts(texts: Sequence[str], pattern: str) -> list[bool | None]:
    """Tell of each text whether the pattern is anywhere in it, None where that cannot be told."""
    if explain_pattern(pattern):
        return [None] * len(texts)
    try:
        found: list[bool | None] = pc.match_substring_regex(pa.array(texts, pa.string()), pattern).to_pylist()
    except UnicodeEncodeError:  # half a character: no record of a stream holds one
        return [None] * len(texts)
    return found


def replace_texts(texts: Sequence[str], pattern: str, replacement: str) -> list[str | None]:
    """Replace all that matches in each text, None where that cannot be done."""
    written = _write_replacement(replacement)
    if written is None or explain_pattern(pattern):
        return [None] * len(texts)
    try:
        array = pc.replace_substring_regex(pa.array(texts, pa.string()), pattern, written)
    except (pa.ArrowInvalid, UnicodeEncodeError):  # a group that the pattern does not have
        return [None] * len(texts)
    replaced: list[str | None] = array.to_pylist()
    return replaced


def _write_replacement(replacement: str) -> str | None:
    """Write a replacement as RE2 reads it, None where it names a group beyond the ninth."""
    if any(int(number) > MAX_GROUP for number in re.findall(r"\$(\d+)", replacement)):
        return None

    def write(part: re.Match[str]) -> str:
        if part[1]:
            return f"\\{int(part[1])}"
        return "\\\\" if part[3] or part[2] == "\\" else part[2]

    return _PART.sub(write, replacement)
