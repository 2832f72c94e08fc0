"""Archives: what is read of them, and what is refused."""

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ModelError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow import archives
from headrace.formats.tensorflow.archives import FREE_BYTES, read_archive
from tests.formats.tensorflow.building import pack_tar, pack_zip

FILES = {"a": b"1", "folder/b": b"22", "./c": b""}


@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz", "zip"])
def test_files_come_by_their_paths(packing: str) -> None:
    content = pack_zip(FILES) if packing == "zip" else pack_tar(FILES, packing)
    assert read_archive(content) == {"a": b"1", "folder/b": b"22", "c": b""}


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "c:/x"])
@pytest.mark.parametrize("pack", [pack_tar, pack_zip])
def test_paths_outside_are_refused(pack: object, path: str) -> None:
    assert callable(pack)
    with pytest.raises(UnsupportedError, match="leads out of it"):
        read_archive(pack({path: b"x"}))


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_what_is_no_plain_file_is_refused(kind: bytes) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("a")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(ModelError, match=r"a link or no plain file|not a sound archive"):
        read_archive(packed.getvalue())


def test_a_link_in_a_zip_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("a")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(UnsupportedError, match="is a link"):
        read_archive(packed.getvalue())


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz", "zip"])
def test_a_bomb_is_refused_before_it_is_unpacked(packing: str) -> None:
    files = {"a": bytes(FREE_BYTES * 3)}
    content = pack_zip(files) if packing == "zip" else pack_tar(files, packing)
    with pytest.raises(UnsupportedError, match="unpacks to more bytes than are allowed"):
        read_archive(content)


def test_a_bomb_between_the_files_is_refused() -> None:
    entry = tarfile.TarInfo("b")
    entry.type, entry.size = tarfile.XHDTYPE, FREE_BYTES * 3  # no file, and yet unpacked
    with pytest.raises(ModelError, match="unpacks to more bytes than are allowed"):
        read_archive(gzip.compress(entry.tobuf() + bytes(FREE_BYTES * 3) + pack_tar({"a": b"1"})))


def test_more_files_than_a_model_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    with pytest.raises(UnsupportedError, match="more than 2 files"):
        read_archive(pack_tar(FILES))


def test_a_path_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="holds 'a' twice"):
        read_archive(pack_tar({"a": b"1", "./a": b"2"}))


@given(st.binary(max_size=200), st.sampled_from(["", "gz", "xz", "zip"]), st.integers(0, 400))
def test_damaged_archives_are_refused_or_read(noise: bytes, packing: str, place: int) -> None:
    whole = pack_zip(FILES) if packing == "zip" else pack_tar(FILES, packing)
    damaged = whole[:place] + noise + whole[place + len(noise) :]
    try:
        files = read_archive(damaged)
    except ModelError:
        return
    assert all(isinstance(content, bytes) for content in files.values())
