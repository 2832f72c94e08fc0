"""``headrace broker``: prints its address, serves until interrupted, and ends in order."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from confluent_kafka.admin import AdminClient


@pytest.mark.slow
@pytest.mark.xdist_group("kafka")
def test_the_broker_serves_at_the_printed_address_until_interrupted() -> None:
    command = [sys.executable, "-m", "headrace", "broker", "--set", "num.partitions=3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = running.stdout.readline().strip()
        found = AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=30)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert [1] == list(found.brokers)
    assert (0, 1) == (running.returncode, told.count("\n"))


def test_a_setting_without_a_value_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "broker", "--set", "num.partitions"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "headrace: --set 'num.partitions' is no setting; write it as NAME=VALUE\n") == (
        done.returncode,
        done.stderr,
    )
