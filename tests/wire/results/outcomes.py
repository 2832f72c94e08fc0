"""A batch of results for the tests of their encodings."""

import math
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.records import Batch, ModelVersion, Raw, Results, SlotKey

FIRST = ModelVersion("tree", "1", "a" * 64, 7)
SECOND = ModelVersion('for"est', "2", "b" * 64, 9)
OUTPUTS = pa.record_batch(
    {
        "quality": pa.array([5, None, 6], pa.int64()),
        "p(5)": pa.array([0.5, math.nan, -math.inf]),
        "label": pa.array(["good", 'b"a\\d\n', None]),
    }
)


def results_of(outputs: pa.RecordBatch = OUTPUTS, **changes: Any) -> Results:
    """Three of four records, the second left out."""
    raw = Raw(
        "wine",
        2,
        np.array([10, 11, 12, 15]),
        pa.array([b"r0", b"r1", b"r2", b"r3"]),
        keys=changes.pop("keys", pa.array([b"k", b"", None, b"\xff"])),
    )
    batch = Batch(raw, (), ids=changes.pop("ids", None))
    values: dict[str, Any] = {
        "batch": batch,
        "slot": SlotKey("wine", "blue"),
        "rows": np.array([0, 2, 3]),
        "outputs": outputs,
        "versions": (FIRST, SECOND),
        "version_of": np.array([0, 0, 1]),
        "score_ns": np.array([100, 100, 250]),
        "scored_at": 1_700_000_000_000,
    }
    return Results(**values | changes)
