"""What an exporter wrote serves in a running stream, and every result is the training library's own prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headrace.app.model_files import read_golden
from headrace.errors import VerificationError
from headrace.export import sklearn_onnx, sklearn_pmml
from headrace.export.golden import name_probability
from headrace.loading.checking import check
from headrace.loading.options import LoadOptions
from headrace.records import Descriptor, GoldenRecord
from tests.export.streaming import serve
from tests.export.wine import FEATURES, QUALITY, X


def predict(model: Any) -> dict[str, Any]:
    chances = model.predict_proba(X).T
    return {"quality": model.predict(X)} | {
        name_probability(label): column for label, column in zip(model.classes_, chances, strict=True)
    }


def describe(exporter: Any, model: Any) -> Descriptor:
    descriptor: Descriptor = exporter.descriptor_for(
        model, name="m", data_type="wine", target_name="quality", feature_names=FEATURES, examples=X
    )
    return descriptor


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)),
        make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5, random_state=0)),
    ],
    ids=["forest", "boosting"],
)
def test_scikit_learn_as_pmml(tmp_path: Path, model: Any) -> None:
    model.fit(X, QUALITY)
    scored = serve(tmp_path, describe(sklearn_pmml, model), FEATURES, X.tolist())
    for name, values in predict(model).items():
        np.testing.assert_allclose([each[name] for each in scored], values, rtol=1e-12, atol=0, err_msg=name)


def test_scikit_learn_as_onnx(tmp_path: Path) -> None:
    network = MLPClassifier((12,), solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(X, QUALITY)
    scored = serve(tmp_path, describe(sklearn_onnx, model), FEATURES, X.tolist())
    for name, values in predict(model).items():
        np.testing.assert_allclose([each[name] for each in scored], values, rtol=1e-9, atol=1e-15, err_msg=name)


def test_spark_as_pmml(tmp_path: Path, project: Path) -> None:
    """The document and the predictions are those that Spark wrote: see examples/exporters."""
    models = project / "examples/exporters/models"
    described = json.loads((models / "spark-forest.descriptor.json").read_text())
    golden = read_golden(models / described["golden"])
    content = (models / described["file"]).read_bytes()
    descriptor = Descriptor(described["name"], described["data_type"], content=content, golden=golden[:20])
    rows = [[record.inputs[name] for name in FEATURES] for record in golden]
    scored = serve(tmp_path, descriptor, FEATURES, rows)
    assert 200 == len(scored)
    for record, outputs in zip(golden, scored, strict=True):
        assert record.outputs["quality"] == outputs["quality"]
        for name, value in record.outputs.items():
            assert value == pytest.approx(outputs[name], rel=1e-12, abs=1e-15)


def test_a_model_that_scores_otherwise_than_where_it_was_trained_is_refused() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, QUALITY)
    descriptor = describe(sklearn_pmml, model)
    first = descriptor.golden[0]
    wrong = GoldenRecord(first.inputs, {**first.outputs, "quality": 8})
    changed = Descriptor("m", "wine", content=descriptor.content, golden=(wrong, *descriptor.golden[1:]))
    with pytest.raises(VerificationError):
        check(descriptor.content or b"", changed, LoadOptions(), lambda _: None)
