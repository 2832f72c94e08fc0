"""Models in object storage that speaks S3's protocol, by Arrow's own client.

1. A location is ``s3://BUCKET/KEY``. It is read where a prefix allows it: the same bucket, and a key that begins with
   whole steps of the prefix.
2. Keys are taken as they are written: nothing is decoded, and no step may be empty, ``.`` or ``..``.
3. Address, region and credentials are those of the standard variables and files (``AWS_...``, ``~/.aws``), never of a
   message.
4. What cannot be had now is no verdict on the model.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headrace.errors import DescriptorError, SourceError, UnsupportedError

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

    from headrace.loading.options import LoadOptions

SCHEME = "s3"
_CONNECT_SECONDS = 5.0
_REQUEST_SECONDS = 60.0


def names_object(location: str) -> bool:
    """Tell whether a location, or a prefix of locations, is one of object storage."""
    return location.lower().startswith(f"{SCHEME}:")


def read_object(location: str, options: LoadOptions) -> bytes:
    """Read an object whose prefix is allowed.

    Raises ``DescriptorError`` where it may not be read, ``SourceError`` where it cannot be, and ``UnsupportedError``
    above the size limit.
    """
    steps = _divide(location)
    if len(steps) < 2:
        raise DescriptorError(f"the location {location!r} names no object: write s3://BUCKET/KEY")
    prefixes = [each for each in options.locations if names_object(each)]
    if not any(steps[: len(allowed)] == allowed for allowed in map(_divide, prefixes)):
        known = ", ".join(map(repr, options.locations)) or "none"
        hint = f"s3://{'/'.join(steps[:-1])}/"
        raise DescriptorError(
            f"the location {location!r} may not be read; allowed: {known}."
            f" To allow it, add {hint!r} to the setting loading.locations"
        )
    try:
        return _read("/".join(steps), location, options.max_model_bytes)
    except OSError as error:
        raise SourceError(f"the location {location!r} cannot be read: {error}") from error


def _divide(location: str) -> list[str]:
    """Divide a location into its bucket and the steps of its key; a slash at the end of a prefix adds nothing."""
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise DescriptorError(f"the location {location!r} is not an address: {error}") from error
    steps = [parts.netloc, *parts.path.removeprefix("/").removesuffix("/").split("/")]
    if steps[1:] == [""]:
        steps = steps[:1]
    strange = {"", ".", ".."} & set(steps) or set("@:?#\\\0") & set(location.partition(":")[2])
    if strange or parts.scheme != SCHEME:
        raise DescriptorError(
            f"the location {location!r} is not s3://BUCKET/KEY: write it without '.', '..', '@' and '?'"
        )
    return steps


def _read(path: str, location: str, most: int) -> bytes:
    from pyarrow.fs import FileType

    storage = _connect()
    found = storage.get_file_info(path)
    if found.type == FileType.NotFound:
        raise SourceError(f"the location {location!r} is not there")
    if found.type != FileType.File:
        raise DescriptorError(f"the location {location!r} is not an object: name one; a SavedModel goes as an archive")
    with storage.open_input_stream(path) as stream:
        content = bytes(stream.read(min(found.size, most) + 1))  # it may have grown
    if max(found.size, len(content)) > most:
        raise UnsupportedError(
            f"the location {location!r} has {max(found.size, len(content)):,} bytes, more than the limit of {most:,}:"
            " raise the setting loading.max_model_bytes if it is wanted"
        )
    return content


def _connect() -> S3FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    given: dict[str, object] = {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if endpoint:
        scheme, _, rest = endpoint.rpartition("://")
        given = {"endpoint_override": rest.rstrip("/"), "scheme": scheme or "https"}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return S3FileSystem(
        region=region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
        tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE"),
        **given,
    )
