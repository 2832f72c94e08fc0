"""Messages to a model log: models and commands, and what they may name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.app.inspection import find_observed, version_of
from headrace.errors import CommandError, SourceError
from headrace.records import Command, Descriptor, Malformed, ModelMessage, Publish, SlotKey
from headrace.stores.contents import DirectoryContents, digest_of
from headrace.transports.model_log import ModelLog, append_message, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command, encode_command

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Known:
    """A version that a command may name."""

    name: str
    version: str
    digest: str
    position: int

    def __str__(self) -> str:
        return f"{self.digest[:12]} ({self.name} {self.version})"


def append_command(log: Path, command: Command) -> int:
    """Append a command to a log and give its position; durable when this returns.

    Raises ``DescriptorError`` for a command that contradicts itself, before anything is written, and ``SourceError``.
    """
    encode_command(command, 0)
    _refuse_file(log)
    return append_message(log, lambda at: encode_command(command, at))


def publish(log: Path, descriptor: Descriptor) -> tuple[int, Descriptor]:
    """Append a publication, and give its position and the descriptor as it was sent.

    Bytes go into the log's own store by digest, and the message names the digest. Raises as ``append_command`` does,
    and ``StateError`` where the bytes cannot be kept.
    """
    encode_command(Publish(descriptor), 0)
    _refuse_file(log)
    if descriptor.content is not None:
        digest = DirectoryContents(contents_of(log)).put(descriptor.content)
        descriptor = replace(descriptor, content=None, digest=digest)
    return append_command(log, Publish(descriptor)), descriptor


def _refuse_file(log: Path) -> None:
    if log.exists() and not log.is_dir():
        raise SourceError(f"the model log {log} is not a directory: name the directory that engines follow")


def check_log(log: Path) -> None:
    """Raise ``SourceError`` where there is no log."""
    _refuse_file(log)
    if not log.exists():
        raise SourceError(f"there is no model log {log}: name the directory that publishers append to")


def read_log(log: Path) -> list[ModelMessage]:
    """Read every message of a log. Raises ``SourceError`` where there is none."""
    check_log(log)
    source = ModelLog(log, decode_command, decode_appended_at, follow=False)
    messages: list[ModelMessage] = []
    while True:
        reading = source.poll()
        messages += reading.messages
        if reading.ended:
            return messages


def find_digest(target: str, slot: SlotKey, read: Callable[[], Iterable[ModelMessage]], state: Path | None) -> str:
    """Find the version of a slot that a digest, the beginning of one, or a version names.

    What may be named is what the slot retains as the state directory tells, else what has been published to it:
    ``read`` gives every message.
    Raises ``CommandError`` where nothing, or more than one digest, is meant.
    """
    known = _retained(state, slot) if state is not None else None
    known = _published(read(), slot) if known is None else known
    if not known:
        raise CommandError(f"slot {slot} has no version to name: nothing was published to it, or nothing is retained")
    meant = [each for each in known if target in {each.version, f"{each.name} {each.version}"}]
    meant = meant or [each for each in known if target and each.digest.startswith(target.lower())]
    digests = {each.digest for each in meant}
    if len(digests) == 1:
        return digests.pop()
    if meant:
        raise CommandError(
            f"{target!r} means {len(digests)} models in slot {slot}: {_list(meant)}; "
            "name one by more of its digest, or by its name and version"
        )
    raise CommandError(f"no version or digest {target!r} in slot {slot}; there are: {_list(known)}")


def _list(known: list[Known]) -> str:
    """Write the last versions, one for each digest that a name has had."""
    return "; ".join(list(dict.fromkeys(map(str, known)))[-_SHOWN:])


def _retained(state: Path, slot: SlotKey) -> list[Known] | None:
    """List what a slot retains; None where the state does not know."""
    observed = find_observed(state)
    if observed is None or not observed.slots:
        return None
    view = observed.find_slot(slot)
    if view is None:
        raise CommandError(
            f"the state {state} has no slot {slot}; it has: {', '.join(str(each.key) for each in observed.slots)}"
        )
    return [
        Known(each.descriptor.name, version_of(each), each.digest, each.position)
        for each in view.publications
        if each.digest in view.retained
    ]


def _published(messages: Iterable[ModelMessage], slot: SlotKey) -> list[Known]:
    known: list[Known] = []
    for message in messages:
        match message.command:
            case Publish(descriptor) if descriptor.slot_key == slot:
                content = descriptor.content
                digest = descriptor.digest or (digest_of(content) if content is not None else "")
                if digest:
                    version = descriptor.version or str(message.position)
                    known.append(Known(descriptor.name, version, digest, message.position))
            case Malformed():
                continue
    return known
