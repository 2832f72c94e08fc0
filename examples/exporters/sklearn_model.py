"""A scikit-learn pipeline of the red wines, as PMML and ONNX: ``python -m examples.exporters.sklearn_model [FOLDER]``.

``headrace export sklearn-pmml examples/exporters/sklearn_model.py:train ...`` does the same by the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from headrace.app.exporting import write_export
from headrace.app.wine import DATA_TYPE, FEATURES, read_labels, read_records
from headrace.export import sklearn_onnx, sklearn_pmml

ROWS = np.array([[record[name] for name in FEATURES] for record in read_records()], dtype=float)
QUALITY = np.array(list(read_labels().values()))


def train() -> Pipeline:
    """Train a scaler and boosted trees for the quality as a class."""
    return make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=10, random_state=7)).fit(
        ROWS, QUALITY
    )


def main(folder: Path) -> None:
    """Export what was trained in both ways."""
    folder.mkdir(parents=True, exist_ok=True)
    for exporter, file in ((sklearn_pmml, "boosting.pmml"), (sklearn_onnx, "boosting-onnx.onnx")):
        descriptor = exporter.descriptor_for(
            train(), name="boosting", data_type=DATA_TYPE, target_name="quality", feature_names=FEATURES, examples=ROWS
        )
        print(write_export(descriptor, folder / file)["model"])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("exported"))
