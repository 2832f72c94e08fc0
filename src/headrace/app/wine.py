"""The red wines: 1,599 records with ids and event times, their labels kept aside, and models made for them.

The data (CC BY 4.0, see ``examples/wine/README.md``) and the models lie in ``examples/wine``; a wheel carries a copy.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass(frozen=True, slots=True)
class WineModel:
    """One of the example's models: its file, the golden records beside it, and what a publication says of it."""

    file: Path
    golden: Path
    name: str
    version: str
    slot: str
    mapping: dict[str, list[str]]


def find_folder() -> Path:
    """Find ``examples/wine``: beside the sources, or within the installed package.

    Raises ``ConfigurationError`` where it is in neither place.
    """
    package = Path(__file__).parent.parent
    places = (package.parents[1] / "examples" / "wine", package / "examples" / "wine")
    for place in places:
        if (place / "data" / "winequality-red.csv").is_file():
            return place
    message = f"the wine example is in neither {places[0]} nor {places[1]}: install Headrace from its wheel or checkout"
    raise ConfigurationError(message)


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


def read_models() -> dict[str, WineModel]:
    """List the example's models by the stem of their file."""
    folder = find_folder() / "models"
    entries = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    return {
        Path(each["file"]).stem: WineModel(
            folder / each["file"],
            folder / each["golden"],
            each["name"],
            each["version"],
            each["slot"],
            each["mapping"],
        )
        for each in entries
    }


def _record_id(index: int) -> str:
    return f"red-{index + 1:04}"


def _read_rows() -> Iterator[tuple[list[float], int]]:
    path = find_folder() / "data" / "winequality-red.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter=";")
        header = tuple(name.replace(" ", "_") for name in next(rows))
        if header != (*FEATURES, "quality"):
            message = f"{path}: the header is {header}, not the red wines': restore the file"
            raise ConfigurationError(message)
        for row in rows:
            yield [float(value) for value in row[:-1]], int(row[-1])
