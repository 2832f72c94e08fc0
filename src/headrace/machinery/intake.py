"""The model stream, read on a thread of its own: however large a message is, no record waits for it.

Rules:

1. Bytes that a message carries are kept by digest before the message is handed out without them; a message whose bytes
   are not those of its digest is handed out as it came.
2. Bytes are not forgotten while a message that names them is still to be handed out.
3. What the stream raises comes after the messages before it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.abc.source import Reading
from headrace.machinery.bell import Bell
from headrace.records import Publish

if TYPE_CHECKING:
    from collections.abc import Collection

    from headrace.abc.source import ModelSource, Wake
    from headrace.machinery.parts import EngineContents
    from headrace.records import ModelMessage


class Intake:
    """A ``ModelSource`` over another one. ``interval`` is how many seconds it rests where nothing wakes it."""

    def __init__(self, source: ModelSource, contents: EngineContents, interval: float) -> None:
        self._source = source
        self._contents = contents
        self._interval = interval
        self._bell = Bell()
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._messages: list[ModelMessage] = []
        self._read_to: int | None = None
        self._ended = False
        self._error: Exception | None = None
        self._closed = False
        self._wake: Wake = self._bell.ring
        self._thread = threading.Thread(target=self._run, name="headrace-intake", daemon=True)

    def start(self, wake: Wake) -> None:
        """Begin; ``wake`` is called when there is something to hand out, and once the end was seen."""
        self._wake = wake
        self._source.start(self._bell.ring)

    def resume(self, position: int) -> None:
        """Go on after the message at ``position``."""
        self._source.resume(position)
        self._thread.start()

    def poll(self) -> Reading:
        """Hand out what was read since the last call. Raises what the stream raised."""
        with self._lock:
            if self._error is not None and not self._messages:
                raise self._error
            reading = Reading(tuple(self._messages), self._read_to, ended=self._ended)
            self._messages.clear()
        return reading

    def forget_all_but(self, digests: Collection[str]) -> bool:
        """Forget the bytes that nothing names; False where bytes are being kept now, so that it must be done later."""
        if not self._storing.acquire(blocking=False):
            return False
        try:
            with self._lock:
                coming = [_digest_of(message) for message in self._messages]
            self._contents.keep_only({*digests, *coming})
        finally:
            self._storing.release()
        return True

    def close(self) -> None:
        """Stop reading, and close the stream."""
        self._closed = True
        self._bell.ring()
        if self._thread.ident is not None:
            self._thread.join()
        self._source.close()

    def _run(self) -> None:
        try:
            while not self._closed:
                reading = self._source.poll()
                self._take(reading)
                if reading.ended:
                    return
                if not reading.messages:
                    self._bell.wait(self._interval)
        except Exception as error:  # noqa: BLE001 told to the engine's thread, which knows what to do about it
            with self._lock:
                self._error = error
            self._wake()

    def _take(self, reading: Reading) -> None:
        with self._storing:
            messages = [self._keep(message) for message in reading.messages]
            with self._lock:
                news = bool(messages) or reading.ended or (self._read_to is None and reading.read_to is not None)
                self._messages += messages
                self._read_to = reading.read_to if reading.read_to is not None else self._read_to
                self._ended = reading.ended
        if news:
            self._wake()

    def _keep(self, message: ModelMessage) -> ModelMessage:
        command = message.command
        if not isinstance(command, Publish) or command.descriptor.content is None:
            return message
        digest = self._contents.put(command.descriptor.content)
        if command.descriptor.digest not in {"", digest}:
            return message
        return replace(message, command=Publish(replace(command.descriptor, content=None, digest=digest)))


def _digest_of(message: ModelMessage) -> str:
    return message.command.descriptor.digest if isinstance(message.command, Publish) else ""
