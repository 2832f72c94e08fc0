"""Whether outputs and state can be where a configuration puts them, looked at without writing anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.app.outlets import STDOUT
from headrace.errors import SinkError, StateError
from headrace.transports.part_sinks import find_parts

if TYPE_CHECKING:
    from headrace.app.configuration import DeadLettersSection, ResultsSection


def check_outlet(section: ResultsSection | DeadLettersSection, *, first: bool) -> None:
    """Check that an output can be written, and at a first start that nothing lies in its way.

    Raises ``SinkError``.
    """
    path = section.path
    if path == STDOUT:
        return
    try:
        _check(section, path, first=first)
    except OSError as error:
        raise SinkError(f"{path} cannot be looked at: {error.strerror}") from error


def _check(section: ResultsSection | DeadLettersSection, path: Path, *, first: bool) -> None:
    in_parts = section.format in {"parquet", "arrow"}
    if path.exists() and not path.is_file() and not in_parts:
        raise SinkError(f"path is {path}, which is not a file: name a file")
    parts = find_parts(path) if in_parts else ()
    if not in_parts and path.exists():
        _require_writable(path)
    else:
        _require_directory(path)
    if first and section.if_exists == "refuse":
        _refuse_existing(path, parts)


def _refuse_existing(path: Path, parts: Sequence[Path]) -> None:
    if parts:
        what = f"{parts[-1]} is there already and there is no state that knows it"
    elif path.is_file() and path.stat().st_size:
        what = f"{path} holds {path.stat().st_size} bytes already and there is no state that knows them"
    else:
        return
    raise SinkError(f'{what}: name another path, or set if_exists to "append" or "overwrite"')


def _require_directory(path: Path) -> None:
    """Check that a file can be made. Raises ``SinkError``."""
    there = _find_existing(path.parent)
    if not there.is_dir():
        raise SinkError(f"{there} is not a directory, so {path} cannot be made: name another path")
    _require_writable(there)


def _require_writable(path: Path) -> None:
    """Check what is there. Raises ``SinkError``."""
    if not _may_write(path):
        raise SinkError(f"{path} may not be written: give this user the permission to, or name another path")


def check_directory(path: Path) -> None:
    """Check that a state directory can be used, or made. Raises ``StateError``."""
    there = _find_existing(path)
    if not there.is_dir():
        raise StateError(f"{there} is not a directory: name another one")
    if not _may_write(there):
        raise StateError(f"{there} may not be written: give this user the permission to, or name another directory")


def _find_existing(path: Path) -> Path:
    """Find the part of a path that is there."""
    absolute = path.absolute()
    return next(each for each in (absolute, *absolute.parents) if os.path.lexists(each))


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK)
