"""Batches of columns put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence


def concatenate(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Put batches of one schema one behind the other; pyarrow has a function of its own from version 19 on."""
    filled = [batch for batch in batches if len(batch)] or batches[:1]
    if len(filled) == 1:
        return filled[0]
    (whole,) = pa.Table.from_batches(filled).combine_chunks().to_batches()
    return whole
