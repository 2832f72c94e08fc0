"""Score what was written, by the project's own evaluator, beside scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.export.golden import name_probability
from headrace.export.sklearn_pmml import to_pmml
from headrace.formats.pmml import PmmlFormat

TARGET = "target"


def tell(estimator: Any) -> str:
    """Name a test's estimator on one line."""
    return " ".join(repr(estimator).split()) if hasattr(estimator, "get_params") else str(estimator)


def score(content: bytes, rows: Any, names: Sequence[str]) -> tuple[dict[str, list[Any]], Mapping[int, str]]:
    """Load, verify and score: the outputs, and the errors by row."""
    pmml = PmmlFormat()
    prepared = pmml.prepare(content)
    model = pmml.assemble(prepared)
    pmml.verify(model, prepared)
    columns = [[None if str(value) == "nan" else value for value in column] for column in np.asarray(rows).T.tolist()]
    scores = model.score(pa.RecordBatch.from_pydict(dict(zip(names, columns, strict=True))))
    return scores.outputs.to_pydict(), scores.errors


def write_and_score(estimator: Any, rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Write a fitted estimator with verification records, and score all rows."""
    content = to_pmml(estimator, target_name=TARGET, feature_names=names, examples=rows)
    outputs, errors = score(content, rows, names)
    assert errors == {}
    return outputs


def predict(estimator: Any, rows: Any, *, probabilities: bool = True) -> dict[str, list[Any]]:
    """Ask scikit-learn for the same outputs."""
    outputs = {TARGET: estimator.predict(rows).tolist()}
    if probabilities and hasattr(estimator, "predict_proba"):
        columns = estimator.predict_proba(rows).T.tolist()
        outputs |= {name_probability(label): column for label, column in zip(estimator.classes_, columns, strict=True)}
    return outputs


def assert_close(expected: dict[str, list[Any]], actual: dict[str, list[Any]], tolerance: float) -> None:
    """Compare outputs: names in order, classes exactly, numbers to a relative tolerance (0: to the last digit)."""
    assert list(expected) == list(actual)
    for name, values in expected.items():
        if tolerance and isinstance(values[0], float):
            np.testing.assert_allclose(actual[name], values, rtol=tolerance, atol=0, err_msg=name)
        else:
            assert values == actual[name], name
