"""Thresholds that decide in double precision what scikit-learn decides after rounding to single precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def widen_thresholds(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give for each threshold t the largest double w with ``float32(w) <= t``.

    scikit-learn's trees round a value x to single precision and then ask ``float32(x) <= t``. Rounding never falls
    when x grows, so ``x <= w`` decides the same for every double x, with no cast in the document. w is the midpoint
    between the largest single s not above t and the next one, or the double below it where the tie goes up (IEEE 754:
    to the even significand).
    """
    singles = thresholds.astype(np.float32)
    lower = np.where(singles.astype(np.float64) > thresholds, np.nextafter(singles, np.float32(-np.inf)), singles)
    upper = np.nextafter(lower, np.float32(np.inf))
    midpoints = (lower.astype(np.float64) + upper.astype(np.float64)) / 2
    tie_goes_down = midpoints.astype(np.float32) == lower
    widened: npt.NDArray[np.float64] = np.where(tie_goes_down, midpoints, np.nextafter(midpoints, -np.inf))
    return widened
