"""Builds the batches that codec tests decode, and says what came of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.records import Batch, Raw


def raw_of(values: Sequence[bytes | None], source: str = "records", **more: Any) -> Raw:
    return Raw(source, 0, np.arange(100, 100 + len(values)), pa.array(values, pa.binary()), **more)


def rows_of(batch: Batch) -> dict[str, dict[int, dict[str, Any]]]:
    """Give each group's records by row."""
    return {
        group.data_type: dict(zip(group.rows.tolist(), group.columns.to_pylist(), strict=True))
        for group in batch.groups
    }


def codes_of(batch: Batch) -> dict[int, str]:
    return {failure.row: failure.code for failure in batch.failures}


def assert_whole(batch: Batch) -> None:
    """Check that every row is in exactly one group or is a failure."""
    rows = [row for group in batch.groups for row in group.rows.tolist()]
    rows += [failure.row for failure in batch.failures]
    assert list(range(len(batch))) == sorted(rows)
    for group in batch.groups:
        assert group.rows.tolist() == sorted(group.rows.tolist())
        assert group.columns.num_columns == 0 or group.columns.num_rows == len(group.rows)
