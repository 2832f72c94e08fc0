"""A trained model out of a person's own program or file, to the files of a publication.

A model is named as ``package.module:attribute`` or ``file.py:attribute``: the trained model itself, or a function
without arguments that gives it. A pickle is a program of its own and is not read. Beside the model's file are written
its golden records, as ``headrace publish --golden`` takes them, and its descriptor, both as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from headrace.app.csv_tables import CsvTable
from headrace.catalog import load_target
from headrace.errors import ConfigurationError, HeadraceError, SinkError, SourceError
from headrace.export.golden import encode_golden
from headrace.formats.tensorflow.library import quieten
from headrace.records import Descriptor
from headrace.wire.csv import MISSING

_PICKLES = {".pkl", ".pickle", ".joblib", ".skops"}
_KERAS = {".keras", ".h5", ".hdf5"}


def find_trained(source: str) -> Any:
    """Give what ``package.module:attribute`` or ``file.py:attribute`` names, called if it is a function.

    Raises ``ConfigurationError``.
    """
    if Path(source).suffix in _PICKLES:
        raise ConfigurationError(
            f"{source} is a pickle, a program that reading would run: name the trained model in a module of yours, "
            "as file.py:attribute"
        )
    place, _, attribute = source.rpartition(":")
    if place.endswith(".py"):
        found = _find_in_file(Path(place), attribute)
    else:
        sys.path.insert(0, str(Path.cwd()))
        try:
            found = load_target(source, purpose=f"the model {source!r}")
        finally:
            sys.path.remove(str(Path.cwd()))
    is_model = any(hasattr(found, name) for name in ("predict", "transform", "get_params"))
    if callable(found) and (isinstance(found, type) or not is_model):
        return _run(found, source)
    return found


def find_keras(source: str) -> Any:
    """Give a Keras model out of its file (``.keras``, ``.h5``), or of what ``find_trained`` takes.

    TensorFlow is loaded with the settings that it serves with. Raises ``ConfigurationError``.
    """
    quieten()
    if Path(source).suffix not in _KERAS:
        return find_trained(source)
    from headrace.export.keras_model import import_tensorflow

    tf = import_tensorflow()
    try:
        return tf.keras.models.load_model(source, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{source} cannot be read as a Keras model: {error}") from error


def find_spark(source: str, spark: Any) -> Any:
    """Give a fitted pipeline out of the directory that it was saved to, or of what ``find_trained`` takes.

    ``spark`` is the session to read it by. Raises ``ConfigurationError``.
    """
    if not Path(source).is_dir():
        return find_trained(source)
    from pyspark.errors import PySparkException
    from pyspark.ml import PipelineModel

    try:
        return PipelineModel.read().session(spark).load(source)
    except (PySparkException, ValueError) as error:
        raise ConfigurationError(f"{source} is no saved pipeline of Spark: {error}") from error


def read_rows(path: Path, target: str, delimiter: str = "") -> pa.Table:
    """Read a CSV file with a header as columns of the types found, all numbers as doubles, without the target.

    Raises ``SourceError``.
    """
    table = CsvTable(path, (), delimiter)
    delimiter = table.delimiter
    table.close()
    try:
        read = arrow_csv.read_csv(
            str(path),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(null_values=list(MISSING), strings_can_be_null=True),
        )
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"the rows {path} cannot be read: {error}") from error
    if read.num_rows == 0:
        raise SourceError(f"the rows {path} hold none: golden records are taken from them")
    if target in read.column_names:
        read = read.drop_columns([target])
    kinds = [pa.float64() if pa.types.is_integer(each.type) else each.type for each in read.schema]
    return read.cast(pa.schema(list(zip(read.column_names, kinds, strict=True))))


def choose_features(rows: pa.Table, model: Any, given: Sequence[str]) -> tuple[str, ...]:
    """Give the features: those given, else those that the model saw when it was trained, else all columns.

    Raises ``ConfigurationError`` for one that is no column.
    """
    seen = getattr(model, "feature_names_in_", None)
    names = tuple(given) or tuple(map(str, rows.column_names if seen is None else seen))
    if absent := [name for name in names if name not in rows.column_names]:
        raise ConfigurationError(
            f"the rows have no column {', '.join(absent)}; they have {', '.join(rows.column_names)}"
        )
    return names


def take_examples(rows: pa.Table, names: Sequence[str], model: Any) -> Any:
    """Give rows as a model takes them: columns if it was trained on such or they are no numbers, else a matrix."""
    chosen = rows.select(list(names))
    is_numbers = all(pa.types.is_floating(each.type) for each in chosen.schema)
    if hasattr(model, "feature_names_in_") or not is_numbers:
        return chosen
    return np.column_stack([column.to_numpy() for column in chosen.columns])


def write_export(descriptor: Descriptor, path: Path) -> Mapping[str, Path]:
    """Write a publication's model, golden records and descriptor. Raises ``SinkError``."""
    files = {
        "model": path,
        "golden": path.with_suffix(".golden.json"),
        "descriptor": path.with_suffix(".descriptor.json"),
    }
    described = {
        "file": path.name,
        "golden": files["golden"].name,
        "name": descriptor.name,
        "version": descriptor.version,
        "description": descriptor.description,
        "format": descriptor.model_type,
        "data_type": descriptor.data_type,
        "slot": descriptor.slot,
        "golden_tolerance": descriptor.golden_tolerance,
        "mapping": {name: list(fields) for name, fields in descriptor.mapping.items()},
    }
    try:
        path.write_bytes(descriptor.content or b"")
        files["golden"].write_text(encode_golden(descriptor.golden), encoding="utf-8")
        files["descriptor"].write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"the export {error.filename or path} cannot be written: {error.strerror}") from error
    return files


def _run(program: Callable[[], Any], what: str) -> Any:
    """Run a person's own program, whose errors are theirs."""
    try:
        return program()
    except HeadraceError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{what} fails: {type(error).__name__}: {error}") from error


def _find_in_file(path: Path, attribute: str) -> Any:
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigurationError(f"there is no program {path}")
    loader, module = spec.loader, importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _run(lambda: loader.exec_module(module), str(path))
    if not hasattr(module, attribute):
        raise ConfigurationError(f"{path} has no {attribute!r}: name the trained model, or a function that gives it")
    return getattr(module, attribute)
