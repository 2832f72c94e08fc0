"""What commands print: one JSON document, or tables and lines for people.

On a terminal tables are drawn by rich; elsewhere they are plain columns that are never cut.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

NOTHING = "-"
_UNITS = (("s", 1e9), ("ms", 1e6), ("us", 1e3))


def print_json(document: Any) -> None:
    """Print one JSON document; NaN and the infinities become text."""
    click.echo(json.dumps(_strict(document), ensure_ascii=False, indent=2, default=str))


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _strict(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> None:
    """Print rows under their columns; those named in ``numbers`` stand to the right."""
    cells = [[NOTHING if value is None or value == "" else str(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, cells, numbers)
        return
    widths = [max(len(row[place]) for row in [list(columns), *cells]) for place in range(len(columns))]
    for row in [list(columns), *cells]:
        shown = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        click.echo("  ".join(shown).rstrip())


def _draw(columns: Sequence[str], cells: list[list[str]], numbers: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    Console().print(table)


_STYLES = {"serving": "green", "staged": "cyan", "rejected": "red", "skipped": "dim", "retired": "dim"}


def note(message: str) -> None:
    """Tell something beside the output, on stderr."""
    click.echo(message, err=True)


def show_time(milliseconds: int | None) -> str:
    """Write a time in UTC, to the millisecond."""
    if milliseconds is None:
        return ""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def show_duration(nanoseconds: float | None) -> str:
    """Write a duration with the unit that keeps it short."""
    if nanoseconds is None:
        return ""
    unit, size = next((each for each in _UNITS if nanoseconds >= each[1]), ("ns", 1.0))
    number = nanoseconds / size
    return f"{number:.3g} {unit}" if number < 1000 else f"{number:.0f} {unit}"


def show_slot(told: Mapping[str, Any]) -> str:
    """Write the slot that a document tells of: the data type, and after a slash its name where it has one."""
    return f"{told['data_type']}/{told['slot']}" if told["slot"] else str(told["data_type"])


def show_digest(digest: str) -> str:
    """Shorten a digest to what is unique in practice."""
    return digest[:12]
