"""The red wines as a stream: 1,599 records with ids and event times, and their labels kept aside.

Run it to write JSON lines: ``python -m examples.wine.records > wines.jsonl``; with ``--labels`` the labels.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data" / "winequality-red.csv"
DATA_TYPE = "wine"
FEATURES = (
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
)
START = 1_767_225_600_000  # 2026-01-01 00:00 UTC, in milliseconds
INTERVAL = 10  # milliseconds


def read_records(*, start: int = START, interval: int = INTERVAL) -> Iterator[dict[str, object]]:
    """Read the records in the order of the file: ``id``, ``time`` (ms), ``dataType`` and the eleven features.

    The first record's time is ``start``; each next one is ``interval`` later.
    """
    for index, (features, _) in enumerate(_read_rows()):
        head = {"id": _record_id(index), "time": start + index * interval, "dataType": DATA_TYPE}
        yield head | dict(zip(FEATURES, features, strict=True))


def read_labels() -> dict[str, int]:
    """Read the quality that people gave to each wine, by record id."""
    return {_record_id(index): quality for index, (_, quality) in enumerate(_read_rows())}


def _record_id(index: int) -> str:
    return f"red-{index + 1:04}"


def _read_rows() -> Iterator[tuple[list[float], int]]:
    with DATA.open(newline="") as file:
        rows = csv.reader(file, delimiter=";")
        header = tuple(name.replace(" ", "_") for name in next(rows))
        if header != (*FEATURES, "quality"):
            raise SystemExit(f"{DATA}: the header is {header}, not the red wines'; fetch the file again")
        for row in rows:
            yield [float(value) for value in row[:-1]], int(row[-1])


def main() -> None:
    """Write the records, or the labels, to standard output."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--labels", action="store_true", help="write the labels by record id")
    parser.add_argument("--interval", type=int, default=INTERVAL, help="milliseconds between event times")
    arguments = parser.parse_args()
    if arguments.labels:
        print(json.dumps(read_labels()))
        return
    for record in read_records(interval=arguments.interval):
        print(json.dumps(record))


if __name__ == "__main__":
    main()
