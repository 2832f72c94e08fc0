"""One Spark for the session, and topics for a test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.engines.spark import open_session
from headrace.testing.broker import Broker
from tests.engines.spark.rig import Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give a Spark on this machine; what it tells goes to a file."""
    kept, log = os.dup(2), (tmp_path_factory.mktemp("spark") / "log").open("ab")
    os.dup2(log.fileno(), 2)
    try:
        session = open_session("local[2]", {"spark.sql.shuffle.partitions": "2"})
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        log.close()
    yield session
    session.stop()


@pytest.fixture
def topics(kafka_broker: Broker, tmp_path: Path) -> Topics:
    """Give topics that hold nothing yet."""
    return Topics(kafka_broker, f"spark-{uuid.uuid4().hex[:8]}", tmp_path)
