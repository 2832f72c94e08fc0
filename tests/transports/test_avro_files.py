from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import fastavro
import pytest

from headrace.errors import ConfigurationError, MissingExtraError, SourceError
from headrace.transports.avro_files import Avro
from headrace.transports.files import FileSource

WINE = {
    "type": "record",
    "name": "Wine",
    "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}],
}
PRICE = {"type": "record", "name": "Price", "fields": [{"name": "price", "type": ["null", "double"]}]}
UNION = [WINE, PRICE]
RECORDS: list[Any] = [
    ("Wine", {"id": number, "name": "x" * (number % 50)}) if number % 3 else ("Price", {"price": number / 7})
    for number in range(1_000)
]


def write(path: Path, codec: str = "null") -> Path:
    with path.open("wb") as file:
        fastavro.writer(file, UNION, RECORDS, codec=codec, sync_interval=700)
    return path


def read_all(source: FileSource, most: int = 33) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while (raw := source.read(0, most)) is not None:
        assert raw.values is not None
        raw.values.validate(full=True)
        assert 0 < len(raw) <= most
        found.extend(zip(raw.offsets.tolist(), raw.values.to_pylist(), strict=True))
    assert source.exhausted(0)
    source.close()
    return found


def encode(record: Any) -> bytes:
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(UNION), record)
    return written.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("done", [-1, 0, 24, 500, 998, 999])
def test_records_are_given_in_their_own_bytes(tmp_path: Path, codec: str, done: int) -> None:
    source = FileSource(write(tmp_path / "wine.avro", codec), Avro())
    source.resume(0, done)
    assert list(enumerate(map(encode, RECORDS)))[done + 1 :] == read_all(source)


def test_the_header_is_the_schema(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "wine.avro"), Avro())
    expected = fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(UNION))
    header: Any = source.header
    assert expected == fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(header))
    source.close()


def test_fewer_records_than_were_read_are_an_error(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "wine.avro"), Avro())
    with pytest.raises(SourceError, match=r"wine\.avro holds 1000 records, and 1001 had been read from it"):
        source.resume(0, 1_000)
    source.close()


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, 100), slice(0, -20), slice(1, None)])
def test_a_damaged_file_is_an_error(tmp_path: Path, kept: slice) -> None:
    path = write(tmp_path / "wine.avro")
    path.write_bytes(path.read_bytes()[kept])
    source = FileSource(path, Avro())
    with pytest.raises(SourceError, match=r"wine\.avro cannot be read, it is damaged or not Avro: "):
        read_all(source)
    source.close()


def test_a_container_is_neither_followed_nor_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "wine.gz")
    with pytest.raises(ConfigurationError, match="cannot be followed"):
        FileSource(path, Avro(), follow=True).read(0, 1)
    with pytest.raises(SourceError, match="is compressed as a whole"):
        FileSource(path, Avro()).read(0, 1)


def test_without_fastavro_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(write(tmp_path / "wine.avro"), Avro())
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(MissingExtraError, match=r"reading Avro files needs .*pip install 'headrace\[avro\]'"):
        source.read(0, 1)
