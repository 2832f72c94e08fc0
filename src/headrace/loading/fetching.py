"""A publication's bytes: inline, by digest, or from a location that is allowed.

1. A location is a request to read: it is off unless its prefix is in the setting ``loading.locations``.
2. A file must lie inside the allowed directory after every link is followed, and be a plain file, or a folder of
   plain files: it becomes an archive, whose bytes have the digest.
3. Bytes are checked against the size limit before they are read, and against the descriptor's digest after; what the
   store holds by digest it has checked itself.
4. Bytes from a location are kept by digest, so that the same version can be served when the location has changed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headrace.errors import DescriptorError, SourceError, UnsupportedError
from headrace.loading.folders import pack_folder
from headrace.loading.object_storage import names_object, read_object

if TYPE_CHECKING:
    from headrace.abc.loader import Contents
    from headrace.loading.options import LoadOptions
    from headrace.records import Descriptor

_SETTING = "loading.locations"


def fetch(descriptor: Descriptor, contents: Contents, options: LoadOptions) -> tuple[bytes, str]:
    """Give a publication's bytes and their digest.

    Raises ``DescriptorError`` for a wrong digest or a location that may not be read, ``UnsupportedError`` above the
    size limit, and ``SourceError`` where the bytes cannot be had now.
    """
    kept = _find_kept(descriptor, contents)
    if kept is not None:
        _check_size(len(kept), options)
        return kept, descriptor.digest.lower()
    content = read_location(descriptor.location, options) if descriptor.content is None else descriptor.content
    _check_size(len(content), options)
    digest = hashlib.sha256(content).hexdigest()
    if descriptor.digest and descriptor.digest.lower() != digest:
        raise DescriptorError(
            f"the bytes of model {descriptor.name!r} have the digest {digest}, the descriptor says "
            f"{descriptor.digest}: publish the model again, with the digest of its bytes"
        )
    if descriptor.location:
        contents.put(content)
    return content, digest


def _find_kept(descriptor: Descriptor, contents: Contents) -> bytes | None:
    """Find what the store holds, which vouches for the digest; None where the descriptor says where else to look."""
    if descriptor.content is not None:
        return None
    kept = contents.get(descriptor.digest.lower()) if descriptor.digest else None
    if kept is None and not descriptor.location:
        if not descriptor.digest:
            raise DescriptorError("the descriptor has no content, location or digest: publish it with one of them")
        message = f"the model store holds no bytes of digest {descriptor.digest}: publish the model with its content"
        raise SourceError(message)
    return kept


def _check_size(size: int, options: LoadOptions) -> None:
    if size > options.max_model_bytes:
        raise UnsupportedError(
            f"the model has {size:,} bytes, more than the limit of {options.max_model_bytes:,}:"
            " raise the setting loading.max_model_bytes if it is wanted"
        )


def read_location(location: str, options: LoadOptions) -> bytes:
    """Read a model from a location whose prefix is allowed; of the schemes, ``file`` and ``s3`` are known.

    Raises ``DescriptorError`` where it may not be read, ``SourceError`` where it cannot be, and ``UnsupportedError``
    above the size limit.
    """
    if names_object(location):
        return read_object(location, options)
    path = _parse(location)
    real = Path(os.path.realpath(path))
    allowed = [Path(os.path.realpath(_parse(prefix))) for prefix in options.locations if not names_object(prefix)]
    if not any(real.is_relative_to(directory) for directory in allowed):
        known = ", ".join(repr(prefix) for prefix in options.locations) or "none"
        linked = f" (it leads to {str(real)!r})" if str(real) != path else ""
        raise DescriptorError(
            f"the location {location!r}{linked} may not be read; allowed: {known}."
            f" To allow it, add 'file:{real.parent}/' to the setting {_SETTING}"
        )
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:  # became a link after it was looked at
            raise DescriptorError(f"the location {location!r} is a link: name the file itself") from error
        raise SourceError(f"the location {location!r} cannot be read: {error.strerror}") from error
    try:
        return _read_inside(handle, location, allowed, options)
    finally:
        os.close(handle)


def _read_inside(handle: int, location: str, allowed: list[Path], options: LoadOptions) -> bytes:
    """Read an opened file, once more sure that it is inside: a directory on its way may have been exchanged."""
    opened = Path(os.path.realpath(f"/proc/self/fd/{handle}"))
    if not any(opened.is_relative_to(directory) for directory in allowed):
        raise DescriptorError(f"the location {location!r} leads out of what the setting {_SETTING} allows")
    status = os.fstat(handle)
    if stat.S_ISDIR(status.st_mode):
        content = pack_folder(opened, options.max_model_bytes)
        _check_size(len(content), options)
        return content
    if not stat.S_ISREG(status.st_mode):
        raise DescriptorError(f"the location {location!r} is not a file or a folder")
    _check_size(status.st_size, options)
    with os.fdopen(handle, "rb", closefd=False) as file:
        content = file.read(options.max_model_bytes + 1)
    _check_size(len(content), options)  # it may have grown
    return content


def _parse(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise DescriptorError(f"the location {location!r} is not an address: {error}") from error
    if parts.scheme not in {"", "file"}:
        raise DescriptorError(
            f"the location {location!r} may not be read: only file: and s3: locations are known, allowed by {_SETTING}"
        )
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path.startswith("/") or parts.query or parts.fragment:
        raise DescriptorError(f"the location {location!r} is not an absolute path on this machine: write file:/path")
    if "\0" in path:
        raise DescriptorError(f"the location {location!r} holds a zero byte")
    return path
