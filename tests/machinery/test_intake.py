"""The model stream, read on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from headrace.abc.source import ModelSource, Reading
from headrace.errors import SourceError
from headrace.machinery.intake import Intake
from headrace.records import Descriptor, ModelMessage, Pin, Publish, SlotKey
from headrace.stores.contents import MemoryContents, digest_of

PATIENCE = 20.0
PIN = ModelMessage(0, 0, Pin(SlotKey("wine")))


def publication(position: int, content: bytes, digest: str = "") -> ModelMessage:
    return ModelMessage(position, 0, Publish(Descriptor("model", "wine", content=content, digest=digest)))


class Script:
    """A model stream that gives what it was told to, one reading a poll, and then nothing."""

    def __init__(self, *readings: Reading | Exception) -> None:
        self.readings = list(readings)
        self.resumed: list[int] = []
        self.closed = False

    def start(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def resume(self, position: int) -> None:
        self.resumed.append(position)

    def poll(self) -> Reading:
        reading = self.readings.pop(0) if self.readings else Reading(read_to=99)
        if isinstance(reading, Exception):
            raise reading
        return reading

    def close(self) -> None:
        self.closed = True


@contextmanager
def taking_in(source: ModelSource, contents: MemoryContents) -> Iterator[tuple[Intake, threading.Event]]:
    """Start an intake, and wait until it has something to say."""
    woken = threading.Event()
    intake = Intake(source, contents, interval=0.001)
    intake.start(woken.set)
    intake.resume(5)
    assert woken.wait(PATIENCE)
    try:
        yield intake, woken
    finally:
        intake.close()


def collect(intake: Intake, woken: threading.Event, count: int) -> list[ModelMessage]:
    """Poll until so many messages have come."""
    messages: list[ModelMessage] = []
    while len(messages) < count:
        messages += intake.poll().messages
        woken.wait(0.001)
    return messages


def test_bytes_are_kept_and_the_message_comes_without_them() -> None:
    contents = MemoryContents()
    with taking_in(Script(Reading((publication(6, b"bytes"), PIN))), contents) as (intake, woken):
        first, second = collect(intake, woken, 2)
    digest = digest_of(b"bytes")
    assert ModelMessage(6, 0, Publish(Descriptor("model", "wine", digest=digest))) == first
    assert PIN == second
    assert b"bytes" == contents.get(digest)


def test_a_message_whose_digest_is_wrong_comes_as_it_was() -> None:
    wrong = publication(6, b"bytes", digest="0" * 64)
    with taking_in(Script(Reading((wrong,))), MemoryContents()) as (intake, woken):
        assert [wrong] == collect(intake, woken, 1)


def test_how_far_the_stream_was_read_is_told_with_what_lies_before() -> None:
    script = Script(Reading((PIN,)), Reading((), read_to=7, ended=True))
    with taking_in(script, MemoryContents()) as (intake, woken):
        messages: list[ModelMessage] = []
        while not (reading := intake.poll()).ended:
            messages += reading.messages
            woken.wait(0.001)
        messages += reading.messages
    assert [PIN] == messages
    assert 7 == reading.read_to
    assert ([5], True) == (script.resumed, script.closed)


def test_what_the_stream_raises_comes_after_the_messages_before_it() -> None:
    with taking_in(Script(Reading((PIN,)), SourceError("gone")), MemoryContents()) as (intake, woken):
        assert [PIN] == collect(intake, woken, 1)
        with pytest.raises(SourceError, match="gone"):
            collect(intake, woken, 1)


def test_bytes_of_a_message_that_is_to_come_are_not_forgotten() -> None:
    contents = MemoryContents()
    old = contents.put(b"old")
    with taking_in(Script(Reading((publication(6, b"bytes"),))), contents) as (intake, woken):
        assert intake.forget_all_but(set())
        assert {digest_of(b"bytes")} == set(contents.held)
        collect(intake, woken, 1)
        assert intake.forget_all_but(set())
        assert {} == contents.held
    assert old not in contents.held


class SlowContents(MemoryContents):
    """Keeps bytes only once it is allowed to."""

    __slots__ = ("allowed", "begun")

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.allowed = threading.Event(), threading.Event()

    def put(self, content: bytes) -> str:
        self.begun.set()
        assert self.allowed.wait(PATIENCE)
        return super().put(content)


def test_nothing_is_forgotten_and_nobody_waits_while_bytes_are_being_kept() -> None:
    contents = SlowContents()
    contents.held["old"] = b"old"
    intake = Intake(Script(Reading((publication(6, b"bytes"),))), contents, interval=0.001)
    woken = threading.Event()
    intake.start(woken.set)
    intake.resume(-1)
    assert contents.begun.wait(PATIENCE)
    assert Reading() == intake.poll()
    assert not intake.forget_all_but(set())
    assert {"old": b"old"} == contents.held
    contents.allowed.set()
    collect(intake, woken, 1)
    intake.close()
