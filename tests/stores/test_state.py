"""An engine's state in a directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import StateError
from headrace.stores.state import StateDirectory, read_state

HOLDER = """
import sys
from headrace.stores.state import StateDirectory
state = StateDirectory(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_document_is_replaced(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "deep" / "state")
    assert state.load() is None
    state.save(b"first")
    state.save(b"second\nof two lines")
    assert b"second\nof two lines" == state.load()
    state.close()


def test_a_document_outlives_its_holder(tmp_path: Path) -> None:
    first = StateDirectory(tmp_path)
    first.save(b"document")
    first.close()
    second = StateDirectory(tmp_path)
    assert b"document" == second.load()
    second.close()


@pytest.mark.parametrize("cut", [0, 1, 30, 88, 89, 95])
def test_a_document_cut_short_anywhere_is_refused(tmp_path: Path, cut: int) -> None:
    state = StateDirectory(tmp_path)
    state.save(b"document")
    state.close()
    file = tmp_path / "state.json"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(StateError, match=r"state\.json is damaged .* restore it from a copy, or choose another"):
        read_state(tmp_path)


def test_a_document_with_one_letter_changed_is_refused(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.save(b"document")
    state.close()
    file = tmp_path / "state.json"
    file.write_bytes(file.read_bytes().replace(b"doc", b"dog"))
    with pytest.raises(StateError, match="is damaged"):
        read_state(tmp_path)


def test_the_file_of_a_later_version_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b"headrace-state 2 blake3=00\ndocument")
    with pytest.raises(StateError, match="of version 2, this Headrace reads version 1: upgrade Headrace"):
        read_state(tmp_path)


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with pytest.raises(StateError, match=f"is held by process {os.getpid()}: stop that engine"):
        StateDirectory(tmp_path)
    state.close()
    StateDirectory(tmp_path).close()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        with pytest.raises(StateError, match=f"is held by process {holder.pid}"):
            StateDirectory(tmp_path)
        holder.kill()
    StateDirectory(tmp_path).close()


def test_what_a_killed_holder_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "contents").mkdir()
    left = [tmp_path / ".state.json.7.new", tmp_path / "contents" / f".{'0' * 64}.7.new"]
    for file in left:
        file.write_bytes(b"half of")
    StateDirectory(tmp_path).close()
    assert [] == [file for file in left if file.exists()]


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        StateDirectory(tmp_path / "state")


def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    with pytest.raises(StateError, match="cannot be read"):
        read_state(tmp_path)


def test_a_state_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    (tmp_path / "state.json").mkdir()
    with pytest.raises(StateError, match="cannot be written"):
        state.save(b"document")
    state.close()


def test_events_are_appended_for_people(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.note([{"event": "serving", "reason": "größer"}])
    state.note([{"event": "retired"}])
    state.close()
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["serving", "retired"] == [json.loads(line)["event"] for line in lines]
