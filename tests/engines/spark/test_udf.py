"""``score_udf``: a model as a function of Spark."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

from headrace.engines.spark import score_udf
from headrace.errors import ModelError
from headrace.testing.scaling import write_scaling
from tests.engines.spark.rig import OPTIONS

GROUPS = [pytest.mark.xdist_group("kafka"), pytest.mark.xdist_group("spark")]
"""Both, as the tests have that use the broker beside Spark: one process then has one session for all."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), *GROUPS]


def test_rows_are_scored_and_one_that_cannot_be_harms_none_of_its_neighbours(spark: SparkSession) -> None:
    score = score_udf(write_scaling(3), mapping={"x": ("acid",)}, options=OPTIONS, in_child=False)
    frame = spark.createDataFrame([("1", "a"), ("two", "b"), ("4", "c")], "acid string, name string")
    rows = frame.select("name", score(sql.struct("acid")).alias("scored")).orderBy("name").collect()
    assert [("a", 3.0), ("b", None), ("c", 12.0)] == [(row.name, row.scored.y) for row in rows]
    assert [True, False, True] == [row.scored.unscored is None for row in rows]


def test_a_pmml_model_scores_with_its_own_outputs(spark: SparkSession, project: Path) -> None:
    score = score_udf(project / "examples" / "wine" / "models" / "ridge.pmml")
    header, first = (project / "examples" / "wine" / "data" / "winequality-red.csv").read_text().split("\n")[:2]
    names = [name.strip('"').replace(" ", "_") for name in header.split(";")][:11]
    fields = [sql.lit(float(value)).alias(name) for name, value in zip(names, first.split(";")[:11], strict=True)]
    (row,) = spark.range(1).select(score(sql.struct(*fields)).alias("scored")).collect()
    assert {"quality", "unscored"} == set(row.scored.asDict())
    assert 3 < row.scored.quality < 8


def test_a_model_that_is_refused_is_told_before_anything_runs() -> None:
    with pytest.raises(ModelError):
        score_udf(b"poison", options=OPTIONS, in_child=False)
