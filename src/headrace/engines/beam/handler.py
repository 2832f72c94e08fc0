"""A model of Headrace for Beam's ``RunInference``: PMML, ONNX and the others, where a pipeline has one already.

Rules:

1. An example is a mapping of field names to values. What is predicted is a mapping of output names to values, or an
   ``Unscored`` with the reason: one bad example harms none of its neighbours.
2. The model is checked in a child process before it is assembled, as in a stream of models. One that is refused fails
   the bundle: Beam's own transform has no way to go on with the old one. ``ServeModels`` has.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from headrace.core.candidate import Candidate
from headrace.core.scoring import Scorer
from headrace.loading import LoadOptions
from headrace.machinery.lone import load_lone
from headrace.machinery.shelf import find_shelf
from headrace.transports.objects import Table

_NAMESPACE = "BeamML_Headrace"


@dataclass(frozen=True, slots=True)
class Unscored:
    """Stands in the place of a prediction: why the model could not score that example."""

    reason: str


class HeldModel:
    """A loaded model as Beam keeps it: given back when nobody refers to it any more."""

    def __init__(self, candidate: Candidate) -> None:
        assert candidate.model is not None
        self.candidate = candidate
        self.version = candidate.descriptor.version
        weakref.finalize(self, candidate.model.close)


class HeadraceModelHandler(ModelHandler[Mapping[str, Any], PredictionResult, "HeldModel"]):
    """Give a model of any format of Headrace to ``RunInference``.

    ``model_uri`` is a path that Beam's file systems can open. ``mapping`` ties inputs of the model to fields of the
    examples where their names differ; ``exclude`` names fields that are no features. The rest are Beam's own arguments,
    such as ``max_batch_size``.
    """

    def __init__(
        self,
        model_uri: str,
        *,
        model_type: str = "",
        mapping: Mapping[str, tuple[str, ...]] | None = None,
        exclude: Iterable[str] = (),
        options: LoadOptions | None = None,
        in_child: bool = True,
        **batching: Any,
    ) -> None:
        super().__init__(**batching)
        self._uri, self._type = model_uri, model_type
        self._mapping, self._exclude = dict(mapping or {}), frozenset(exclude)
        self._options, self._in_child = options or LoadOptions(), in_child

    def load_model(self) -> HeldModel:
        """Load the model. Raises ``ModelError`` and ``LimitError``."""
        with FileSystems.open(self._uri) as file:
            content = file.read()
        name = self._uri.rpartition("/")[2]
        shelf = find_shelf(self._options, in_child=self._in_child)
        return HeldModel(load_lone(shelf, content, name, model_type=self._type, mapping=self._mapping))

    def run_inference(
        self, batch: Sequence[Mapping[str, Any]], model: HeldModel, inference_args: dict[str, Any] | None = None
    ) -> Iterable[PredictionResult]:
        """Score a batch of examples."""
        del inference_args  # models of Headrace take none
        table, unfit = Table().build(batch)
        scorer = Scorer(time.perf_counter_ns, self._exclude)
        portion, failures = scorer.score(model.candidate, table, np.arange(len(batch)))
        found: list[Any] = [None] * len(batch)
        if portion is not None:
            for row, outputs in zip(portion.rows.tolist(), portion.outputs.to_pylist(), strict=True):
                found[row] = outputs
        for failure in failures:
            found[failure.row] = Unscored(failure.reason)
        if unfit is not None:
            for row in np.flatnonzero(unfit.is_valid()).tolist():
                found[row] = Unscored("the example does not fit the columns of its batch")
        bad = sum(isinstance(outputs, Unscored) for outputs in found)
        Metrics.counter(_NAMESPACE, "unscored").inc(bad)
        Metrics.counter(_NAMESPACE, "scored").inc(len(found) - bad)
        return [
            PredictionResult(example, outputs, model.version) for example, outputs in zip(batch, found, strict=True)
        ]

    def update_model_path(self, model_path: str | None = None) -> None:
        """Take another model from now on, as ``RunInference`` tells it by its side input."""
        self._uri = model_path or self._uri

    def get_num_bytes(self, batch: Sequence[Mapping[str, Any]]) -> int:
        """Estimate the bytes of a batch: eight a value, the length of a text."""
        return sum(len(value) if isinstance(value, (str, bytes)) else 8 for row in batch for value in row.values())

    def get_metrics_namespace(self) -> str:
        """Name the counters' namespace."""
        return _NAMESPACE
