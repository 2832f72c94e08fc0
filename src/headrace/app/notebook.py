"""What ``headrace models``, ``stats`` and ``events`` tell, for notebooks: values that show themselves as tables.

Each is the document that the command prints with ``--json``, in ``document``, and HTML of it. All text is
escaped: names and reasons come with the models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from headrace.app.documents import names_engine, read_running_engine, read_state_models, read_state_statistics
from headrace.app.journal import JournalReader

_TOKEN = "HEADRACE_TOKEN"  # noqa: S105 the variable's name
_MODELS = ("data_type", "slot", "name", "version", "state", "position", "since", "records", "reason")
_VERSIONS = ("data_type", "slot", "name", "version", "state", "records", "errors", "since", "p50_ns", "p99_ns")
_SLOTS = ("data_type", "slot", "in", "scored", "dead_lettered", "skipped")
_EVENTS = ("at", "kind", "position", "data_type", "slot", "name", "version", "reason")
_MOMENTS = frozenset({"at", "since", "until"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A document, and the tables in which it is shown: for each the key of its rows, and its columns."""

    document: Mapping[str, Any]
    tables: Mapping[str, Sequence[str]]

    def _repr_html_(self) -> str:
        """Give the tables as HTML."""
        return "".join(_draw(name, columns, self.document[name]) for name, columns in self.tables.items())


def models(where: str | Path, *, token_env: str = _TOKEN) -> Shown:
    """Show the models of a state directory, or of a running engine by the address of its monitor.

    Raises ``StateError`` and ``SourceError``.
    """
    running = _ask(where, "/v1/models", token_env)
    return Shown(read_state_models(Path(where)) if running is None else running, {"models": _MODELS})


def stats(where: str | Path, *, token_env: str = _TOKEN) -> Shown:
    """Show what each version scored and how fast, and the counts of each slot. Raises as ``models`` does."""
    running = _ask(where, "/v1/statistics", token_env)
    told = read_state_statistics(Path(where)) if running is None else running
    return Shown(told, {"versions": _VERSIONS, "slots": _SLOTS})


def events(where: str | Path, *, limit: int = 100, token_env: str = _TOKEN) -> Shown:
    """Show the last of what happened to models, the oldest first; 0 shows all. Raises as ``models`` does."""
    running = _ask(where, "/v1/events", token_env)
    found = list(JournalReader(Path(where)).read()) if running is None else running["events"]
    return Shown({"total": len(found), "events": found[-limit:] if limit else found}, {"events": _EVENTS})


def _ask(where: str | Path, path: str, token_env: str) -> dict[str, Any] | None:
    """Ask a running engine; None where a directory is named."""
    return read_running_engine(str(where), path, token_env) if names_engine(str(where)) else None


def _draw(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(column.replace("_", " "))}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(_cell(column, row.get(column)) for column in columns)}</tr>" for row in rows)
    return f"<table><caption>{escape(name)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(column: str, value: object) -> str:
    if column in _MOMENTS and isinstance(value, int):
        value = datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    return f"<td>{'' if value is None else escape(str(value))}</td>"
