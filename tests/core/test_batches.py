"""Batches put together."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headrace.core.batches import concatenate


def batch(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(values, pa.int64())})


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([[1, 2], [3]], [1, 2, 3]), ([[], [4]], [4]), ([[], []], []), ([[5]], [5])],
)
def test_batches_are_put_one_behind_the_other(parts: list[list[int]], whole: list[int]) -> None:
    assert batch(*whole) == concatenate([batch(*part) for part in parts])
