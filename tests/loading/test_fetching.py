import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import DescriptorError, SourceError, UnsupportedError
from headrace.loading import LoadOptions, fetch, read_location
from headrace.records import Descriptor

CONTENT = b"a model"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MODEL = Descriptor("m", "t")


class Kept:
    def __init__(self, *contents: bytes) -> None:
        self.held: dict[str, bytes] = {}
        for content in contents:
            self.put(content)

    def get(self, digest: str) -> bytes | None:
        return self.held.get(digest)

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.held[digest] = content
        return digest


@pytest.fixture
def models(tmp_path: Path) -> Path:
    directory = tmp_path / "models"
    directory.mkdir()
    (directory / "m.bin").write_bytes(CONTENT)
    (tmp_path / "secret").write_bytes(b"secret")
    return directory


@pytest.fixture
def allowed(models: Path) -> LoadOptions:
    return LoadOptions(locations=(f"file:{models}/",))


def test_content_comes_with_its_digest() -> None:
    kept = Kept()
    assert fetch(replace(MODEL, content=CONTENT), kept, LoadOptions()) == (CONTENT, DIGEST)
    assert kept.held == {}


def test_a_wrong_digest_is_refused() -> None:
    with pytest.raises(DescriptorError, match=f"have the digest {DIGEST}, the descriptor says {'0' * 64}"):
        fetch(replace(MODEL, content=CONTENT, digest="0" * 64), Kept(), LoadOptions())


def test_a_digest_alone_is_looked_up() -> None:
    assert fetch(replace(MODEL, digest=DIGEST), Kept(CONTENT), LoadOptions()) == (CONTENT, DIGEST)


def test_bytes_that_are_not_kept_are_no_verdict() -> None:
    with pytest.raises(SourceError, match=f"no bytes of digest {DIGEST}"):
        fetch(replace(MODEL, digest=DIGEST), Kept(), LoadOptions())


def test_a_descriptor_without_bytes() -> None:
    with pytest.raises(DescriptorError, match="no content, location or digest"):
        fetch(MODEL, Kept(), LoadOptions())


def test_the_size_limit_names_its_setting() -> None:
    limit = LoadOptions(max_model_bytes=6)
    for descriptor in (replace(MODEL, content=CONTENT), replace(MODEL, digest=DIGEST)):
        with pytest.raises(UnsupportedError, match=r"7 bytes, more than the limit of 6.*loading\.max_model_bytes"):
            fetch(descriptor, Kept(CONTENT), limit)


@pytest.mark.parametrize("form", ["file:{}", "file://{}", "file://localhost{}", "{}"])
def test_an_allowed_location_is_read_and_kept(models: Path, allowed: LoadOptions, form: str) -> None:
    kept = Kept()
    location = form.format(models / "m.bin")
    assert fetch(replace(MODEL, location=location), kept, allowed) == (CONTENT, DIGEST)
    assert kept.held == {DIGEST: CONTENT}


def test_a_location_that_is_kept_already_is_not_read_again(models: Path, allowed: LoadOptions) -> None:
    descriptor = replace(MODEL, location=f"file:{models}/gone.bin", digest=DIGEST)
    assert fetch(descriptor, Kept(CONTENT), allowed) == (CONTENT, DIGEST)


def test_locations_are_off_by_default(models: Path) -> None:
    with pytest.raises(DescriptorError, match=rf"allowed: none.*'file:{models}/' to the setting loading\.locations"):
        read_location(f"file:{models}/m.bin", LoadOptions())


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "link", "linked/secret"])
def test_no_way_leads_out(models: Path, allowed: LoadOptions, path: str) -> None:
    (models / "link").symlink_to(models.parent / "secret")
    (models / "linked").symlink_to(models.parent)
    with pytest.raises(DescriptorError, match="may not be read"):
        read_location(f"file:{models}/{path}", allowed)


def test_a_prefix_is_a_directory_not_the_start_of_a_name(models: Path) -> None:
    other = models.parent / "models-of-others"
    other.mkdir()
    (other / "m.bin").write_bytes(CONTENT)
    with pytest.raises(DescriptorError, match="may not be read"):
        read_location(f"file:{other}/m.bin", LoadOptions(locations=(f"file:{models}",)))


def test_a_link_inside_is_followed(models: Path, allowed: LoadOptions) -> None:
    (models / "latest").symlink_to("m.bin")
    assert read_location(f"file:{models}/latest", allowed) == CONTENT


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/m",
        "s3://bucket/m",
        "file://host/m",
        "file:m",
        "m.bin",
        "file:/m?x",
        "file:/a%00b",
        "file://[/m",
    ],
)
def test_other_addresses_are_refused(allowed: LoadOptions, location: str) -> None:
    with pytest.raises(DescriptorError, match="the location"):
        read_location(location, allowed)


def test_what_is_no_file_is_refused(models: Path, allowed: LoadOptions) -> None:
    os.mkfifo(models / "pipe")
    with pytest.raises(DescriptorError, match="is not a file or a folder"):
        read_location(f"file:{models / 'pipe'}", allowed)
    with pytest.raises(DescriptorError, match="pipe is no plain file"):
        read_location(f"file:{models}", allowed)


def test_a_file_that_is_not_there_is_no_verdict(models: Path, allowed: LoadOptions) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_location(f"file:{models}/gone.bin", allowed)


def test_a_large_file_is_not_read(models: Path, allowed: LoadOptions) -> None:
    with (models / "large").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UnsupportedError, match="more than the limit"):
        read_location(f"file:{models}/large", allowed)
