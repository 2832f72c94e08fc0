"""How messages of a model topic are keyed, and models that are larger than a message.

Rules:

1. A key is a JSON list: ``["bytes", digest, part, parts]`` of a part of a model's bytes; ``[command, data type, slot,
   id]`` of a message that is obeyed. Where there is any other key, or none, the value is obeyed as well.
2. A part's value is a slice of the bytes and nothing else. Parts precede the publication that names their digest, and
   are sent again with each of them: a compacted topic keeps one copy, and a whole one a copy for each.
3. Compaction takes a message only for a later one of the same key. Each command has an id of its own, so none is ever
   taken; parts of the same digest are equal. So what a topic says does not change when it is compacted.
4. Parts are put together when a publication names their digest, which proves them. What is held until then is bounded,
   and the oldest goes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

PART_BYTES = 512 * 1024
"""Half of what brokers and clients allow a message by default."""
MOST_PARTS = 65_536
_BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class PartKey:
    """Which part of which bytes a message holds: ``part`` counts from 0."""

    digest: str
    part: int
    parts: int

    def encode(self) -> bytes:
        """Write the key."""
        return _encode([_BYTES, self.digest, self.part, self.parts])


def encode_command_key(command: str, data_type: str, slot: str, identity: str) -> bytes:
    """Write the key of a message that is obeyed; ``identity`` is the publication's id, or one of its own."""
    return _encode([command, data_type, slot, identity])


def decode_part_key(key: bytes | None) -> PartKey | None:
    """Read the key of a part; None for any other key."""
    if key is None or not key.startswith(b'["bytes",'):
        return None
    try:
        read = json.loads(key)
    except ValueError:
        return None
    match read:
        case [_, str(digest), int(part), int(parts)] if 0 <= part < parts <= MOST_PARTS:
            return PartKey(digest, part, parts)
    return None


def split(content: bytes, digest: str, size: int = PART_BYTES) -> Iterator[tuple[bytes, bytes]]:
    """Divide bytes into parts of at most ``size``: the key and the value of each."""
    parts = max(1, -(-len(content) // size))
    for part in range(parts):
        yield PartKey(digest, part, parts).encode(), content[part * size : (part + 1) * size]


class Assembler:
    """Puts parts together, whatever the order in which they come."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: dict[tuple[str, int], dict[int, bytes]] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return self._size

    def add(self, key: PartKey, value: bytes) -> None:
        """Hold a part; a part that is held already is replaced."""
        parts = self._held.setdefault((key.digest, key.parts), {})
        self._size += len(value) - len(parts.get(key.part, b""))
        parts[key.part] = value
        while self._size > self._most:
            self._drop(next(iter(self._held)))

    def take(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, once; None where parts are missing, or are not what the digest says."""
        for name in [each for each in self._held if each[0] == digest]:
            parts = self._held[name]
            if len(parts) == name[1]:
                self._drop(name)
                content = b"".join(parts[part] for part in range(name[1]))
                if hashlib.sha256(content).hexdigest() == digest:
                    return content
        return None

    def _drop(self, name: tuple[str, int]) -> None:
        self._size -= sum(map(len, self._held.pop(name).values()))


def _encode(members: list[object]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
