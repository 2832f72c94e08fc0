"""Model bytes by digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from headrace.errors import StateError
from headrace.stores.contents import DirectoryContents, LayeredContents, MemoryContents, digest_of

MODEL, OTHER = b"a model", b"another"


@pytest.fixture(params=["memory", "directory"])
def contents(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryContents | DirectoryContents:
    return MemoryContents() if request.param == "memory" else DirectoryContents(tmp_path / "contents")


def test_bytes_come_back_by_their_digest(contents: MemoryContents | DirectoryContents) -> None:
    digest = contents.put(MODEL)
    assert hashlib.sha256(MODEL).hexdigest() == digest
    assert MODEL == contents.get(digest)
    assert contents.put(MODEL) == digest


def test_a_model_that_is_read_in_pieces_is_whole(tmp_path: Path) -> None:
    contents = DirectoryContents(tmp_path)
    model = bytes(range(256)) * 3_000 + b"a rest"
    assert model == contents.get(contents.put(model))


def test_what_is_not_held_is_none(contents: MemoryContents | DirectoryContents) -> None:
    assert contents.get(digest_of(MODEL)) is None
    assert contents.get("../state.json") is None


def test_only_what_is_named_is_kept(contents: MemoryContents | DirectoryContents) -> None:
    kept, gone = contents.put(MODEL), contents.put(OTHER)
    contents.keep_only({kept, "0" * 64})
    assert MODEL == contents.get(kept)
    assert contents.get(gone) is None


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    contents = DirectoryContents(tmp_path / "none")
    contents.keep_only(set())
    assert contents.get(digest_of(MODEL)) is None
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_is_no_content_is_left_alone(tmp_path: Path) -> None:
    note = tmp_path / "README"
    note.write_text("whose directory this is")
    DirectoryContents(tmp_path).keep_only(set())
    assert note.is_file()


def test_bytes_that_are_not_those_of_their_name_are_refused(tmp_path: Path) -> None:
    contents = DirectoryContents(tmp_path)
    digest = contents.put(MODEL)
    (tmp_path / digest).write_bytes(OTHER)
    with pytest.raises(StateError, match="does not hold the bytes that its name says"):
        contents.get(digest)


def test_damaged_bytes_are_mended_by_keeping_the_model_again(tmp_path: Path) -> None:
    contents = DirectoryContents(tmp_path)
    digest = contents.put(MODEL)
    (tmp_path / digest).write_bytes(OTHER)
    contents.put(MODEL)
    assert MODEL == contents.get(digest)


def test_a_place_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "contents").write_text("a file is in the way")
    with pytest.raises(StateError, match="model bytes cannot be kept"):
        DirectoryContents(tmp_path / "contents").put(MODEL)


def test_bytes_that_cannot_be_read_are_a_state_error(tmp_path: Path) -> None:
    contents = DirectoryContents(tmp_path)
    digest = contents.put(MODEL)
    (tmp_path / digest).unlink()
    (tmp_path / digest).symlink_to("/proc/self/mem")
    with pytest.raises(StateError, match="cannot be read"):
        contents.get(digest)


def test_a_layer_is_read_and_never_written(tmp_path: Path) -> None:
    published = DirectoryContents(tmp_path / "log")
    digest = published.put(MODEL)
    own = MemoryContents()
    layered = LayeredContents(own, (published,))
    assert MODEL == layered.get(digest)
    assert digest == layered.put(MODEL)
    layered.keep_only(set())
    assert MODEL == layered.get(digest)
    assert {} == own.held


def test_what_no_layer_holds_is_kept_in_the_own_store(tmp_path: Path) -> None:
    own = MemoryContents()
    layered = LayeredContents(own, (DirectoryContents(tmp_path),))
    digest = layered.put(MODEL)
    assert {digest: MODEL} == own.held
    assert MODEL == layered.get(digest)
    assert layered.get(digest_of(OTHER)) is None


def test_bytes_that_are_damaged_in_another_layer_are_kept_in_the_own_one(tmp_path: Path) -> None:
    published = DirectoryContents(tmp_path)
    (tmp_path / published.put(MODEL)).write_bytes(OTHER)
    layered = LayeredContents(MemoryContents(), (published,))
    assert MODEL == layered.get(layered.put(MODEL))
