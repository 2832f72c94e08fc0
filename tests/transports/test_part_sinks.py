from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from pyarrow import parquet

from headrace.errors import ConfigurationError, SinkError
from headrace.transports.part_sinks import PartSink
from tests.transports.killing import Killed, full_disk

pytestmark = pytest.mark.slow

SUFFIXES = (".parquet", ".arrow")


def encode(numbers: Sequence[float]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"number": pa.array(list(numbers))})


def open_sink(path: Path, existing: Literal["refuse", "append", "overwrite"] = "refuse") -> PartSink[Sequence[float]]:
    return PartSink(path, encode, existing=existing)


def read_part(path: Path) -> list[float]:
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
    else:
        with pa.ipc.open_file(str(path)) as file:
            table = file.read_all()
    numbers: list[float] = table.column("number").to_pylist()
    return numbers


def read_parts(folder: Path) -> dict[str, list[float]]:
    return {path.name: read_part(path) for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_commit_makes_a_part_of_what_there_is(tmp_path: Path, suffix: str) -> None:
    sink = open_sink(tmp_path / "new" / f"out{suffix}")
    sink.recover(None)
    assert {"path": str(sink.path), "last": 0, "length": 0} == sink.commit()
    sink.write([1, 2])
    sink.write([])
    sink.write([3])
    place = sink.commit()
    assert (1, sink.part(1).stat().st_size) == (place["last"], place["length"])
    assert place == sink.commit()
    sink.write([4])
    assert 2 == sink.commit()["last"]
    sink.close()
    assert {f"out-000001{suffix}": [1, 2, 3], f"out-000002{suffix}": [4]} == read_parts(sink.path.parent)
    assert sink.exactly_once


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_schema_begins_another_part(tmp_path: Path, suffix: str) -> None:
    sink = open_sink(tmp_path / f"out{suffix}")
    sink.recover(None)
    for numbers in ([1], [1.5], [2.5], [2]):
        sink.write(numbers)
    assert 3 == sink.commit()["last"]
    sink.close()
    assert [[1], [1.5, 2.5], [2]] == list(read_parts(tmp_path).values())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_not_committed_is_taken_back(tmp_path: Path, suffix: str) -> None:
    sink = open_sink(tmp_path / f"out{suffix}")
    sink.recover(None)
    sink.write([1])
    place = sink.commit()
    sink.write([2])
    sink.commit()
    sink.write([3])
    sink.write([3.5])
    sink.recover(place)
    sink.write([4])
    sink.commit()
    sink.write([5])
    sink.close()
    assert [[1], [4]] == list(read_parts(tmp_path).values())


@pytest.mark.parametrize(
    ("existing", "expected"),
    [("append", {"out-000007.arrow": [1], "out-000008.arrow": [2]}), ("overwrite", {"out-000001.arrow": [2]})],
)
def test_a_first_start_touches_parts_only_if_allowed(
    tmp_path: Path, existing: Literal["append", "overwrite"], expected: dict[str, list[float]]
) -> None:
    first = open_sink(tmp_path / "out.arrow")
    first.recover(None)
    first.write([1])
    first.commit()
    first.close()
    first.part(1).rename(first.part(7))
    with pytest.raises(SinkError, match=r"out-000007\.arrow is there already and there is no state that knows it"):
        open_sink(first.path).recover(None)
    sink = open_sink(first.path, existing)
    sink.recover(None)
    sink.write([2])
    sink.commit()
    sink.close()
    assert expected == read_parts(tmp_path)


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    others = [
        "out.arrow",
        "out-1.arrow",
        "out-000001.parquet",
        "out-000001.arrow.bak",
        "x-out-000001.arrow",
        ".out-a.arrow",
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    sink = open_sink(tmp_path / "out.arrow", "overwrite")
    sink.recover(None)
    sink.close()
    assert sorted(others) == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "problem"),
    [(Path.unlink, "is not there"), (lambda part: part.write_bytes(b"x"), "was changed")],
)
def test_a_last_part_that_was_changed_is_refused(tmp_path: Path, change: Any, problem: str) -> None:
    sink = open_sink(tmp_path / "out.parquet")
    sink.recover(None)
    sink.write([1])
    place = sink.commit()
    sink.close()
    change(sink.part(1))
    with pytest.raises(SinkError, match=rf"out-000001\.parquet, the last part that was committed to .*, {problem}"):
        sink.recover(place)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_committed_parts(tmp_path: Path, suffix: str) -> None:
    sink = open_sink(tmp_path / f"out{suffix}")
    sink.recover(None)
    sink.write([1])
    place = sink.commit()
    random_numbers = [random.Random(1).random() for _ in range(100_000)]

    def write_on() -> None:
        for _ in range(100):
            sink.write(random_numbers)
        sink.commit()

    with full_disk(10_000), pytest.raises(SinkError, match=r"out\.\w+ cannot be written: .*File too large"):
        write_on()
    with pytest.raises(SinkError, match="is not written any more, since this went wrong"):
        sink.write([2])
    with pytest.raises(SinkError, match="is not written any more"):
        sink.commit()
    sink.close()
    assert [[1]] == list(read_parts(tmp_path).values())
    sink.recover(place)
    sink.write([3])
    sink.commit()
    sink.close()
    assert [[1], [3]] == list(read_parts(tmp_path).values())


def test_columns_that_parquet_has_no_type_for_are_an_error(tmp_path: Path) -> None:
    interval = pa.RecordBatch.from_pydict({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    sink = PartSink[pa.RecordBatch](tmp_path / "out.parquet", lambda batch: batch)
    sink.recover(None)
    with pytest.raises(SinkError, match=r"out\.parquet: the output cannot be written as parquet: "):
        sink.write(interval)
    sink.close()
    assert [] == list(tmp_path.iterdir())


def test_the_path_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"out\.csv ends with none of \.parquet, \.arrow"):
        open_sink(tmp_path / "out.csv")
    with pytest.raises(ConfigurationError, match="unknown compression 'zip'; there are: none, snappy"):
        PartSink(tmp_path / "out.parquet", encode, compression="zip")
    with pytest.raises(SinkError, match="recover comes before the first write"):
        open_sink(tmp_path / "out.parquet").write([1])
    with pytest.raises(SinkError, match="the state belongs to another kind of sink"):
        open_sink(tmp_path / "out.parquet").recover({"count": 1})


KILLED = """
import pyarrow as pa
from headrace.transports.part_sinks import PartSink
sink = PartSink({out!r}, lambda numbers: pa.RecordBatch.from_pydict({{"number": pa.array(numbers, pa.int64())}}))
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_record_is_there_once_whenever_the_process_is_killed(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "out" / f"out{suffix}"
    place, done = Killed(KILLED.format(out=str(out)), tmp_path / "state.json").kill_often(3)
    sink = open_sink(out)
    assert sink.part(place["last"] + 1).exists()
    sink.recover(place)
    sink.close()
    assert done > 0
    assert list(range(done)) == [number for part in read_parts(out.parent).values() for number in part]
