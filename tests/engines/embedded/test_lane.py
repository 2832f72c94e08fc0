"""Large batches, decoded while the one before is scored."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from headrace.engines.embedded import Cadence
from headrace.errors import ConfigurationError
from headrace.records import Batch, Group, Raw
from tests.engines.embedded.rig import PATIENCE, Rig, records, rows_of, running

LARGE = Cadence(batch_records=2_048, commit=0.01, poll=0.002)


def test_records_keep_their_order_however_large_their_batches_are(rig: Rig) -> None:
    rig.publish(2)
    summary = rig.run(records(10_500), cadence=LARGE, capacity=4_000)
    assert [f"r{number}" for number in range(10_500)] == [row[0] for row in rig.scored()]
    assert (10_500, True) == (summary.counts.scored, summary.drained)


class Gate:
    """A codec that decodes a batch only once it is let through."""

    def __init__(self) -> None:
        self.asked, self.opened = threading.Event(), threading.Event()
        self.broken = False
        self.rows = 0

    def schema(self, data_type: str) -> None:
        return None

    def decode(self, raw: Raw) -> Batch:
        self.rows += len(raw)
        self.asked.set()
        assert self.opened.wait(PATIENCE)
        if self.broken:
            message = "the codec is broken"
            raise ConfigurationError(message)
        columns = pa.record_batch({"x": pa.array(raw.offsets.astype(float))})
        ids = pa.array([f"r{offset}" for offset in raw.offsets])
        return Batch(raw, (Group("wine", np.arange(len(raw)), columns),), ids=ids)


def test_a_stop_drains_the_batch_that_is_being_decoded(rig: Rig) -> None:
    rig.publish(2)
    gate = Gate()
    engine = rig.engine(records(2_000), cadence=LARGE, codec=gate)
    with running(engine) as run:
        assert gate.asked.wait(PATIENCE)
        engine.stop()
        gate.opened.set()
        run.join()
    assert run.summary is not None
    assert run.summary.counts.scored == sum(len(rows_of(results)) for results in rig.results.items)
    assert run.summary.counts.scored == gate.rows


def test_what_decoding_raises_ends_the_engine(rig: Rig) -> None:
    rig.publish(2)
    gate = Gate()
    gate.broken = True
    gate.opened.set()
    with pytest.raises(ConfigurationError, match="the codec is broken"):
        rig.run(records(4_000), cadence=LARGE, codec=gate)
