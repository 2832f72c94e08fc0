"""Spark ML pipelines to PMML, by pyspark2pmml.

pyspark2pmml and the JPMML-SparkML that it brings are licensed under the AGPL 3.0. Headrace does not install, import or
ship them unless you ask for the extra ``spark-agpl``; whoever runs this module accepts that licence for what it does.
What comes out is a document; nothing of theirs is needed to score it.

The Spark session needs their jars from its start: ``open_spark`` gives one, or set ``spark.jars`` to ``find_jars()``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headrace.errors import MissingExtraError, ModelError, UnsupportedError
from headrace.export.golden import name_probability
from headrace.records import Descriptor, GoldenRecord

_WHOLE = {"byte", "short", "integer", "long"}


def find_jars() -> str:
    """Give the jars that the exporter needs, as ``spark.jars`` takes them. Raises ``MissingExtraError``."""
    jars: str = _import().spark_jars()
    return jars


def open_spark(master: str = "local[1]") -> Any:
    """Start a Spark session that can export, on this machine alone. Raises ``MissingExtraError``."""
    jars = find_jars()
    from pyspark.sql import SparkSession

    settings = {
        "spark.jars": jars,
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
    }
    builder = SparkSession.builder.master(master).appName("headrace export")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def to_pmml(model: Any, examples: Any) -> bytes:
    """Write a fitted pipeline as a PMML document; ``examples`` are a frame with the columns that it was trained on.

    Raises ``UnsupportedError`` for a stage that cannot be written, ``MissingExtraError`` without pyspark2pmml.
    """
    pyspark2pmml = _import()
    try:
        return bytes(pyspark2pmml.PMMLBuilder(examples, model).buildByteArray())
    except TypeError as error:
        message = f"{type(model).__name__} is no fitted pipeline of Spark over a frame with its columns: {error}"
        raise ModelError(message) from error
    except RuntimeError as error:
        raise ModelError(f"the Spark session has not the exporter's jars: start it by open_spark ({error})") from error
    except Exception as error:
        reason = str(error).partition("\n\tat ")[0].strip().splitlines()[-1]
        raise UnsupportedError(f"the pipeline cannot be written as PMML by pyspark2pmml: {reason}") from error


def descriptor_for(
    model: Any, *, name: str, data_type: str, examples: Any, golden_rows: int = 20, **fields: Any
) -> Descriptor:
    """Make the publication of a fitted pipeline: its PMML, and golden records of Spark's own predictions.

    ``examples`` are a frame with the columns that it was trained on, the target's among them; ``fields`` are further
    fields of ``Descriptor``. Raises as ``to_pmml`` does.
    """
    content = to_pmml(model, examples)
    golden = predict_golden(model, examples, limit=golden_rows)
    descriptor = Descriptor(name=name, data_type=data_type, model_type="pmml", content=content, golden=golden)
    return replace(descriptor, **fields)


def predict_golden(model: Any, examples: Any, *, limit: int = 20) -> tuple[GoldenRecord, ...]:
    """Ask Spark itself for its predictions of the first ``limit`` rows.

    Raises ``UnsupportedError`` for a pipeline without one predictor whose target is a column of the frame.
    """
    predictor = next((stage for stage in reversed(model.stages) if stage.hasParam("labelCol")), None)
    if predictor is None:
        raise UnsupportedError("the pipeline has no stage that was trained for a target: golden records need one")
    target = predictor.getOrDefault("labelCol")
    labels: list[str] = []
    for stage in model.stages:
        if stage.hasParam("outputCol") and stage.isSet("outputCol") and stage.getOrDefault("outputCol") == target:
            labels, target = list(getattr(stage, "labels", ())), stage.getOrDefault("inputCol")
    if target not in examples.columns:
        raise UnsupportedError(f"the target {target!r} is not a column of the examples: {', '.join(examples.columns)}")
    restore = _restore(examples.schema[target].dataType.typeName())
    names = [column for column in examples.columns if column != target]
    prediction = predictor.getOrDefault("predictionCol")
    has_chances = predictor.hasParam("probabilityCol") and bool(labels)
    columns = [*names, prediction, *([predictor.getOrDefault("probabilityCol")] if has_chances else [])]
    records = []
    for row in model.transform(examples.limit(limit)).select(columns).collect():
        outputs: dict[str, object] = {target: restore(labels[int(row[prediction])]) if labels else row[prediction]}
        if has_chances:
            chances = zip(labels, row[len(names) + 1].tolist(), strict=True)
            outputs |= {name_probability(restore(label)): float(value) for label, value in chances}
        records.append(GoldenRecord({name: row[name] for name in names}, outputs))
    return tuple(records)


def _restore(kind: str) -> Callable[[str], object]:
    """Give what turns a label, which Spark keeps as text, into a value of its column's type."""
    return int if kind in _WHOLE else float if kind in {"double", "float"} else str


def _import() -> Any:
    try:
        import pyspark2pmml
    except ImportError:
        raise MissingExtraError(
            "writing Spark pipelines as PMML needs pyspark2pmml, which is under the AGPL 3.0: "
            "pip install 'headrace[spark-agpl]' where that licence suits you"
        ) from None
    return pyspark2pmml
