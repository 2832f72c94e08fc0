"""Statistics in a database outside: for engines over other people's runtimes, whose state nobody can ask.

Rules:

1. A row holds what a part of a job (a key of its state) has done since its state began. It is replaced, never added to:
   a bundle or micro-batch that is done again writes what it wrote before.
2. A database that is gone fails nobody and holds nobody back: what could not be written is kept, replaced by what is
   newer, and written once the database answers; it is tried again after ``RETRY`` seconds.
3. SQLite by ``sqlite:///PATH``, PostgreSQL by ``postgresql://USER@HOST:PORT/DATABASE``. A password stands in
   PostgreSQL's own places (``PGPASSWORD``, ``PGPASSFILE``, ``~/.pgpass``), never in the address.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headrace.errors import ConfigurationError, HeadraceError, MissingExtraError, SourceError

RETRY = 10.0
_CONNECT = 3
_MAKING = 0x68656164
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One publication in one slot: see ``docs/monitoring.md`` for the columns."""

    data_type: str
    slot: str
    position: int
    name: str
    version: str
    description: str
    digest: str
    state: str
    reason: str
    pinned: int
    since: int | None
    until: int | None
    records: int
    errors: int
    last_error: str
    total_ns: int
    min_ns: int | None
    max_ns: int | None
    buckets: str
    load_ns: int
    verify_ns: int
    warm_ns: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class SlotRow:
    """The counts of one slot; without a data type, of the records that address none."""

    data_type: str
    slot: str
    mode: str
    received: int
    scored: int
    dead_lettered: int
    skipped: int


Rows = tuple[Sequence[VersionRow], Sequence[SlotRow]]
_KINDS = {"int": "BIGINT NOT NULL", "int | None": "BIGINT", "str": "TEXT NOT NULL"}
_TABLES: dict[str, tuple[type[VersionRow | SlotRow], tuple[str, ...]]] = {
    "headrace_versions": (VersionRow, ("job", "part", "data_type", "slot", "position")),
    "headrace_slots": (SlotRow, ("job", "part", "data_type", "slot")),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's statistics are. ``job`` tells it from others in the same database."""

    address: str
    job: str


class Database:
    """A connection that several threads of a process may use; it is made at the first use and made again where lost."""

    def __init__(self, address: str) -> None:
        self._address, self._lock = address, threading.Lock()
        self._connection: Any = None
        self._mark = "?" if address.startswith("sqlite") else "%s"

    def write(self, job: str, parts: Iterable[tuple[str, Rows]]) -> None:
        """Replace the rows of parts of a job, all of them or none. Raises ``SourceError``."""
        with self._lock:
            try:
                cursor = self._open().cursor()
                for part, (versions, slots) in parts:
                    self._replace(cursor, "headrace_versions", job, part, versions)
                    self._replace(cursor, "headrace_slots", job, part, slots)
                self._connection.commit()
            except HeadraceError:
                raise
            except Exception as error:
                self._drop()
                raise SourceError(f"the statistics database {self._address} cannot be written: {error}") from error

    def read(self, job: str) -> dict[str, Rows]:
        """Read the rows of a job by its parts. Raises ``SourceError``, also where there are none."""
        self._require()
        found: dict[str, tuple[list[Any], list[Any]]] = {}
        with self._lock:
            try:
                cursor = self._open().cursor()
                for place, (table, (row, _)) in enumerate(_TABLES.items()):
                    names = ", ".join(each.name for each in fields(row))
                    cursor.execute(f"SELECT part, {names} FROM {table} WHERE job = {self._mark}", (job,))  # noqa: S608 names of ours
                    for part, *values in cursor.fetchall():
                        found.setdefault(part, ([], []))[place].append(row(*values))
                self._connection.commit()
            except HeadraceError:
                raise
            except Exception as error:
                self._drop()
                raise SourceError(f"the statistics database {self._address} cannot be read: {error}") from error
        if not found:
            raise SourceError(f"the statistics database {self._address} holds nothing of the job {job!r} yet")
        return dict(found)

    def _require(self) -> None:
        """Make sure that who only reads makes no file."""
        if self._address.startswith("sqlite") and not _find_file(self._address).is_file():
            raise SourceError(f"the statistics database {self._address} is not there yet: a job's workers make it")

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        with self._lock:
            self._drop()

    def _replace(self, cursor: Any, table: str, job: str, part: str, rows: Sequence[VersionRow | SlotRow]) -> None:
        if rows:
            values = [(job, part, *map(_clean, astuple(row))) for row in rows]
            cursor.executemany(_write_upsert(table, self._mark), values)

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = _connect(self._address)
            cursor = self._connection.cursor()
            if not self._address.startswith("sqlite"):
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))  # two that make a table at once collide
            for table in _TABLES:
                cursor.execute(write_schema(table))
            self._connection.commit()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception as error:  # noqa: BLE001 it is lost either way
                _LOG.debug("closing the statistics database: %s", error)


class Keeper:
    """Writes what parts of a job have done, as soon as the database takes it."""

    def __init__(self, place: Place) -> None:
        self._place, self._database = place, find_database(place.address)
        self._lock = threading.Lock()
        self._waiting: dict[str, Rows] = {}
        self._blocked_until = 0.0

    def keep(self, part: str, rows: Rows) -> None:
        """Take in what a part has done; it is written by ``flush``."""
        with self._lock:
            self._waiting[part] = rows

    def flush(self) -> None:
        """Write what waits; where the database does not take it, it waits for a later call."""
        with self._lock:
            if not self._waiting or time.monotonic() < self._blocked_until:
                return
            taken, self._waiting = self._waiting, {}
        try:
            self._database.write(self._place.job, taken.items())
        except HeadraceError as error:
            _LOG.warning("%s; it is tried again", error)
            with self._lock:
                self._blocked_until = time.monotonic() + RETRY
                self._waiting = taken | self._waiting


@cache
def find_database(address: str) -> Database:
    """Find the process's connection to a database. Raises ``ConfigurationError`` for an address that is none."""
    check_address(address)
    return Database(address)


@cache
def find_keeper(place: Place) -> Keeper:
    """Find the process's keeper for a job."""
    return Keeper(place)


def check_address(address: str) -> None:
    """Check what an address says. Raises ``ConfigurationError``."""
    parts = urlsplit(address)
    if parts.scheme not in {"sqlite", "postgresql"}:
        raise ConfigurationError(
            f"the statistics database is {address!r}: write sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        )
    if parts.password is not None:
        raise ConfigurationError(
            "the address of the statistics database holds a password: put it into the environment variable PGPASSWORD, "
            "or into the file that PGPASSFILE names"
        )
    if parts.scheme == "sqlite" and (parts.netloc or len(parts.path) < 2):
        raise ConfigurationError(f"the statistics database is {address!r}: write sqlite:///PATH, with three slashes")


def write_schema(table: str) -> str:
    """Give the statement that makes a table where there is none."""
    row, key = _TABLES[table]
    columns = ["job TEXT NOT NULL", "part TEXT NOT NULL"]
    columns += [f"{each.name} {_KINDS[str(each.type)]}" for each in fields(row)]
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}, PRIMARY KEY ({', '.join(key)}))"


def _write_upsert(table: str, mark: str) -> str:
    row, key = _TABLES[table]
    names = ["job", "part", *(each.name for each in fields(row))]
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    marks = ", ".join([mark] * len(names))
    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 names of ours
    return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"


def _find_file(address: str) -> Path:
    return Path(unquote(urlsplit(address).path)[1:])


def _clean(value: object) -> object:
    """Leave out of a text what PostgreSQL does not take."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def _connect(address: str) -> Any:
    if address.startswith("sqlite"):
        connection = sqlite3.connect(_find_file(address), timeout=_CONNECT, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
    try:
        import psycopg
    except ImportError:
        raise MissingExtraError("a PostgreSQL database needs psycopg: pip install 'headrace[postgres]'") from None
    made = psycopg.connect(address, connect_timeout=_CONNECT)
    made.execute("SET synchronous_commit = off")  # what a crash of the database loses is written again
    made.commit()
    return made
