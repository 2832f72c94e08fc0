"""The failures of one batch while it is decoded: for each row, the first thing that was wrong with it."""

from __future__ import annotations

from enum import StrEnum

from headrace.records import Failure


class Code(StrEnum):
    """Why a row could not be decoded. Codes are stable: dashboards and scripts rely on them."""

    EMPTY_MESSAGE = "empty-message"
    UNDECODABLE = "undecodable"
    WRONG_TYPE = "wrong-type"
    MISSING_FIELD = "missing-field"
    NO_DATA_TYPE = "no-data-type"
    UNDECLARED_DATA_TYPE = "undeclared-data-type"


class Failures:
    """Collects failures by row; later ones of the same row are dropped."""

    def __init__(self) -> None:
        self._by_row: dict[int, Failure] = {}

    def __len__(self) -> int:
        return len(self._by_row)

    def __contains__(self, row: int) -> bool:
        return row in self._by_row

    def add(self, row: int, code: Code, reason: str) -> None:
        """Note why a row fails, unless it has failed already."""
        self._by_row.setdefault(row, Failure(row, code.value, reason))

    def rows(self) -> list[int]:
        """List the rows that failed, in the order in which they did."""
        return list(self._by_row)

    def in_order(self) -> tuple[Failure, ...]:
        """List the failures in the order of their rows."""
        return tuple(self._by_row[row] for row in sorted(self._by_row))
