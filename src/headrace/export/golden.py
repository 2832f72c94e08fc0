"""Golden records: what the training library itself predicts, to travel with a model and be checked before it serves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.errors import ModelError, UnsupportedError
from headrace.records import GoldenRecord


def predict_golden(
    estimator: Any,
    rows: Any,
    *,
    target_name: str,
    feature_names: Sequence[str] | None = None,
    limit: int = 20,
    probabilities: bool = True,
) -> tuple[GoldenRecord, ...]:
    """Ask a fitted scikit-learn estimator for its predictions of some rows.

    ``rows`` are an Arrow table, a pandas frame or a matrix, as the estimator takes them; ``limit`` of them are used,
    evenly spaced, a matrix of numbers as doubles. The outputs are ``target_name`` and, where the estimator has
    probabilities and they are wanted, ``probability(CLASS)``.

    Raises ``ModelError`` where names and rows do not fit.
    """
    names = find_feature_names(estimator, feature_names)
    chosen = _choose(rows, limit)
    if np.shape(chosen)[1] != len(names):
        raise ModelError(
            f"the rows have {np.shape(chosen)[1]} columns and {len(names)} features are named; make them fit"
        )
    outputs: dict[str, Sequence[Any]] = {target_name: estimator.predict(chosen)}
    if probabilities and hasattr(estimator, "predict_proba"):
        columns = estimator.predict_proba(chosen).T
        outputs |= {name_probability(label): column for label, column in zip(estimator.classes_, columns, strict=True)}
    return tuple(
        GoldenRecord(
            {name: _plain(value) for name, value in zip(names, row, strict=True)},
            {name: _plain(values[index]) for name, values in outputs.items()},
        )
        for index, row in enumerate(_read_rows(chosen))
    )


def encode_golden(records: Sequence[GoldenRecord]) -> str:
    """Write golden records as JSON: a list of objects with ``inputs`` and ``outputs``, one record a line."""
    lines = (json.dumps({"inputs": dict(record.inputs), "outputs": dict(record.outputs)}) for record in records)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def find_feature_names(estimator: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    """Give the features' names: those given, else those that the estimator saw when it was trained.

    Raises ``ModelError`` where they do not fit or the estimator is not fitted, ``UnsupportedError`` for another object.
    """
    _check_fitted(estimator)
    count = getattr(estimator, "n_features_in_", None)
    seen = getattr(estimator, "feature_names_in_", None)
    names = given if given is not None else seen
    if names is None:
        raise ModelError(f"{type(estimator).__name__} was trained without feature names; give feature_names")
    if len(set(names)) != len(names) or (count is not None and len(names) != count):
        raise ModelError(
            f"{type(estimator).__name__} takes {count} features; feature_names must be as many different names"
        )
    return tuple(str(name) for name in names)


def name_probability(label: object) -> str:
    """Name the output that holds a class's probability."""
    plain = _plain(label)
    return f"probability({str(plain).lower() if isinstance(plain, bool) else plain})"


def _check_fitted(estimator: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise ModelError(f"{type(estimator).__name__} is not fitted; call its fit first") from None
    except TypeError:
        raise UnsupportedError(f"{type(estimator).__name__} is no estimator of scikit-learn") from None


def _choose(rows: Any, limit: int) -> Any:
    indices = np.unique(np.linspace(0, len(rows) - 1, min(limit, len(rows))).astype(int))
    if hasattr(rows, "iloc"):
        return rows.iloc[indices]
    if isinstance(rows, pa.Table):
        return rows.take(indices)
    matrix = np.asarray(rows)
    return matrix[indices].astype(np.float64) if matrix.dtype.kind in "fiu" else matrix[indices]


def _read_rows(chosen: Any) -> Iterable[Iterable[Any]]:
    if isinstance(chosen, pa.Table):
        return zip(*(column.to_pylist() for column in chosen.columns), strict=True)
    rows: Iterable[Iterable[Any]] = chosen.to_numpy(dtype=object) if hasattr(chosen, "iloc") else chosen
    return rows


def _plain(value: Any) -> object:
    item = getattr(value, "item", None)
    value = item() if callable(item) else value
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124  NaN: a missing value
