"""Publications whose bytes came in parts, for engines that hold the parts in a state of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headrace.errors import HeadraceError
from headrace.records import Publish
from headrace.transports.kafka.parts import Assembler, decode_part_key
from headrace.wire.descriptor import decode_command, encode_command

Part = tuple[bytes, bytes]
"""The key and the value of a part's message."""
_MOST_BYTES = 2**30


def read_unfilled(message: bytes) -> Publish | None:
    """Give the publication that a message is, where its bytes are elsewhere and it does not say at which place."""
    try:
        command = decode_command(message)
    except HeadraceError:
        return None  # told where messages are decoded
    if not isinstance(command, Publish) or command.descriptor.content is not None or command.descriptor.location:
        return None
    return command


def fill(command: Publish, held: Iterable[Part]) -> tuple[bytes, list[Part]] | None:
    """Put the bytes that came in parts into the publication that names them.

    Gives its message and the parts of others; None where parts are missing.
    """
    digest, assembler, left = command.descriptor.digest, Assembler(_MOST_BYTES), []
    for name, value in held:
        key = decode_part_key(name)
        assert key is not None
        if key.digest == digest:
            assembler.add(key, value)
        else:
            left.append((name, value))
    content = assembler.take(digest)
    if content is None:
        return None
    return encode_command(Publish(replace(command.descriptor, content=content))), left
