"""A Keras network of the red wines, as graph and SavedModel: ``python -m examples.exporters.keras_model [FOLDER]``.

``headrace export keras-graph examples/exporters/keras_model.py:train ...`` does the same by the command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from headrace.app.exporting import write_export
from headrace.app.wine import DATA_TYPE, FEATURES, read_labels, read_records
from headrace.export import keras_graph, keras_savedmodel
from headrace.export.keras_model import import_tensorflow

ROWS = np.array([[record[name] for name in FEATURES] for record in read_records()], dtype=float)
QUALITY = np.array(list(read_labels().values()))
CLASSES = tuple(int(label) for label in np.unique(QUALITY))


def train() -> Any:
    """Train a normalisation and a small network for the quality as a class."""
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(7)
    normalisation = keras.layers.Normalization()
    normalisation.adapt(ROWS.astype(np.float32))
    model = keras.Sequential(
        [
            keras.Input((len(FEATURES),), name="winedata"),
            normalisation,
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dense(len(CLASSES), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(ROWS.astype(np.float32), QUALITY - CLASSES[0], epochs=5, verbose=0)
    return model


def main(folder: Path) -> None:
    """Export what was trained in both ways."""
    folder.mkdir(parents=True, exist_ok=True)
    model = train()
    for exporter, file in ((keras_graph, "network.pb"), (keras_savedmodel, "network-saved.zip")):
        descriptor = exporter.descriptor_for(
            model,
            name="network",
            data_type=DATA_TYPE,
            target_name="quality",
            feature_names=FEATURES,
            classes=CLASSES,
            examples=ROWS,
        )
        print(write_export(descriptor, folder / file)["model"])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("exported"))
