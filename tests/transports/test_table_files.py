from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from headrace.errors import ConfigurationError, SourceError
from headrace.transports.files import FileKind, FileSource
from headrace.transports.table_files import Arrow, Parquet

TABLE = pa.table({"number": range(1_000), "text": [str(number) for number in range(1_000)]})


def write_file(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=70)


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=70)
        writer.write_table(table.slice(0, 0))


def write_parquet(table: pa.Table, path: Path) -> None:
    parquet.write_table(table, path, row_group_size=70)


Write = Callable[[pa.Table, Path], None]
KINDS: list[tuple[FileKind, Write]] = [(Parquet(), write_parquet), (Arrow(), write_file), (Arrow(), write_stream)]


def read_all(source: FileSource, most: int) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    while (raw := source.read(0, most)) is not None:
        assert raw.table is not None
        assert 0 < len(raw) == raw.table.num_rows <= most
        found.extend(zip(raw.offsets.tolist(), raw.table.to_pylist(), strict=True))
    assert source.exhausted(0)
    source.close()
    return found


@pytest.mark.parametrize(("kind", "write"), KINDS)
@pytest.mark.parametrize("done", [-1, 0, 69, 70, 71, 500, 998, 999])
def test_rows_come_in_their_order_from_any_place(tmp_path: Path, kind: FileKind, write: Write, done: int) -> None:
    write(TABLE, tmp_path / "records")
    source = FileSource(tmp_path / "records", kind)
    source.resume(0, done)
    assert list(enumerate(TABLE.to_pylist()))[done + 1 :] == read_all(source, most=33)


@pytest.mark.parametrize(("kind", "write"), KINDS)
def test_an_empty_table_has_a_schema(tmp_path: Path, kind: FileKind, write: Write) -> None:
    write(TABLE.slice(0, 0), tmp_path / "records")
    source = FileSource(tmp_path / "records", kind)
    assert TABLE.schema == source.header
    assert [] == read_all(source, most=10)


@pytest.mark.parametrize(("kind", "write"), KINDS)
def test_fewer_rows_than_were_read_are_an_error(tmp_path: Path, kind: FileKind, write: Write) -> None:
    write(TABLE, tmp_path / "records")
    source = FileSource(tmp_path / "records", kind)
    with pytest.raises(SourceError, match="records holds 1000 records, and 1001 had been read from it"):
        source.resume(0, 1_000)
    source.close()


@pytest.mark.parametrize(("kind", "write"), KINDS)
@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: b"no table", lambda content: content[:-1500]])
def test_what_is_damaged_or_of_another_kind_is_an_error(
    tmp_path: Path, kind: FileKind, write: Write, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "records"
    write(TABLE, path)
    path.write_bytes(damage(path.read_bytes()))
    source = FileSource(path, kind)
    with pytest.raises(SourceError, match="records cannot be read, it is damaged or of another kind: "):
        read_all(source, most=1_000)
    source.close()


@pytest.mark.parametrize("kind", [Parquet(), Arrow()])
def test_tables_are_neither_followed_nor_unpacked(tmp_path: Path, kind: FileKind) -> None:
    (tmp_path / "records.gz").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"records\.gz cannot be followed"):
        FileSource(tmp_path / "records.gz", kind, follow=True).read(0, 1)
    with pytest.raises(SourceError, match=r"records\.gz is compressed as a whole"):
        FileSource(tmp_path / "records.gz", kind).read(0, 1)


def test_files_of_one_source_have_the_same_columns(tmp_path: Path) -> None:
    write_parquet(TABLE, tmp_path / "1.parquet")
    write_parquet(TABLE.select(["text"]), tmp_path / "2.parquet")
    source = FileSource(f"{tmp_path}/*.parquet", Parquet())
    with pytest.raises(SourceError, match=r"2\.parquet has other columns than .*1\.parquet"):
        source.read(1, 1)
    source.close()
