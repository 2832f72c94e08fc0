"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.stores.durable import remove_leftovers, write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "state"
    write_whole(file, b"first")
    write_whole(file, b"second")
    assert b"second" == file.read_bytes()
    assert [file] == list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "state"
    write_whole(file, b"first")
    not_bytes: bytes = "text"  # type: ignore[assignment]
    with pytest.raises(TypeError):
        write_whole(file, not_bytes)
    assert b"first" == file.read_bytes()
    assert [file] == list(tmp_path.iterdir())


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".state.1.new").write_bytes(b"half of")
    write_whole(tmp_path / "state", b"whole")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "none")
    assert [tmp_path / "state"] == list(tmp_path.iterdir())
