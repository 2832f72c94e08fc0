"""Outputs of a model as CSV: numbers so that they read back as the same, flags as true and false, nothing for null."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from headrace.errors import SinkError

Cell = str | int | float | None


class CsvWriter:
    """Writes a header, then batches."""

    def __init__(self, file: TextIO, names: list[str], delimiter: str = ",") -> None:
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._writer.writerow(names)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write one line for each row."""
        columns = [_to_cells(column) for column in batch.columns]
        self._writer.writerows(zip(*columns, strict=True) if columns else ([] for _ in range(batch.num_rows)))


def _to_cells(column: pa.Array) -> list[Cell]:
    write = _writer_of(column.type)
    values: list[object] = column.to_pylist()
    if write is None:
        return values  # type: ignore[return-value]  # numbers and text are written as they are
    return [None if value is None else write(value) for value in values]


def _writer_of(kind: pa.DataType) -> Callable[[object], Cell] | None:
    if pa.types.is_boolean(kind):
        return lambda value: "true" if value else "false"
    if pa.types.is_floating(kind):
        return _write_float
    if pa.types.is_integer(kind) or pa.types.is_string(kind):
        return None
    return _write_other


def _write_float(value: object) -> Cell:
    assert isinstance(value, float)
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"


def _write_other(value: object) -> Cell:
    if isinstance(value, (date, time)):
        return value.isoformat()
    return json.dumps(value, default=str, ensure_ascii=False)


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open a file to write, or standard output where there is none; a file is there whole or not at all.

    Raises ``SinkError`` where it cannot be written.
    """
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    if path.exists() and not path.is_file():
        with _writing(path), path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with _writing(path), beside.open("w", encoding="utf-8", newline="") as file:
            yield file
        with _writing(path):
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {error.strerror}") from error
