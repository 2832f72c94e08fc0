"""Models of real producers, with the results that the training programs gave."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from tests.formats.pmml.building import load

CASES = Path(__file__).parents[2] / "data" / "pmml"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())
TOLERANCE = 1e-6


def read(path: Path) -> dict[str, list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    width = len(rows[0])
    cells = [row for row in rows[1:] if row]
    return {name: [row[place] for row in cells] for place, name in enumerate(rows[0][:width])}


def agrees(expected: str, actual: object) -> bool:
    try:
        number = float(expected)
    except ValueError:
        return expected == actual
    return isinstance(actual, float | int) and abs(number - actual) <= max(TOLERANCE, TOLERANCE * abs(number))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_gives_what_its_training_program_gave(name: str) -> None:
    inputs = read(CASES / name / "input.csv")
    columns = {
        field: [None if cell in {"", "NA", "N/A"} else cell for cell in cells] for field, cells in inputs.items()
    }
    scores = load((CASES / name / "model.pmml").read_bytes()).score(
        pa.RecordBatch.from_pydict({field: pa.array(cells, pa.string()) for field, cells in columns.items()})
    )
    expected = read(CASES / name / "expected.csv")
    compared = [field for field in expected if field in scores.outputs.schema.names]
    assert compared
    wrong = [
        (field, row, wanted, found)
        for field in compared
        for row, (wanted, found) in enumerate(
            zip(expected[field], scores.outputs.column(field).to_pylist(), strict=True)
        )
        if not agrees(wanted, found)
    ]
    assert [] == wrong
