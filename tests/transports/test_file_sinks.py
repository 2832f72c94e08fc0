from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from headrace.errors import SinkError
from headrace.transports.file_sinks import FileSink
from tests.transports.killing import Killed, full_disk


def encode(number: int) -> bytes:
    return b"%d\n" % number


def open_sink(path: Path, existing: Literal["refuse", "append", "overwrite"] = "refuse") -> FileSink[int]:
    return FileSink(path, encode, header=b"number\n", existing=existing)


def test_output_is_appended_after_a_header(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "new" / "out.csv")
    sink.recover(None)
    assert 0 == sink.commit()["length"]
    sink.write(1)
    sink.write(2)
    assert {"path": str(sink.path), "length": 11} == {key: sink.commit()[key] for key in ("path", "length")}
    sink.close()
    assert b"number\n1\n2\n" == sink.path.read_bytes()
    assert sink.exactly_once


def test_a_header_can_depend_on_what_is_written(tmp_path: Path) -> None:
    sink = FileSink[dict[str, int]](
        tmp_path / "out.csv",
        lambda row: ",".join(map(str, row.values())).encode() + b"\n",
        header=lambda row: ",".join(row).encode() + b"\n",
    )
    sink.recover(None)
    sink.write({"a": 1, "b": 2})
    sink.write({"a": 3, "b": 4})
    sink.close()
    assert b"a,b\n1,2\n3,4\n" == sink.path.read_bytes()


@pytest.mark.parametrize("committed", [0, 1, 2000])
def test_what_was_not_committed_is_taken_back(tmp_path: Path, committed: int) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    for number in range(committed):
        sink.write(number)
    place = sink.commit()
    sink.write(-1)
    sink.close()
    again = open_sink(tmp_path / "out.csv")
    again.recover(place)
    again.write(-2)
    again.commit()
    again.close()
    expected = b"number\n" + b"".join(encode(number) for number in [*range(committed), -2])
    assert expected == again.path.read_bytes()


def test_a_first_start_touches_no_file_that_holds_something(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"mine")
    with pytest.raises(SinkError, match=r"out\.csv holds 4 bytes already and there is no state that knows them"):
        open_sink(path).recover(None)
    assert b"mine" == path.read_bytes()


@pytest.mark.parametrize(("existing", "expected"), [("append", b"mine1\n"), ("overwrite", b"number\n1\n")])
def test_a_first_start_may_be_allowed_to(
    tmp_path: Path, existing: Literal["append", "overwrite"], expected: bytes
) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"mine")
    sink = open_sink(path, existing)
    sink.recover(None)
    place = sink.commit()
    sink.write(2)
    sink.recover(place)
    sink.write(1)
    sink.close()
    assert expected == path.read_bytes()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"number\n1\n", r"holds 9 bytes of the 11 bytes that were committed to .*out\.csv: put that file back"),
        (b"number\n1\n3\n", r"was changed within the 11 bytes that were committed"),
        (None, r"out\.csv is not there, and the state knows what was written"),
    ],
)
def test_a_file_that_was_changed_is_refused_and_not_touched(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    sink.write(1)
    sink.write(2)
    place = sink.commit()
    sink.close()
    if content is None:
        sink.path.unlink()
    else:
        sink.path.write_bytes(content)
    with pytest.raises(SinkError, match=problem):
        open_sink(sink.path).recover(place)
    assert content == (sink.path.read_bytes() if sink.path.exists() else None)


def test_a_file_that_was_moved_with_its_state_is_taken(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    sink.write(1)
    place = sink.commit()
    sink.close()
    moved = open_sink(sink.path.rename(tmp_path / "moved.csv"))
    moved.recover(place)
    moved.write(2)
    moved.close()
    assert b"number\n1\n2\n" == moved.path.read_bytes()


def test_a_file_has_one_writer(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    with pytest.raises(SinkError, match=r"out\.csv is written by another process"):
        open_sink(sink.path).recover(None)
    sink.close()
    second = open_sink(sink.path)
    second.recover(None)
    second.close()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    for path, problem in [
        (tmp_path, "is a directory: name a file"),
        (tmp_path / "pipe", "is not a file, so nothing can be taken back"),
        (tmp_path / "file" / "out.csv", "cannot be written: Not a directory"),
        (Path("/proc/none/out.csv"), "/proc/none/out.csv cannot be written"),
    ]:
        with pytest.raises(SinkError, match=problem):
            open_sink(path).recover(None)


def test_a_place_of_another_sink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_bytes(b"")
    with pytest.raises(SinkError, match="the state belongs to another kind of sink"):
        open_sink(tmp_path / "out.csv").recover({"count": 1})


def test_writing_comes_after_recovering(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="recover comes before the first write"):
        open_sink(tmp_path / "out.csv").write(1)


@pytest.mark.parametrize("room", [0, 3])
def test_a_write_that_fails_is_taken_back_and_the_file_goes_on(tmp_path: Path, room: int) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    sink.write(1)
    with (
        full_disk(sink.path.stat().st_size + room),
        pytest.raises(SinkError, match=r"out\.csv cannot be written: .*Make room there"),
    ):
        sink.write(123_456)
    assert b"number\n1\n" == sink.path.read_bytes()
    sink.write(2)
    place = sink.commit()
    sink.close()
    again = open_sink(sink.path)
    again.recover(place)
    again.close()
    assert b"number\n1\n2\n" == sink.path.read_bytes()


def test_a_file_that_is_removed_or_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "out.csv")
    sink.recover(None)
    sink.write(1)
    with sink.path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(SinkError, match=r"holds 10 bytes and 9 were written: stop what else writes to it"):
        sink.commit()
    sink.path.rename(tmp_path / "rotated")
    with pytest.raises(SinkError, match="was removed or replaced while it was written"):
        sink.commit()
    sink.path.write_bytes(b"number\n1\n")
    with pytest.raises(SinkError, match="was removed or replaced while it was written"):
        sink.commit()
    sink.close()


KILLED = """
from headrace.transports.file_sinks import FileSink
sink = FileSink({out!r}, lambda numbers: b"".join(b"%d\\n" % number for number in numbers), header=b"number\\n")
"""


def test_every_record_is_there_once_whenever_the_process_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    place, done = Killed(KILLED.format(out=str(out)), tmp_path / "state.json").kill_often(6)
    assert out.stat().st_size > place["length"]
    sink = open_sink(out)
    sink.recover(place)
    sink.close()
    assert done > 0
    assert ["number", *map(str, range(done))] == out.read_text().splitlines()
