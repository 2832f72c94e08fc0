"""``headrace export``: a trained model to a file that a stream serves, with golden records of its own predictions."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from headrace.cli.exits import Exit
from headrace.cli.options import FILE, json_option
from headrace.cli.output import print_json

if TYPE_CHECKING:
    from headrace.records import Descriptor

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def export() -> None:
    """Write a trained model as a file that a stream serves.

    SOURCE is file.py:attribute or package.module:attribute: the trained model, or a function that gives it; of Keras
    also a .keras file, of Spark the directory of a saved pipeline. Beside the model, golden records and a descriptor
    are written.
    """


def _read_list(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _export_options(command: F) -> F:
    """Give a command what all exporters take; it returns the descriptor, which is written and maybe published."""

    @wraps(command)
    def run(*, output: Path, log: Path | None, as_json: bool, name: str, **given: Any) -> int:
        return _finish(command(name=name or output.stem, **given), output, log, as_json)

    for option in reversed(
        (
            click.argument("source"),
            click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The model's file to write."),
            click.option("--rows", type=FILE, required=True, metavar="FILE.csv",
                         help="Rows with a header, from which golden records are taken."),
            click.option("--delimiter", default="", help="Of the rows; found by looking by default."),
            click.option("--golden-rows", type=click.IntRange(min=1), default=20, show_default=True, metavar="NUMBER",
                         help="How many golden records are taken."),
            click.option("--data-type", required=True, help="The data type of the slot's records."),
            click.option("--slot", default="", help="The slot's name; the data type's one slot has none."),
            click.option("--name", default="", help="The model's name; the file's by default."),
            click.option("--version", "version", default="", help="The model's version."),
            click.option("--log", type=FILE, metavar="DIR", help="Publish it to this model log, too."),
            json_option,
        )
    ):  # fmt: skip
        run = option(run)
    return cast("F", run)


_target_option = click.option("--target", required=True, help="What is predicted; left out of the features.")
_features_option = click.option(
    "--features", default="", callback=_read_list, metavar="FIELD[,FIELD]",
    help="The features in the order of training; those that the model knows by default, else all columns.",
)  # fmt: skip
_classes_option = click.option(
    "--classes", default="", callback=_read_list, metavar="CLASS[,CLASS]",
    help="A classifier's labels, in the order of its outputs.",
)  # fmt: skip


@export.command()
@_export_options
@_target_option
@_features_option
def sklearn_pmml(source: str, **given: Any) -> Descriptor:
    """Write a scikit-learn estimator or pipeline as PMML."""
    from headrace.export import sklearn_pmml as exporter

    return _export_sklearn(exporter, source, **given)


@export.command()
@_export_options
@_target_option
@_features_option
@click.option("--inputs", type=click.Choice(["tensor", "columns"]), default="tensor", show_default=True,
              help="One tensor of all features, or a column for each.")  # fmt: skip
@click.option("--text-features", default="", callback=_read_list, metavar="FIELD[,FIELD]",
              help="The features that are text (--inputs columns).")  # fmt: skip
def sklearn_onnx(source: str, **given: Any) -> Descriptor:
    """Write a scikit-learn estimator or pipeline as ONNX."""
    from headrace.export import sklearn_onnx as exporter

    return _export_sklearn(exporter, source, **given)


@export.command()
@_export_options
@_target_option
@_features_option
@_classes_option
def keras_graph(source: str, **given: Any) -> Descriptor:
    """Write a Keras model as a frozen, optimised TensorFlow graph."""
    from headrace.export import keras_graph as exporter

    return _export_keras(exporter, source, **given)


@export.command()
@_export_options
@_target_option
@_features_option
@_classes_option
@click.option("--signature", default="serving_default", show_default=True, help="The signature's name.")
def keras_savedmodel(source: str, **given: Any) -> Descriptor:
    """Write a Keras model as a zip archive of a TensorFlow SavedModel."""
    from headrace.export import keras_savedmodel as exporter

    return _export_keras(exporter, source, **given)


@export.command()
@_export_options
def spark_pmml(source: str, rows: Path, delimiter: str, **given: Any) -> Descriptor:
    """Write a fitted Spark pipeline as PMML, by pyspark2pmml, which is under the AGPL 3.0.

    The rows hold the target's column, too.
    """
    from headrace.app.csv_tables import CsvTable
    from headrace.app.exporting import find_spark
    from headrace.export import spark_pmml as exporter

    table = CsvTable(rows, (), delimiter)
    table.close()
    spark = exporter.open_spark()
    frame = spark.read.csv(str(rows.absolute()), sep=table.delimiter, header=True, inferSchema=True)
    return exporter.descriptor_for(find_spark(source, spark), examples=frame, **given)


def _export_sklearn(
    exporter: Any, source: str, target: str, features: tuple[str, ...], rows: Path, delimiter: str, **given: Any
) -> Descriptor:
    from headrace.app.exporting import choose_features, find_trained, read_rows, take_examples

    model = find_trained(source)
    table = read_rows(rows, target, delimiter)
    names = choose_features(table, model, features)
    examples = take_examples(table, names, model)
    found: Descriptor = exporter.descriptor_for(
        model, target_name=target, feature_names=names, examples=examples, **given
    )
    return found


def _export_keras(
    exporter: Any,
    source: str,
    target: str,
    features: tuple[str, ...],
    classes: tuple[str, ...],
    rows: Path,
    delimiter: str,
    **given: Any,
) -> Descriptor:
    from headrace.app.exporting import choose_features, find_keras, read_rows, take_examples

    model = find_keras(source)
    table = read_rows(rows, target, delimiter)
    names = choose_features(table, model, features)
    labels: tuple[object, ...] = classes
    if all(each.removeprefix("-").isdecimal() for each in classes):
        labels = tuple(int(each) for each in classes)
    found: Descriptor = exporter.descriptor_for(
        model,
        target_name=target,
        feature_names=names,
        classes=labels,
        examples=take_examples(table, names, model),
        **given,
    )
    return found


def _finish(descriptor: Descriptor, output: Path, log: Path | None, as_json: bool) -> int:
    from headrace.app.exporting import write_export
    from headrace.app.publishing import publish

    files = write_export(descriptor, output)
    told: dict[str, Any] = {name: str(path) for name, path in files.items()}
    told |= {"format": descriptor.model_type, "golden_records": len(descriptor.golden)}
    if log is not None:
        told["position"], sent = publish(log, descriptor)
        told["digest"] = sent.digest
    if as_json:
        print_json(told)
        return Exit.DONE
    size = output.stat().st_size
    click.echo(f"{output}: {descriptor.model_type}, {size:,} bytes; {len(descriptor.golden)} golden records beside it")
    if log is not None:
        click.echo(f"published to {log} at position {told['position']}, digest {told['digest'][:12]}")
        return Exit.DONE
    command = ["headrace", "publish", str(output), "--golden", str(files["golden"])]
    for name, fields in descriptor.mapping.items():
        command += ["--map", f"{name}={','.join(fields)}"]
    command += ["--tolerance", str(descriptor.golden_tolerance), "--data-type", descriptor.data_type, "--log", "DIR"]
    click.echo(shlex.join(command))
    return Exit.DONE
