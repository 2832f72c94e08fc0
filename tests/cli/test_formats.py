"""Records of every kind by configuration alone, and what the commands say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.app.project import REST, Project, linear
from tests.cli.conftest import Cli

ROWS: list[dict[str, Any]] = [{"id": f"r{place}", "x": float(place), "at": 1_000 * place} for place in range(5)]
TABLE = pa.Table.from_pylist(ROWS)


def write_arrow(path: Path) -> None:
    with pa.ipc.new_file(str(path), TABLE.schema) as file:
        file.write_table(TABLE)


def write_avro(path: Path) -> None:
    fields = [{"name": "id", "type": "string"}, {"name": "x", "type": "double"}, {"name": "at", "type": "long"}]
    schema = fastavro.parse_schema({"type": "record", "name": "wine", "fields": fields})
    with path.open("wb") as file:
        fastavro.writer(file, schema, ROWS)


WRITERS = {
    "json": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    "csv": lambda path: csv.write_csv(TABLE, str(path)),
    "parquet": lambda path: parquet.write_table(TABLE, str(path)),
    "arrow": write_arrow,
    "avro": write_avro,
}
RECORDS = '[records]\npath = "records.{0}"\nformat = "{0}"\ndata_type = "wine"\nid = "id"\ntime = "at"\n'


@pytest.fixture
def made(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.publish(linear())
    return found


@pytest.mark.parametrize("kind", list(WRITERS))
def test_the_same_rows_get_the_same_results_whatever_they_come_as(cli: Cli, made: Project, kind: str) -> None:
    WRITERS[kind](made.path / f"records.{kind}")
    made.configure(RECORDS.format(kind) + REST)
    assert 0 == cli("validate", made.config).exit_code
    result = cli("run", made.config, "--quiet", "--json")
    assert (0, "") == (result.exit_code, result.stderr)
    assert [(row["id"], 2 * row["x"] + 1) for row in ROWS] == made.outputs()


@pytest.mark.parametrize("mode", ["ordered", "event-time"])
def test_records_older_than_every_model_are_skipped(cli: Cli, made: Project, mode: str) -> None:
    WRITERS["json"](made.path / "records.json")
    made.configure(RECORDS.format("json") + REST + f'[switch]\nmode = "{mode}"\n')
    told = json.loads(cli("run", made.config, "--quiet", "--json").stdout)
    assert (5, 0, 0, 5) == tuple(told[name] for name in ("in", "scored", "dead_lettered", "skipped"))


def test_streams_and_slots_side_by_side(cli: Cli, made: Project) -> None:
    for kind in ("csv", "avro"):
        WRITERS[kind](made.path / f"records.{kind}")
    made.publish(linear(5), data_type="beer")
    streams = RECORDS.format("csv") + RECORDS.format("avro").replace('"wine"', '"beer"')
    slots = '[slots."wine/second"]\nno_model = "dead-letter"\n[slots.beer]\nmapping = {x = "at"}\n'
    made.configure(streams.replace("[records]", "[[records]]") + REST + slots)
    result = cli("run", made.config, "--quiet", "--json")
    assert 0 == result.exit_code, result.stderr
    told = json.loads(result.stdout)
    assert (15, 10, 5, 0) == tuple(told[name] for name in ("in", "scored", "dead_lettered", "skipped"))
    assert {2.0 * row["x"] + 1 for row in ROWS} | {2.0 * row["at"] + 5 for row in ROWS} == {
        value for _, value in made.outputs()
    }
    letters = cli("dead-letters", "list", "--config", made.config).stdout
    assert "no model serves slot wine/second: publish one" in letters


def test_locations_and_sizes_beyond_what_is_allowed(cli: Cli, made: Project) -> None:
    WRITERS["json"](made.path / "records.json")
    model = made.path / "big.pmml"
    model.write_bytes(linear() + b" " * 2_000)
    made.configure(RECORDS.format("json") + REST.replace("[loading]", "[loading]\nmax_model_bytes = 1_500"))
    shared = ("publish", "--config", made.config, "--data-type", "wine", "--dry-run")
    result = cli(*shared, model)
    assert 1 == result.exit_code
    assert "more than the limit of 1,500: raise the setting loading.max_model_bytes if it is wanted" in result.stdout
    result = cli(*shared, "--location", f"file:{model}")
    assert 1 == result.exit_code
    assert f"add 'file:{made.path}/' to the setting loading.locations" in result.stdout
