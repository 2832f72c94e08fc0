"""A model's bytes and its golden records, out of a person's own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headrace.errors import SourceError
from headrace.loading import LoadOptions, pack_folder
from headrace.records import GoldenRecord
from headrace.wire import jsontext

_SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
"""One of these makes a directory a model."""


def read_model(path: Path) -> bytes:
    """Read a model's bytes; a folder becomes an archive. Raises ``SourceError`` that says what is in the way."""
    if path.is_dir():
        if not any((path / name).is_file() for name in _SAVED_MODEL):
            raise SourceError(f"{path} is a directory and no SavedModel, which has a {_SAVED_MODEL[0]}: name the model")
        return pack_folder(path, LoadOptions().max_model_bytes)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"the model {path} cannot be read: {error.strerror}") from error
    if not content:
        raise SourceError(f"the model {path} is empty")
    return content


def read_golden(path: Path) -> tuple[GoldenRecord, ...]:
    """Read golden records: a JSON list of objects with ``inputs`` and ``outputs``, each by name.

    NaN and the infinities are written bare or as text. Raises ``SourceError``.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"the golden records {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"the golden records {path} are not JSON: {error}") from error
    if not isinstance(listed, list) or not listed:
        raise SourceError(f'{path} holds no golden records: write a list of {{"inputs": {{...}}, "outputs": {{...}}}}')
    return tuple(_read(path, index, each) for index, each in enumerate(listed))


def _read(path: Path, index: int, each: Any) -> GoldenRecord:
    inputs, outputs = (each.get(name) if isinstance(each, dict) else None for name in ("inputs", "outputs"))
    if not (isinstance(inputs, dict) and inputs and isinstance(outputs, dict) and outputs):
        raise SourceError(
            f'{path}: golden record {index} has not both "inputs" and "outputs", each an object of values'
        )
    return GoldenRecord(_restore(inputs), _restore(outputs))


def _restore(values: dict[str, Any]) -> dict[str, Any]:
    return {name: jsontext.restore_floats(value) for name, value in values.items()}
