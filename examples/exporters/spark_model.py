"""A Spark ML pipeline of the red wines, as PMML: ``python -m examples.exporters.spark_model [FOLDER]``.

It needs Java 17, pyspark and pyspark2pmml; the latter is under the AGPL 3.0. ``models/spark-forest.pmml`` is what it
wrote, so that the model can be served and tested without them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from headrace.app.exporting import write_export
from headrace.app.wine import DATA_TYPE, find_folder
from headrace.export import spark_pmml

TABLE = find_folder() / "data" / "winequality-red.csv"


def read(spark: Any) -> Any:
    """Read the wines as a frame with the columns' names as the stream writes them."""
    frame = spark.read.csv(str(TABLE), sep=";", header=True, inferSchema=True)
    return frame.toDF(*(column.replace(" ", "_") for column in frame.columns))


def train(frame: Any) -> Any:
    """Train ten trees between an assembler, an indexer of the quality, and the way back to its text."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import IndexToString, StringIndexer, VectorAssembler

    indexer = StringIndexer(inputCol="quality", outputCol="label").fit(frame)
    stages: list[Any] = [
        VectorAssembler(inputCols=frame.columns[:-1], outputCol="features"),
        indexer,
        RandomForestClassifier(numTrees=10, labelCol="label", seed=7),
        IndexToString(inputCol="prediction", outputCol="predicted", labels=indexer.labels),
    ]
    return Pipeline(stages=stages).fit(frame)


def main(folder: Path) -> None:
    """Export what was trained."""
    folder.mkdir(parents=True, exist_ok=True)
    spark = spark_pmml.open_spark()
    frame = read(spark)
    descriptor = spark_pmml.descriptor_for(
        train(frame), name="spark-forest", data_type=DATA_TYPE, examples=frame, golden_rows=200
    )
    print(write_export(descriptor, folder / "spark-forest.pmml")["model"])
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")
