from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.transports.files import FileSource
from headrace.transports.framed_files import Lines
from headrace.transports.pacing import Alarm, PacedSource

PATIENCE = 30.0


class Clock:
    """Shows the time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x\n" * 100)
    return FileSource([tmp_path / "a", tmp_path / "b"], Lines(), "letters")


def count(source: PacedSource, partition: int = 0, most: int = 1_000) -> int:
    raw = source.read(partition, most)
    return 0 if raw is None else len(raw)


def test_records_come_when_they_are_due(source: FileSource) -> None:
    clock = Clock()
    paced = PacedSource(source, rate=4, clock=clock)
    found = []
    for now in (0.0, 0.125, 0.25, 0.25, 0.5, 1.5, 1.5):
        clock.now = 1_000 + now
        found.append(count(paced))
    assert [1, 0, 1, 0, 1, 4, 0] == found
    assert [1_000.0, 1_000.25, 1_025.0] == [paced.due(number) for number in (0, 1, 100)]
    paced.close()


def test_bursts_come_whole(source: FileSource) -> None:
    clock = Clock()
    paced = PacedSource(source, rate=10, burst=5, clock=clock)
    found = []
    for now in (0.0, 0.25, 0.5, 0.75, 1.0):
        clock.now = 1_000 + now
        found.append([count(paced, most=3), count(paced)])
    assert [[3, 2], [0, 0], [3, 2], [0, 0], [3, 2]] == found
    assert [1_000.0, 1_000.0, 1_000.5] == [paced.due(number) for number in (0, 4, 5)]
    paced.close()


@pytest.mark.parametrize(("catch_up", "expected"), [(True, [1, 40, 0, 1]), (False, [1, 1, 0, 1])])
def test_after_a_stall_the_schedule_holds_or_is_put_off(
    source: FileSource, catch_up: bool, expected: list[int]
) -> None:
    clock = Clock()
    paced = PacedSource(source, rate=4, catch_up=catch_up, clock=clock)
    found = []
    for now in (0.0, 10.0, 10.125, 10.25):
        clock.now = 1_000 + now
        found.append(count(paced))
    assert expected == found
    paced.close()


def test_all_partitions_share_the_rate(source: FileSource) -> None:
    clock = Clock()
    paced = PacedSource(source, rate=2, clock=clock)
    assert 1 == count(paced, 0)
    clock.now += 1
    assert [1, 1, 0] == [count(paced, 1, most=1), count(paced, 0), count(paced, 1)]
    paced.close()


def test_all_else_is_the_sources_own(source: FileSource) -> None:
    paced = PacedSource(source, rate=1e9, burst=1_000)
    assert ("letters", [0, 1], True) == (paced.name, list(paced.partitions), paced.replayable)
    paced.resume(0, 89)
    raw = paced.read(0, 100)
    assert raw is not None
    assert list(range(90, 100)) == raw.offsets.tolist()
    assert not paced.exhausted(0)
    assert 0 == count(paced)
    assert (True, False) == (paced.exhausted(0), paced.exhausted(1))
    paced.close()


def test_the_reader_is_woken_when_a_record_is_due(source: FileSource) -> None:
    paced = PacedSource(source, rate=200, burst=4)
    woken = threading.Event()
    paced.start(woken.set)
    found = 0
    began = time.monotonic()
    while not paced.exhausted(0):
        woken.clear()
        given = count(paced)
        found += given
        if not given and not paced.exhausted(0):
            assert woken.wait(PATIENCE)
    assert 100 == found
    assert time.monotonic() - began >= 24 * 4 / 200
    paced.close()


def test_an_alarm_goes_off_once_at_the_time_that_was_set_last() -> None:
    rung = threading.Semaphore(0)
    alarm = Alarm(rung.release)
    alarm.set(time.monotonic() + 1_000)
    alarm.set(time.monotonic() + 0.001)
    assert rung.acquire(timeout=PATIENCE)
    assert not rung.acquire(timeout=0.05)
    alarm.set(time.monotonic() - 1)
    assert rung.acquire(timeout=PATIENCE)
    alarm.set(time.monotonic() + 1_000)
    alarm.close()


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (float("inf"), 1), (float("nan"), 1), (1, 0)])
def test_a_pace_that_is_none_is_refused(source: FileSource, rate: float, burst: int) -> None:
    with pytest.raises(ConfigurationError, match=r"the rate is a positive number|a burst is 1 record or more"):
        PacedSource(source, rate, burst)
