"""scikit-learn to PMML 4.4, in Python alone.

The document computes in doubles what the estimator computes for a matrix of doubles. Trees decide the same for every
double, forests and boosting add up in scikit-learn's order, scalers do the same arithmetic: these agree to the last
digit. Where scikit-learn leaves the order of a sum to its linear algebra library (linear models, networks, support
vectors), or uses a special function of its own, agreement is to a few units in the last place.

Source: PMML 4.4.1, https://dmg.org/pmml/v4-4-1/GeneralStructure.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from headrace.errors import ModelError, UnsupportedError
from headrace.export.golden import find_feature_names, predict_golden
from headrace.export.sklearn_pmml.document import build_document
from headrace.export.sklearn_pmml.markup import serialise
from headrace.export.sklearn_pmml.registry import MODELS, TRANSFORMERS
from headrace.export.sklearn_pmml.scope import Part, Scope
from headrace.records import Descriptor, GoldenRecord

_OLDEST = (1, 8)  # the first without the other ways to combine AdaBoost's and logistic regression's classes

__all__ = ["descriptor_for", "predict_golden", "supported_estimators", "to_pmml"]


def to_pmml(
    estimator: Any,
    *,
    target_name: str,
    feature_names: Sequence[str] | None = None,
    examples: Any = None,
    verification_rows: int = 10,
    model_name: str | None = None,
    description: str = "",
) -> bytes:
    """Write a fitted estimator, or a pipeline that ends in one, as a PMML 4.4 document in UTF-8.

    ``feature_names`` are the features in the order of training (default: those that the estimator saw).
    ``examples`` are rows as the estimator takes them; the estimator's own predictions of ``verification_rows`` of
    them travel in the document as ``ModelVerification``. The predicted value is ``target_name``; a classifier with
    probabilities also puts out ``probability(CLASS)`` for each class.

    Raises ``UnsupportedError`` for what PMML or this exporter cannot express, naming it and what there is;
    ``ModelError`` for names that do not fit or an estimator that is not fitted.
    """
    names = find_feature_names(estimator, feature_names)
    part, scope = _follow(estimator, names, target_name)
    golden: tuple[GoldenRecord, ...] = ()
    if examples is not None and verification_rows:
        golden = predict_golden(
            estimator,
            examples,
            target_name=target_name,
            feature_names=names,
            limit=verification_rows,
            probabilities=part.probabilities,
        )
    description = description or f"{_name_of(estimator)} of scikit-learn {version('scikit-learn')}"
    return serialise(build_document(part, scope, description=description, name=model_name, golden=golden))


def descriptor_for(
    estimator: Any,
    *,
    name: str,
    data_type: str,
    target_name: str,
    examples: Any,
    feature_names: Sequence[str] | None = None,
    golden_rows: int = 20,
    **fields: Any,
) -> Descriptor:
    """Make the publication of a fitted estimator: its PMML, and golden records of its own predictions of ``examples``.

    ``fields`` are further fields of ``Descriptor`` (slot, version, switch ...). Raises as ``to_pmml`` does.
    """
    names = find_feature_names(estimator, feature_names)
    content = to_pmml(estimator, target_name=target_name, feature_names=names, examples=examples, model_name=name)
    golden = predict_golden(
        estimator,
        examples,
        target_name=target_name,
        feature_names=names,
        limit=golden_rows,
        probabilities=_follow(estimator, names, target_name)[0].probabilities,
    )
    descriptor = Descriptor(name=name, data_type=data_type, model_type="pmml", content=content, golden=golden)
    return replace(descriptor, **fields)


def supported_estimators() -> tuple[str, ...]:
    """Name the classes of scikit-learn that can be written."""
    return tuple(sorted({*MODELS, *TRANSFORMERS}))


def _follow(estimator: Any, names: Sequence[str], target_name: str) -> tuple[Part, Scope]:
    installed = version("scikit-learn")
    if tuple(int(number) for number in installed.split(".")[:2]) < _OLDEST:
        raise UnsupportedError(f"scikit-learn {installed} computes some predictions otherwise; train with 1.8 or later")
    if target_name in names:
        raise ModelError(f"target_name {target_name!r} is also a feature; choose another name")
    scope = Scope(names, target_name, TRANSFORMERS, MODELS)
    return scope.model(estimator, scope.raw_columns()), scope


def _name_of(estimator: Any) -> str:
    steps = getattr(estimator, "steps", None)
    kinds = [type(step).__name__ for _, step in steps] if steps else [type(estimator).__name__]
    return ", ".join(kinds)
