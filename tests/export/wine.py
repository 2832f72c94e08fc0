"""The red wines, as the tests of exporters use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

FEATURES = (
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
)
_TABLE = np.genfromtxt(
    Path(__file__).parents[2] / "examples/wine/data/winequality-red.csv", delimiter=";", skip_header=1
)
X: npt.NDArray[np.float64] = np.ascontiguousarray(_TABLE[:, :11])
QUALITY: npt.NDArray[np.int64] = _TABLE[:, 11].astype(np.int64)
GOOD: npt.NDArray[np.int64] = (QUALITY >= 6).astype(np.int64)
