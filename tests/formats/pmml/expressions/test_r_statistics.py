"""Functions of R's package stats, against SciPy's."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.formats.pmml.building import apply, compute


@pytest.mark.parametrize("mean", [1e-12, 0.25, 1.0, 6.5, 140.0])
def test_ppois_is_the_logarithm_of_the_upper_tail(mean: float) -> None:
    counts = [-1.0, 0.0, 0.5, 1.0, 3.0, 7.0, 20.0, 139.0, 150.0]
    found: list[Any] = compute(apply("stats::ppois", "x", str(mean)), x=counts)
    near = [log for log in stats.poisson.logsf(counts, mean) if log > -600]  # SciPy's underflows beyond
    np.testing.assert_allclose(found[: len(near)], near, rtol=1e-11, atol=1e-15)


def test_ppois_outside_its_domain_is_missing() -> None:
    assert compute(apply("stats::ppois", "2", "x"), x=[-1.0, None, 0.0]) == [None, None, float("-inf")]
