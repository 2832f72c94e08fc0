"""The document around a model, and what is refused."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import AdaBoostRegressor, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from headrace.errors import ModelError, UnsupportedError, VerificationError
from headrace.export import sklearn_pmml
from headrace.export.sklearn_pmml import descriptor_for, supported_estimators, to_pmml
from tests.export.sklearn_pmml.scoring import assert_close, predict, score, write_and_score
from tests.export.wine import FEATURES, GOOD, QUALITY, X

NUMBERS = QUALITY.astype(float)


def read(content: bytes) -> ET.Element:
    root = ET.fromstring(content)
    for element in root.iter():
        element.tag = element.tag.partition("}")[2]
    return root


def tags(element: ET.Element) -> list[str]:
    return [child.tag for child in element]


def find(root: ET.Element, path: str) -> ET.Element:
    element = root.find(path)
    assert element is not None
    return element


def write(estimator: Any, target: Any = QUALITY, **options: Any) -> bytes:
    estimator.fit(X, target)
    return to_pmml(estimator, target_name="quality", feature_names=FEATURES, **options)


def test_parts_come_in_the_order_of_the_standard() -> None:
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2))
    root = read(write(model, examples=X, model_name="wine"))
    assert ["Header", "DataDictionary", "TreeModel"] == tags(root)
    tree = find(root, "TreeModel")
    assert ["MiningSchema", "Output", "LocalTransformations", "Node", "ModelVerification"] == tags(tree)
    assert ("4.4", "wine", "classification") == (root.get("version"), tree.get("modelName"), tree.get("functionName"))


def test_the_same_model_gives_the_same_bytes() -> None:
    first, second = (write(RandomForestClassifier(3, random_state=0), examples=X) for _ in range(2))
    assert first == second


def test_fields_have_the_types_of_the_training_data() -> None:
    table = pa.table({"colour": ["red", "white"] * 20, "alcohol": np.linspace(9, 14, 40), "grade": [1, 2, 3, 4] * 10})
    columns = ColumnTransformer(
        [
            ("category", OneHotEncoder(), ["colour"]),
            ("grade", OneHotEncoder(handle_unknown="ignore"), ["grade"]),
            ("number", StandardScaler(), ["alcohol"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(table, ["a", "b"] * 20)
    root = read(to_pmml(model, target_name="letter"))
    fields = {
        field.get("name"): (field.get("optype"), field.get("dataType"), [value.get("value") for value in field])
        for field in root.iter("DataField")
    }
    expected = {
        "colour": ("categorical", "string", ["red", "white"]),
        "alcohol": ("continuous", "double", []),
        "grade": ("categorical", "integer", []),
        "letter": ("categorical", "string", ["a", "b"]),
    }
    assert expected == fields
    schema = {field.get("name"): field.get("invalidValueTreatment") for field in root.iter("MiningField")}
    assert {"letter": None, "colour": None, "alcohol": None, "grade": "asIs"} == schema


def test_verification_holds_scikit_learns_own_predictions() -> None:
    model = LinearRegression()
    root = read(write(model, NUMBERS, examples=X, verification_rows=4))
    rows = list(root.iter("row"))
    assert ("4", "12") == tuple(find(root, "RegressionModel/ModelVerification").attrib.values())
    chosen = X[[0, 532, 1065, 1598]]
    expected = np.column_stack([chosen, model.predict(chosen)])
    np.testing.assert_array_equal(expected, [[float(cell.text or "") for cell in row] for row in rows])


def test_a_document_that_was_changed_fails_its_verification() -> None:
    content = write(LinearRegression(), NUMBERS, examples=X)
    intercept = find(read(content), "RegressionModel/RegressionTable").get("intercept") or ""
    changed = content.replace(intercept.encode(), str(float(intercept) * (1 + 1e-6)).encode())
    with pytest.raises(VerificationError):
        score(changed, X, FEATURES)


def test_no_examples_no_verification() -> None:
    assert [] == list(read(write(Ridge(), NUMBERS)).iter("ModelVerification"))


def test_clusters_have_an_output_and_no_target() -> None:
    root = read(write(KMeans(3, random_state=0, n_init=1)))
    assert (list(FEATURES), ["quality"]) == (
        [field.get("name") for field in root.iter("DataField")],
        [field.get("name") for field in root.iter("OutputField")],
    )


def test_names_are_kept_apart_from_derived_ones() -> None:
    names = ["StandardScaler(b)", "b", "a & <b>"]
    rows = X[:, :3]
    model = make_pipeline(StandardScaler(), Ridge()).fit(rows, NUMBERS)
    assert_close(predict(model, rows), write_and_score(model, rows, names), 1e-12)


def test_a_publication_carries_the_document_and_golden_records() -> None:
    model = make_pipeline(StandardScaler(), SVC()).fit(X[:300], GOOD[:300])
    fields: dict[str, Any] = {"target_name": "good", "feature_names": FEATURES, "examples": X, "golden_rows": 5}
    descriptor = descriptor_for(model, name="wine", data_type="wine", slot="good", version="3", **fields)
    assert ("pmml", "good", "3", 5) == (
        descriptor.model_type,
        descriptor.slot,
        descriptor.version,
        len(descriptor.golden),
    )
    assert (descriptor.content or b"").startswith(b"<?xml")
    assert {"good": int(model.predict(X[:1])[0])} == descriptor.golden[0].outputs


class Reversed(Ridge):  # type: ignore[misc]
    """A subclass that predicts otherwise."""

    def predict(self, rows: Any) -> Any:
        return -super().predict(rows)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (
            KNeighborsClassifier(),
            "KNeighborsClassifier cannot be written as PMML as a predictor; what can be: ARD",
        ),
        (Reversed(), "Reversed cannot be written"),
        (
            make_pipeline(QuantileTransformer(n_quantiles=9), Ridge()),
            "QuantileTransformer .* as a transformer; .*Scaler",
        ),
        (make_pipeline(StandardScaler(), StandardScaler()), "StandardScaler cannot be written as PMML as a predictor"),
        (AdaBoostRegressor(Ridge(), n_estimators=2), "AdaBoostRegressor .*its members are Ridge"),
        (DummyClassifier(strategy="uniform"), "'uniform' is random"),
        (GradientBoostingRegressor(n_estimators=2, init=Ridge()), "starts from Ridge"),
        (SVC(break_ties=True), "break_ties"),
        (SVC(C=1e-6, kernel=lambda left, right: left @ right.T), "what can be: linear, poly, rbf, sigmoid"),
    ],
)
def test_what_cannot_be_written_is_named(estimator: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        write(estimator)


@pytest.mark.parametrize(
    "estimator", [Ridge(), DecisionTreeClassifier(), MLPRegressor(solver="lbfgs", tol=1e9)], ids=["line", "tree", "net"]
)
def test_several_targets_are_refused(estimator: Any) -> None:
    with pytest.raises(UnsupportedError, match="several targets"):
        write(estimator, np.column_stack([QUALITY, GOOD]))


def test_an_estimator_that_is_not_fitted_is_told_so() -> None:
    with pytest.raises(ModelError, match="Ridge is not fitted"):
        to_pmml(Ridge(), target_name="quality", feature_names=FEATURES)


def test_what_is_no_estimator_is_told_so() -> None:
    with pytest.raises(UnsupportedError, match="dict is no estimator"):
        to_pmml({}, target_name="quality", feature_names=FEATURES)


def test_an_older_scikit_learn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sklearn_pmml, "version", lambda _: "1.7.2")
    with pytest.raises(UnsupportedError, match=r"1\.7\.2 .* 1\.8 or later"):
        write(Ridge(), NUMBERS)


def test_a_target_is_no_feature() -> None:
    with pytest.raises(ModelError, match="'pH' is also a feature"):
        to_pmml(Ridge().fit(X, NUMBERS), target_name="pH", feature_names=FEATURES)


def test_what_can_be_written_is_listed() -> None:
    names = supported_estimators()
    assert list(names) == sorted(names)
    assert {"RandomForestClassifier", "StandardScaler", "Pipeline"} <= set(names)
