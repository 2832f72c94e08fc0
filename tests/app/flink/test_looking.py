"""What a job's newest checkpoint tells, in files as Flink writes them: JSON between bytes of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace.app.flink.checkpoints import find_newest
from headrace.app.flink.looking import JobState
from headrace.core.join import Join
from headrace.core.settings import JoinSettings
from headrace.core.snapshot import encode_snapshot, take_snapshot
from headrace.core.states import State
from headrace.core.statistics import VersionStatistics
from headrace.errors import StateError
from headrace.records import Command, Descriptor, ModelMessage, Publish, SlotKey
from headrace.stores.contents import digest_of


def snapshot_of_a_task(records: int, each_ns: int) -> bytes:
    """Write the snapshot of a join whose one model has scored records."""
    join = Join(JoinSettings(), lambda: 1, lambda: 0)
    content = b"a model"
    command: Command = Publish(Descriptor("größe", "wine", content=content, digest=digest_of(content)))
    join.models.receive(ModelMessage(0, 1, command))
    (candidate,) = join.models.slots[SlotKey("wine")].live.values()
    statistics = VersionStatistics(records)
    statistics.timing.add(records, each_ns)
    candidate.statistics = statistics
    slot = join.models.slots[SlotKey("wine")]
    slot.counts.received = slot.counts.scored = records
    return encode_snapshot(take_snapshot(join))


def write_checkpoint(folder: Path, at: int, *files: bytes) -> Path:
    """Write a checkpoint that was made at a second."""
    folder.mkdir(parents=True)
    for number, content in enumerate(files):
        (folder / f"state-{number}").write_bytes(content)
    (folder / "_metadata").write_bytes(b"\x00\x01 of no interest")
    os.utime(folder / "_metadata", (at, at))
    return folder


def test_the_tasks_of_the_newest_checkpoint_add_up(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "job" / "chk-1", 1_000, snapshot_of_a_task(1, 5))
    noise = b"\xff\x00{"
    two_keys = noise + snapshot_of_a_task(10, 5) + noise + snapshot_of_a_task(20, 7) + noise
    write_checkpoint(tmp_path / "job" / "chk-2", 2_000, two_keys, snapshot_of_a_task(300, 6))
    view = JobState(tmp_path.as_uri()).read_view()
    (version,) = view.versions
    assert (2_000_000, "größe", State.RECEIVED) == (view.at, version.name, version.state)
    assert (330, 330 * 6 + 10, 5, 7) == (
        version.records, version.timing.total_ns, version.timing.min_ns, version.timing.max_ns
    )  # fmt: skip
    assert (330, 330) == (view.total.received, view.total.scored)


def test_a_checkpoint_in_which_nothing_came_yet_is_empty(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "chk-1", 1_000, b"nothing")
    assert () == JobState(tmp_path.as_uri()).read_view().versions


def test_a_state_of_a_later_headrace_is_told(tmp_path: Path) -> None:
    later = snapshot_of_a_task(1, 5).replace(b'{"version":1,', b'{"version":99,', 1)
    write_checkpoint(tmp_path / "chk-1", 1_000, later)
    with pytest.raises(StateError, match="of version 99"):
        JobState(tmp_path.as_uri()).read_view()


def test_the_newest_is_found_by_its_time(tmp_path: Path) -> None:
    assert find_newest(tmp_path.as_uri()) is None
    newest = write_checkpoint(tmp_path / "savepoints" / "savepoint-1", 9_000)
    write_checkpoint(tmp_path / "job" / "chk-7", 8_000)
    assert newest.as_uri() == find_newest(tmp_path.as_uri())


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"there is no checkpoint in .* yet"):
        JobState(tmp_path.as_uri()).read_view()
    with pytest.raises(StateError, match="at s3://bucket/x: only those on a file system of this machine are read"):
        JobState("s3://bucket/x").read_view()
