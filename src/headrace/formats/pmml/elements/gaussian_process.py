"""GaussianProcessModel. Standard: "Gaussian Process Models", PMML 4.3 and 4.4.

Rules, with y the training targets, K the kernel of the training records, k that of a record with each of them, and s
the variance of the noise:

- The predicted value is k' (K + sI)^-1 y; its variance k(x, x) - k' (K + sI)^-1 k + s, whose root is the feature
  standardDeviation (or standardError).
- The kernels are gamma times the exponential of minus a distance, with a length a field (``Lambda``), or one for all:
  RadialBasisKernel and ARDSquaredExponentialKernel half the sum of (difference / length)^2,
  AbsoluteExponentialKernel the sum of |difference| / length, GeneralizedExponentialKernel that of its powers.
- A row in which a field is missing has no prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats, Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.neighbours.instances import Instances, reduce_row, reduce_table
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.result import Evaluator, Feature, Result
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

REDUCERS = {"row": reduce_row, "InlineTable": reduce_table}
FEATURES = ("standardDeviation", "standardError")
KERNELS = (
    "RadialBasisKernel",
    "ARDSquaredExponentialKernel",
    "AbsoluteExponentialKernel",
    "GeneralizedExponentialKernel",
)
MAX_INSTANCES = 5_000
"""Their covariance is inverted when the model is loaded, and each record is compared with all of them."""
_CELLS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A compiled kernel."""

    gamma: float
    lengths: Floats
    degree: float
    scale: float

    def evaluate(self, records: Floats, instances: Floats) -> Floats:
        """Return the kernel of each record with each instance, (records, instances)."""
        left, right = records / self.lengths, instances / self.lengths
        distances = np.empty((len(left), len(right)))
        step = max(1, _CELLS // max(1, right.size))
        for start in range(0, len(left), step):
            differences = np.abs(left[start : start + step, None, :] - right)
            if self.degree == 2.0:
                np.einsum("ijk,ijk->ij", differences, differences, out=distances[start : start + step])
            else:
                distances[start : start + step] = (differences**self.degree).sum(axis=2)
        kernel: Floats = self.gamma * np.exp(-self.scale * distances)
        return kernel


class GaussianProcess:
    """Predicts the mean of the process at a record."""

    def __init__(self, kernel: Kernel, fields: list[Field], instances: Floats, targets: Floats, noise: float) -> None:
        self._kernel = kernel
        self._fields = fields
        self._instances = instances
        self._noise = noise
        covariance = kernel.evaluate(instances, instances)
        covariance[np.diag_indices_from(covariance)] += noise
        lower = np.linalg.cholesky(covariance)
        self._inverse = np.linalg.inv(lower)
        self._weights = self._inverse.T @ (self._inverse @ targets)

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        records = np.stack([context.numbers(field) for field in self._fields], axis=1)
        with np.errstate(all="ignore"):
            kernel = self._kernel.evaluate(records, self._instances)
            mean = kernel @ self._weights

        def deviation(_: Element) -> Numbers:
            explained = ((kernel @ self._inverse.T) ** 2).sum(axis=1)
            return Numbers(np.sqrt(np.maximum(self._kernel.gamma - explained, 0.0) + self._noise), DOUBLE)

        features: dict[str, Feature] = dict.fromkeys(FEATURES, deviation)
        return Result(Numbers(mean, DOUBLE), features=features)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a GaussianProcessModel."""
    if info.function != "regression":
        raise unsupported(element, "the standard defines the scoring of a regression only")
    holder = element.child("TrainingInstances")
    instances = Instances(holder)
    if instances.size > MAX_INSTANCES:
        raise unsupported(holder, f"{instances.size:,} training instances are more than {MAX_INSTANCES:,}")
    if not info.target_name:
        raise malformed(element, "its schema names no target")
    context = instances.open_context(scope, [info.target_name])
    fields = _list_fields(holder, scope, info.target_name)
    kernel_element = next((child for child in element.children if child.tag in KERNELS), None)
    if kernel_element is None:
        raise malformed(element, f"it holds no kernel; those are {', '.join(KERNELS)}")
    kernel = _compile_kernel(kernel_element, len(fields))
    noise = kernel_element.number("noiseVariance", 1.0)
    records = np.stack([context.numbers(field) for field in fields], axis=1)
    targets = _read_targets(holder, instances.texts(info.target_name))
    if not (np.isfinite(records).all() and np.isfinite(targets).all()):
        raise malformed(holder, "an instance lacks a value, or has an infinite one")
    if not noise >= 0:
        raise malformed(kernel_element, f"noiseVariance={noise!r} is below 0")
    try:
        with np.errstate(all="ignore"):
            return GaussianProcess(kernel, fields, records, targets, noise)
    except np.linalg.LinAlgError:
        raise malformed(kernel_element, "the covariance of the instances is not positive definite") from None


def _list_fields(holder: Element, scope: Scope, target: str) -> list[Field]:
    names = [child.require("field") for child in holder.child("InstanceFields").find_all("InstanceField")]
    fields = [scope.field(name, holder) for name in names if name != target]
    for field in fields:
        if field.type.is_text:
            raise malformed(holder, f"the field {field.name!r} holds text; it must be numeric")
    if not fields:
        raise malformed(holder, "its instances have no field but the target")
    return fields


def _read_targets(holder: Element, texts: list[str]) -> Floats:
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        raise malformed(holder, "a target of its instances is not a number") from None


def _compile_kernel(element: Element, width: int) -> Kernel:
    squared = element.tag in ("RadialBasisKernel", "ARDSquaredExponentialKernel")
    array = element.find("Lambda")
    if element.tag == "RadialBasisKernel" or array is None:
        lengths = np.full(width, element.number("lambda", 1.0))
    else:
        lengths = array_numbers(array.child("Array"))
        lengths = np.full(width, lengths[0]) if len(lengths) == 1 else lengths
    if len(lengths) != width:
        raise malformed(element, f"its Lambda has {len(lengths)} lengths for {width} fields")
    gamma = element.number("gamma", 1.0)
    degree = 2.0 if squared else element.number("degree", 1.0)
    if element.tag == "AbsoluteExponentialKernel":
        degree = 1.0
    if not (gamma > 0 and degree > 0 and np.all(lengths > 0)):
        raise malformed(element, "gamma, degree and lengths must be above 0")
    return Kernel(gamma, lengths, degree, 0.5 if squared else 1.0)
