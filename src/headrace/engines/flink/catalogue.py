"""The model stream as every task holds it, in broadcast state: messages by position, models' bytes by digest.

Rules:

1. A message is kept without the model's bytes in it: these are kept once, whatever names them.
2. What is kept follows from the messages alone, whichever way they come: an entry is put under its position.
3. A publication is forgotten once nothing on this task names its bytes and enough later ones of its slot are there.
4. A message whose position is not above the last is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.machinery.desk import KeptContents
from headrace.machinery.parcels import Message
from headrace.records import Publish
from headrace.stores.contents import digest_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from headrace.records import Command


class _Entry(msgspec.Struct, frozen=True):
    """A message in three: what is before the model's bytes, their digest ("" for none), and what follows them."""

    before: bytes
    digest: str
    after: bytes
    appended_at: int
    slot: tuple[str, str] | None


class BroadcastContents(KeptContents):
    """The bytes of one desk: those that every task holds, and what it has fetched itself."""

    def __init__(self, shared: Mapping[str, bytes]) -> None:
        super().__init__()
        self._shared = shared

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, or None where they are not held."""
        return self._shared.get(digest) or self.held.get(digest)

    def put(self, content: bytes) -> str:
        """Keep bytes and return their digest."""
        digest = digest_of(content)
        if digest not in self._shared:
            self.held[digest] = content
        return digest


class Catalogue:
    """What one task holds. ``retain`` is how many publications of a slot are kept whatever names them."""

    def __init__(self, decode: Callable[[bytes], Command], retain: int) -> None:
        self._decode, self._retain = decode, retain
        self._entries: dict[int, _Entry] = {}
        self.models: dict[str, bytes] = {}
        self._found = False

    def find(self, messages: Any, models: Any) -> None:
        """Learn what is in the state, once."""
        if self._found:
            return
        self._found = True
        for position, entry in messages.items():
            self._entries.setdefault(position, msgspec.msgpack.decode(entry, type=_Entry))
        for digest, content in models.items():
            self.models.setdefault(digest, content)

    @property
    def position(self) -> int:
        """The last position, -1 for none."""
        return max(self._entries, default=-1)

    def add(self, message: Message, messages: Any, models: Any) -> Message | None:
        """Keep a message, and give it with its position; None where it comes too late."""
        position = self.position + 1 if message.position is None else message.position
        if position <= self.position:
            return None
        numbered = Message(message.content, position, message.appended_at)
        entry, content = self._part(numbered)
        self._entries[position] = entry
        messages.put(position, msgspec.msgpack.encode(entry))
        if content is not None and entry.digest not in self.models:
            self.models[entry.digest] = content
            models.put(entry.digest, content)
        return numbered

    def after(self, position: int) -> Iterator[Message]:
        """Give the messages behind a position, in their order."""
        for place in sorted(place for place in self._entries if place > position):
            entry = self._entries[place]
            whole = entry.before + self.models.get(entry.digest, b"") + entry.after
            yield Message(whole, place, entry.appended_at)

    def forget_all_but(self, named: Collection[str], messages: Any, models: Any) -> None:
        """Forget publications that nothing names and that enough later ones follow, and bytes that none of them has."""
        later: dict[tuple[str, str], int] = {}
        for position in sorted(self._entries, reverse=True):
            entry = self._entries[position]
            if not entry.digest or entry.slot is None:
                continue
            later[entry.slot] = later.get(entry.slot, 0) + 1
            if later[entry.slot] > self._retain and entry.digest not in named:
                del self._entries[position]
                messages.remove(position)
        kept = {entry.digest for entry in self._entries.values()}
        for digest in self.models.keys() - kept:
            del self.models[digest]
            models.remove(digest)

    def _part(self, message: Message) -> tuple[_Entry, bytes | None]:
        command = self._decode(message.content)
        content = command.descriptor.content if isinstance(command, Publish) else None
        begin = message.content.find(content) if content else -1
        if not content or begin < 0:
            return _Entry(message.content, "", b"", message.appended_at, None), None
        slot = command.descriptor.slot_key if isinstance(command, Publish) else None
        named = None if slot is None else (slot.data_type, slot.name)
        end = begin + len(content)
        parts = message.content[:begin], digest_of(content), message.content[end:]
        return _Entry(*parts, message.appended_at, named), content
