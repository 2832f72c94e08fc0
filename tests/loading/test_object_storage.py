from collections.abc import Iterator
from dataclasses import replace

import pytest

from headrace.errors import DescriptorError, SourceError, UnsupportedError
from headrace.loading import LoadOptions, fetch, read_location
from headrace.records import Descriptor
from tests.loading.object_server import Objects, serve_objects
from tests.loading.test_fetching import CONTENT, DIGEST, Kept

pytestmark = pytest.mark.slow

ALLOWED = LoadOptions(locations=("file:/srv/models/", "s3://models/wine/"))


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    with serve_objects({"/models/wine/m.bin": CONTENT, "/models/secret": b"secret", "/models/wines/m": b"x"}) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not told")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield found


def test_an_allowed_object_is_read_signed_and_kept(objects: Objects) -> None:
    kept = Kept()
    descriptor = Descriptor("m", "t", location="s3://models/wine/m.bin", digest=DIGEST)
    assert (CONTENT, DIGEST) == fetch(descriptor, kept, ALLOWED)
    assert {DIGEST: CONTENT} == kept.held
    assert {True} == objects.signed
    with pytest.raises(DescriptorError, match="the descriptor says"):
        fetch(replace(descriptor, digest="0" * 64), Kept(), ALLOWED)


def test_object_storage_is_off_by_default(objects: Objects) -> None:
    for options in (LoadOptions(), LoadOptions(locations=("file:/",))):
        with pytest.raises(DescriptorError, match=r"add 's3://models/wine/' to the setting loading\.locations"):
            read_location("s3://models/wine/m.bin", options)
    assert [] == objects.asked


@pytest.mark.parametrize(
    "location",
    [
        "s3://models/secret",
        "s3://models/wines/m",
        "s3://others/wine/m.bin",
        "s3://models/wine/../secret",
        "s3://models/wine/./m.bin",
        "s3://models/wine//m.bin",
        "s3://models",
        "s3:///models/wine/m.bin",
        "s3:models/wine/m.bin",
        "s3://user@models/wine/m.bin",
        "s3://models/wine/m.bin?versionId=1",
        "s3://models/wine/m.bin#x",
        "s3://[models/wine/m.bin",
    ],
)
def test_no_way_leads_out(objects: Objects, location: str) -> None:
    with pytest.raises(DescriptorError, match="the location"):
        read_location(location, ALLOWED)
    assert [] == objects.asked


def test_files_are_read_beside_objects_and_not_by_their_prefixes(objects: Objects) -> None:
    with pytest.raises(DescriptorError, match=r"allowed: 's3://models/'\."):
        read_location("file:/etc/hostname", LoadOptions(locations=("s3://models/",)))


def test_what_cannot_be_had_is_no_verdict(objects: Objects) -> None:
    with pytest.raises(SourceError, match="is not there"):
        read_location("s3://models/wine/gone.bin", ALLOWED)
    objects.denied.add("/models/wine/m.bin")
    with pytest.raises(SourceError, match="cannot be read"):
        read_location("s3://models/wine/m.bin", ALLOWED)


def test_the_size_is_looked_at_before_the_bytes(objects: Objects) -> None:
    with pytest.raises(UnsupportedError, match=r"has 7 bytes, more than the limit of 6.*loading\.max_model_bytes"):
        read_location("s3://models/wine/m.bin", replace(ALLOWED, max_model_bytes=6))
    assert CONTENT == read_location("s3://models/wine/m.bin", replace(ALLOWED, max_model_bytes=7))
