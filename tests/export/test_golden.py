"""Golden records hold what the training library predicts."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from headrace.errors import ModelError
from headrace.export.golden import encode_golden, predict_golden
from headrace.records import GoldenRecord
from tests.export.wine import FEATURES, GOOD, QUALITY, X


def test_rows_are_spread_evenly_and_values_are_plain() -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, GOOD == 1)
    golden = predict_golden(model, X, target_name="good", feature_names=FEATURES, limit=3)
    assert [X[0].tolist(), X[799].tolist(), X[1598].tolist()] == [list(record.inputs.values()) for record in golden]
    assert ["good", "probability(false)", "probability(true)"] == list(golden[0].outputs)
    assert {bool, float} == {type(value) for record in golden for value in record.outputs.values()}
    assert model.predict_proba(X)[799].tolist() == list(golden[1].outputs.values())[1:]


def test_a_table_gives_text_and_numbers_by_name() -> None:
    table = pa.table({"colour": ["red", "white", None] * 10, "alcohol": np.linspace(9, 14, 30)})
    columns = ColumnTransformer(
        [("text", OneHotEncoder(handle_unknown="ignore"), ["colour"]), ("number", StandardScaler(), ["alcohol"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(table, np.arange(30) % 2)
    golden = predict_golden(model, table, target_name="odd", limit=30)
    assert [{"colour": "white", "alcohol": table["alcohol"][1].as_py()}, None] == [
        golden[1].inputs,
        golden[2].inputs["colour"],
    ]
    assert model.predict(table).tolist() == [record.outputs["odd"] for record in golden]


def test_a_missing_number_is_none() -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, QUALITY)
    rows = X[:1].copy()
    rows[0, 8] = np.nan
    (record,) = predict_golden(model, rows, target_name="quality", feature_names=FEATURES)
    assert None is record.inputs["pH"]


def test_probabilities_may_be_left_out() -> None:
    model = LogisticRegression().fit(X / 100, GOOD)
    golden = predict_golden(model, X / 100, target_name="good", feature_names=FEATURES, limit=1, probabilities=False)
    assert ["good"] == list(golden[0].outputs)


def test_records_are_written_one_a_line() -> None:
    records = [GoldenRecord({"x": 1.5, "y": None}, {"z": "a"}), GoldenRecord({"x": 2, "y": "b"}, {"z": True})]
    text = encode_golden(records)
    assert [{"inputs": dict(record.inputs), "outputs": dict(record.outputs)} for record in records] == json.loads(text)
    assert 4 == len(text.splitlines())


@pytest.mark.parametrize("names", [FEATURES[:10], [*FEATURES[:10], FEATURES[0]]], ids=["too few", "twice"])
def test_names_that_do_not_fit_are_refused(names: list[str]) -> None:
    model = Ridge().fit(X, QUALITY)
    with pytest.raises(ModelError, match="Ridge takes 11 features"):
        predict_golden(model, X, target_name="quality", feature_names=names)


def test_rows_that_do_not_fit_are_refused() -> None:
    model = Ridge().fit(X, QUALITY)
    with pytest.raises(ModelError, match="3 columns and 11 features"):
        predict_golden(model, X[:, :3], target_name="quality", feature_names=FEATURES)


def test_an_estimator_without_names_asks_for_them() -> None:
    with pytest.raises(ModelError, match="give feature_names"):
        predict_golden(Ridge().fit(X, QUALITY), X, target_name="quality")
