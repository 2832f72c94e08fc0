"""Train the example's models and write each beside the golden records of its own library.

Deterministic: the same versions of scikit-learn and NumPy give the same models, up to rounding, on any processor.
From the project's folder: ``python -m examples.wine.train [FOLDER]``.

- forest.pmml: the quality as a class, by ten trees.
- network.onnx: the same signature, by a neural network.
- ridge.pmml: the quality as a number, for a slot of its own.
- truncated.pmml: the forest, cut in the middle; refused because it cannot be loaded.
- shuffled.pmml: a forest trained on shuffled labels, with the golden records of the right one; refused by these.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from headrace.app.wine import DATA_TYPE, FEATURES, read_labels, read_records
from headrace.export import sklearn_onnx, sklearn_pmml
from headrace.export.golden import encode_golden
from headrace.records import Descriptor

TARGET = "quality"
SLOT_OF_NUMBERS = "quality-regression"
SEED = 7


def main(folder: Path) -> None:
    """Train, export and tell how often each model is right on wines that it has not seen."""
    folder.mkdir(parents=True, exist_ok=True)
    features = np.array([[record[name] for name in FEATURES] for record in read_records()], dtype=float)
    quality = np.array(list(read_labels().values()))
    train, test, train_quality, test_quality = train_test_split(
        features, quality, test_size=0.3, random_state=SEED, stratify=quality
    )
    forest = _forest().fit(train, train_quality)
    network = make_pipeline(StandardScaler(), _network()).fit(train, train_quality)
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(train, train_quality)
    shuffled = _forest().fit(train, np.random.default_rng(SEED).permutation(train_quality))

    right = _describe(sklearn_pmml, forest, test, name="forest", version="1")
    published = {
        "forest.pmml": right,
        "network.onnx": _describe(sklearn_onnx, network, test, name="network", version="1"),
        "ridge.pmml": _describe(sklearn_pmml, ridge, test, name="ridge", version="1", slot=SLOT_OF_NUMBERS),
        "truncated.pmml": _describe(sklearn_pmml, forest, test, name="forest", version="1-truncated"),
        "shuffled.pmml": _describe(
            sklearn_pmml, shuffled, test, name="forest", version="2-shuffled", golden=right.golden
        ),
    }
    for file, descriptor in published.items():
        content = descriptor.content or b""
        (folder / file).write_bytes(content[: len(content) // 2] if file == "truncated.pmml" else content)
        (folder / file).with_suffix(".golden.json").write_text(encode_golden(descriptor.golden))
    (folder / "models.json").write_text(json.dumps([_index(*item) for item in published.items()], indent=1) + "\n")
    for name, model in {"forest": forest, "network": network, "shuffled": shuffled}.items():
        print(f"{name}: right on {model.score(test, test_quality):.1%} of {len(test)} unseen wines")
    error = np.abs(ridge.predict(test) - test_quality).mean()
    print(f"ridge: off by {error:.2f} on average")


def _forest() -> Pipeline:
    return make_pipeline(StandardScaler(), RandomForestClassifier(10, max_depth=5, random_state=SEED))


def _network() -> MLPClassifier:
    """Make the network. Small steps: L-BFGS ends elsewhere on a processor that adds in another order, by 5 %."""
    return MLPClassifier((24,), solver="sgd", alpha=0.1, learning_rate_init=0.02, max_iter=500, random_state=SEED)


def _describe(exporter: Any, model: Pipeline, examples: Any, **fields: Any) -> Descriptor:
    descriptor: Descriptor = exporter.descriptor_for(
        model, data_type=DATA_TYPE, target_name=TARGET, feature_names=FEATURES, examples=examples, **fields
    )
    return descriptor


def _index(file: str, descriptor: Descriptor) -> dict[str, object]:
    return {
        "file": file,
        "golden": str(Path(file).with_suffix(".golden.json")),
        "name": descriptor.name,
        "version": descriptor.version,
        "data_type": descriptor.data_type,
        "slot": descriptor.slot,
        "mapping": {name: list(fields) for name, fields in descriptor.mapping.items()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")
