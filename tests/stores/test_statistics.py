"""Statistics in a database: replaced by part, read back whole, and nobody waits for a database that is gone."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError, SourceError
from headrace.stores import statistics
from headrace.stores.statistics import Database, Keeper, Place, Rows, SlotRow, VersionRow, check_address, find_database


def rows(records: int, state: str = "serving") -> Rows:
    version = VersionRow(
        "wine", "", 3, "größe", "1", "", "d" * 64, state, "", 0, 1_700_000_000_000, None, records, 0, "",
        records * 5, 5, 5, f'{{"5": {records}}}', 10, 20, 30, 2**40,
    )  # fmt: skip
    return [version], [SlotRow("wine", "", "ready", records + 1, records, 1, 0)]


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'statistics.db'}"
    return str(request.getfixturevalue("postgres"))


def test_a_part_is_replaced_and_others_stay(address: str) -> None:
    database = Database(address)
    database.write("job", [("a", rows(1)), ("b", rows(10))])
    database.write("another", [("a", rows(5))])
    again = Database(address)
    again.write("job", [("a", rows(2, "retired"))])
    assert {"a": rows(2, "retired"), "b": rows(10)} == database.read("job")
    with pytest.raises(SourceError, match="holds nothing of the job 'none' yet"):
        database.read("none")
    database.close()
    again.close()


def test_a_text_may_hold_anything(address: str) -> None:
    (version,), slots = rows(1)
    database = Database(address)
    database.write("job", [("a", ([replace(version, last_error="a \0 'b' ü", reason="%s ?")], slots))])
    ((found,), _) = database.read("job")["a"]
    assert ("a \N{REPLACEMENT CHARACTER} 'b' ü", "%s ?") == (found.last_error, found.reason)
    database.close()


def test_what_cannot_be_written_is_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gone" / "statistics.db"
    place = Place(f"sqlite:///{file}", "job")
    keeper = Keeper(place)
    keeper.keep("a", rows(1))
    with caplog.at_level(logging.WARNING):
        keeper.flush()
    assert f"the statistics database sqlite:///{file} cannot be written" in caplog.text
    assert "it is tried again" in caplog.text
    file.parent.mkdir()
    keeper.keep("a", rows(2))
    keeper.keep("b", rows(3))
    keeper.flush()
    assert not file.exists()  # it is not asked at every batch
    monkeypatch.setattr(keeper, "_blocked_until", 0.0)
    keeper.flush()
    assert {"a": rows(2), "b": rows(3)} == find_database(place.address).read("job")
    find_database(place.address).close()


def test_an_address_says_what_and_where() -> None:
    for wrong, message in {
        "statistics.db": "write sqlite:///PATH or postgresql://",
        "mysql://host/x": "write sqlite:///PATH or postgresql://",
        "sqlite://statistics.db": "with three slashes",
        "postgresql://me:secret@host/x": "PGPASSWORD",
    }.items():
        with pytest.raises(ConfigurationError, match=message) as raised:
            check_address(wrong)
        assert "secret" not in str(raised.value)
    check_address("sqlite:///statistics.db")
    check_address("postgresql://me@host:5433/x")


def test_who_reads_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not there yet: a job's workers make it"):
        Database(f"sqlite:///{tmp_path / 'x.db'}").read("job")
    assert [] == list(tmp_path.iterdir())


def test_a_database_that_does_not_answer_is_told() -> None:
    with pytest.raises(SourceError, match=r"postgresql://me@127.0.0.1:1/x cannot be read"):
        Database("postgresql://me@127.0.0.1:1/x").read("job")


def test_the_schema_is_that_of_the_page(project: Path, tmp_path: Path) -> None:
    page = (project / "docs/monitoring.md").read_text()
    Database(f"sqlite:///{tmp_path / 'x.db'}").write("job", [])
    connection = sqlite3.connect(tmp_path / "x.db")
    for table in statistics._TABLES:
        part = page.partition(f"`{table}`")[2].partition("`headrace_slots`")[0]
        for _, column, *_ in connection.execute(f"PRAGMA table_info({table})"):
            assert f"`{column}`" in part, (table, column)
    connection.close()
