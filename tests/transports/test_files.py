from __future__ import annotations

import bz2
import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigurationError, SourceError
from headrace.transports import framed_files
from headrace.transports.files import FileKind, FileSource
from headrace.transports.framed_files import Csv, Delimited, Lines

PATIENCE = 30.0
KINDS: list[tuple[FileKind, Callable[[list[bytes]], bytes]]] = [
    (Lines(), lambda values: b"".join(value + b"\n" for value in values)),
    (Csv(), lambda values: b"name\r\n" + b"".join(value + b"\r\n" for value in values)),
    (Delimited(), lambda values: b"".join(bytes([len(value)]) + value for value in values)),
]


def read_all(source: FileSource, partition: int = 0, most: int = 1_000) -> list[tuple[int, Any]]:
    """Read a partition to its end, as an engine does."""
    found: list[tuple[int, Any]] = []
    while not source.exhausted(partition):
        raw = source.read(partition, most)
        if raw is None:
            assert source.exhausted(partition)
            continue
        assert 0 < len(raw) <= most
        assert (source.name, partition, None) == (raw.source, raw.partition, raw.timestamps)
        held = raw.values if raw.values is not None else raw.table
        assert held is not None
        found.extend(zip(raw.offsets.tolist(), held.to_pylist(), strict=True))
    source.close()
    return found


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("kind", "frame"), KINDS)
@settings(max_examples=30)
@given(
    values=st.lists(st.text("abc", min_size=1, max_size=30).map(str.encode), max_size=30),
    block=st.integers(1, 40),
    most=st.integers(1, 7),
    done=st.integers(-1, 29),
)
def test_blocks_of_any_size_give_the_same_records(
    tmp_path_factory: pytest.TempPathFactory,
    kind: FileKind,
    frame: Callable[[list[bytes]], bytes],
    values: list[bytes],
    block: int,
    most: int,
    done: int,
) -> None:
    path = write(tmp_path_factory.mktemp("records") / "records", frame(values))
    done = min(done, len(values) - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framed_files, "_BLOCK", block)
        source = FileSource(path, kind)
        source.resume(0, done)
        assert list(enumerate(values))[done + 1 :] == read_all(source, most=most)


def test_each_file_is_a_partition_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.log"):
        write(tmp_path / name, name.encode())
    source = FileSource(f"{tmp_path}/*.txt", Lines())
    assert ("*.txt", [0, 1]) == (source.name, list(source.partitions))
    assert [[(0, b"a.txt")], [(0, b"b.txt")]] == [read_all(source, partition) for partition in source.partitions]
    listed = FileSource([tmp_path / "c.log", f"{tmp_path}/*.txt", tmp_path / "a.txt"], Lines(), "mine")
    assert ("mine", ["a.txt", "b.txt", "c.log"]) == (listed.name, [path.name for path in listed.files])


def test_a_name_with_the_marks_of_a_pattern_is_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a[1].txt", b"x\n")
    assert (path,) == FileSource(path, Lines()).files


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_exhausted_by_the_first_read(tmp_path: Path, content: bytes) -> None:
    assert [] == read_all(FileSource(write(tmp_path / "empty", content), Lines()))


def test_empty_lines_are_records_and_the_last_needs_no_end(tmp_path: Path) -> None:
    path = write(tmp_path / "lines", b"\xef\xbb\xbfa\n\nb\r\n\r\nc")
    assert list(enumerate([b"a", b"", b"b", b"", b"c"])) == read_all(FileSource(path, Lines()))


def test_a_resume_after_the_last_record_gives_nothing(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "lines", b"a\nb\n"), Lines())
    source.resume(0, 1)
    assert [] == read_all(source)


def test_a_resume_goes_back_as_well(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "lines", b"a\nb\nc\n"), Lines())
    assert source.read(0, 3) is not None
    source.resume(0, 0)
    assert [(1, b"b"), (2, b"c")] == read_all(source)


def test_a_file_with_fewer_records_than_were_read_is_an_error(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "lines", b"a\nb\n"), Lines())
    with pytest.raises(SourceError, match="lines holds 2 records, and 3 had been read from it"):
        source.resume(0, 2)
    source.close()


def test_the_header_of_csv_names_the_columns(tmp_path: Path) -> None:
    content = '\ufeff"fixed acidity";"über\nzwei Zeilen";a""b\n1;"2\r\n3";\n4;5;6'.encode()
    source = FileSource(write(tmp_path / "wine.csv", content), Csv(delimiter=";"))
    assert ("fixed acidity", "über\nzwei Zeilen", 'a""b') == source.header
    assert [(0, b'1;"2\r\n3";'), (1, b"4;5;6")] == read_all(source)


def test_csv_without_a_header_is_given_its_columns(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "wine.csv", b"1,2\n"), Csv(columns=["a", "b"]))
    assert ("a", "b") == source.header
    assert [(0, b"1,2")] == read_all(source)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no header line: write one, or give the columns"),
        (b"a,\xff\n", "the header line cannot be read: .* Write it anew, as UTF-8"),
    ],
)
def test_csv_with_an_unreadable_header_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    source = FileSource(write(tmp_path / "wine.csv", content), Csv())
    with pytest.raises(SourceError, match=problem):
        source.read(0, 1)


def test_files_of_one_source_have_the_same_columns(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", b"a,b\n1,2\n")
    write(tmp_path / "2.csv", b"b,a\n1,2\n")
    source = FileSource(f"{tmp_path}/*.csv", Csv())
    with pytest.raises(SourceError, match=r"2\.csv has other columns than .*1\.csv: \('b', 'a'\) and not \('a', 'b'\)"):
        source.read(1, 1)
    source.close()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content[:7]) + gzip.compress(content[7:]),
    ".zst": lambda content: bytes(pa.Codec("zstd").compress(content)),
    ".bz2": bz2.compress,
    ".GZ": gzip.compress,
}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_files_are_read_by_their_suffix(tmp_path: Path, suffix: str) -> None:
    values = [b"%d" % number for number in range(5_000)]
    path = write(tmp_path / f"lines{suffix}", COMPRESS[suffix](b"\n".join(values)))
    source = FileSource(path, Lines())
    source.resume(0, 4_000)
    assert list(enumerate(values))[4_001:] == read_all(source)


def test_a_compressed_file_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    content = gzip.compress(os.urandom(5_000))
    source = FileSource(write(tmp_path / "lines.gz", content[:-100]), Lines())
    with pytest.raises(SourceError, match=r"lines\.gz cannot be read, it is damaged or of another kind: "):
        read_all(source)
    source.close()


@pytest.mark.parametrize("kind", [Lines(), Csv(), Delimited()])
def test_a_compressed_file_is_not_followed(tmp_path: Path, kind: FileKind) -> None:
    source = FileSource(write(tmp_path / "a.gz", b""), kind, follow=True)
    with pytest.raises(ConfigurationError, match=r"a\.gz is compressed.*set follow to false"):
        source.read(0, 1)


def test_what_cannot_be_a_file_of_records_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.xz", b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.d").mkdir()
    problems: list[tuple[Any, str]] = [
        (tmp_path / "none", "none is not there: name a file that exists"),
        (tmp_path / "*.none", "is not there: name a file that exists, or a pattern that matches some"),
        (tmp_path / "*.d", "is not there"),
        ([], "no file is named"),
        (tmp_path, "is a directory: name the files in it, such as"),
        (tmp_path / "pipe", "is not a file but a pipe or a device"),
        (tmp_path / "a.xz", r"\.xz files are not read; unpack it, or compress with \.gz, \.zst"),
    ]
    for paths, problem in problems:
        with pytest.raises(SourceError, match=problem):
            FileSource(paths, Lines(), "mine").read(0, 1)


def test_a_file_that_vanished_is_an_error(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "lines", b"a\n"), Lines())
    (tmp_path / "lines").unlink()
    with pytest.raises(SourceError, match="lines is not there"):
        source.read(0, 1)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (Lines(largest_record=100), b"a\nb\n" + b"c" * 3_000_000),
        (Csv(columns=["a"], largest_record=100), b'a\nb\n"' + b"c\n" * 1_500_000),
        (Delimited(largest_record=100), b"\1a\1b\xff\xff\xff\xff\1" + b"c" * 3_000_000),
    ],
)
def test_damage_is_not_read_as_one_large_record(tmp_path: Path, kind: FileKind, content: bytes) -> None:
    source = FileSource(write(tmp_path / "records", content), kind)
    with pytest.raises(SourceError, match="records: record 2, from byte 4 on, has no end within 100 bytes"):
        source.read(0, 10)
    source.close()


@pytest.mark.parametrize("largest", [0, -1, 1 << 31])
def test_the_bound_of_a_record_can_be_addressed(largest: int) -> None:
    for kind in (Lines, Csv, Delimited):
        with pytest.raises(ConfigurationError, match="largest_record is a count of bytes from 1 to"):
            kind(largest_record=largest)


@pytest.mark.parametrize("option", [{"delimiter": ""}, {"delimiter": ";;"}, {"quote": "\n"}, {"quote": "«"}])
def test_csv_is_parted_by_single_characters(option: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="is one ASCII character"):
        Csv(**option)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "frame"), KINDS)
def test_a_followed_file_gives_what_is_appended(
    tmp_path: Path, kind: FileKind, frame: Callable[[list[bytes]], bytes]
) -> None:
    values = [b"%d" % number for number in range(20)]
    content = frame(values)
    opening = content.index(values[0]) + 2
    path = write(tmp_path / "growing", content[:opening])
    source = FileSource(path, kind, follow=True)
    found: list[tuple[int, bytes]] = []
    with path.open("ab", buffering=0) as growing:
        for place in range(opening, len(content), 3):
            growing.write(content[place : place + 3])
            while (raw := source.read(0, 100)) is not None:
                assert raw.values is not None
                found.extend(zip(raw.offsets.tolist(), raw.values.to_pylist(), strict=True))
            assert not source.exhausted(0)
    source.close()
    assert list(enumerate(values)) == found


def test_a_followed_file_wakes_its_reader(tmp_path: Path) -> None:
    path = write(tmp_path / "growing", b"a\n")
    source = FileSource(path, Lines(), follow=True, interval=0.001)
    woken = threading.Event()
    source.start(woken.set)
    assert woken.wait(PATIENCE)
    assert source.read(0, 10) is not None
    for number in range(3):
        woken.clear()
        assert source.read(0, 10) is None
        with path.open("ab") as growing:
            growing.write(b"%d\n" % number)
        assert woken.wait(PATIENCE)
        raw = source.read(0, 10)
        assert raw is not None
        assert raw.values is not None
        assert [(number + 1, b"%d" % number)] == list(zip(raw.offsets.tolist(), raw.values.to_pylist(), strict=True))
    source.close()


def replace(path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    path.write_bytes(b"a much longer line\n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda path: os.truncate(path, 1), "was cut to 1 bytes of which 4 had been read after record 1 was read"),
        (replace, r"was replaced by another file \(rotated\) after record 1 was read: a followed file may only grow"),
        (Path.unlink, "growing is not there"),
    ],
)
def test_a_followed_file_may_only_grow(tmp_path: Path, change: Callable[[Path], None], problem: str) -> None:
    path = write(tmp_path / "growing", b"a\nb\n")
    source = FileSource(path, Lines(), follow=True)
    assert source.read(0, 10) is not None
    assert source.read(0, 10) is None
    change(path)
    with pytest.raises(SourceError, match=problem):
        source.read(0, 10)
    source.close()
