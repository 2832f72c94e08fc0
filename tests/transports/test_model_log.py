"""The model stream as a directory."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from headrace.errors import DescriptorError, SourceError
from headrace.records import Command, Descriptor, Malformed, ModelMessage, Pin, Publish, SlotKey
from headrace.transports.model_log import ModelLog, append_message, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command, encode_command

WINE = SlotKey("wine")
PUBLISHERS, EACH = 4, 25


def publish(log: Path, command: Command) -> int:
    return append_message(log, lambda at: encode_command(command, appended_at=at))


def follow(log: Path, *, after: int = -1, endless: bool = True) -> ModelLog:
    source = ModelLog(log, decode_command, decode_appended_at, follow=endless)
    source.start(lambda: None)
    source.resume(after)
    return source


def commands(messages: tuple[ModelMessage, ...]) -> list[tuple[int, Command]]:
    return [(message.position, message.command) for message in messages]


def test_what_is_appended_is_read_in_its_order_and_once(tmp_path: Path) -> None:
    source = follow(tmp_path)
    assert 0 == publish(tmp_path, Pin(WINE))
    assert 1 == publish(tmp_path, Publish(Descriptor("forest", "wine", content=b"bytes")))
    first = commands(source.poll().messages)
    assert [(0, Pin(WINE)), (1, Publish(Descriptor("forest", "wine", content=b"bytes")))] == first
    assert () == source.poll().messages
    assert 2 == publish(tmp_path, Pin(WINE))
    assert [(2, Pin(WINE))] == commands(source.poll().messages)


def test_a_log_is_resumed_after_a_position(tmp_path: Path) -> None:
    for _ in range(3):
        publish(tmp_path, Pin(WINE))
    assert [(2, Pin(WINE))] == commands(follow(tmp_path, after=1).poll().messages)


def test_a_log_that_lacks_what_was_read_is_refused(tmp_path: Path) -> None:
    publish(tmp_path, Pin(WINE))
    with pytest.raises(SourceError, match="does not hold message 1, which was read before"):
        follow(tmp_path, after=1)


def test_a_log_that_lost_its_beginning_takes_no_message(tmp_path: Path) -> None:
    publish(tmp_path, Pin(WINE))
    publish(tmp_path, Pin(WINE))
    (tmp_path / "00000000000000000000.msg").unlink()
    with pytest.raises(SourceError, match="lacks its first message"):
        publish(tmp_path, Pin(WINE))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 17])
def test_the_next_position_is_found_behind_any_number_of_messages(tmp_path: Path, count: int) -> None:
    for position in range(count):
        assert position == publish(tmp_path, Pin(WINE))
    assert count == publish(tmp_path, Pin(WINE))


def test_a_log_that_does_not_exist_yet_is_an_empty_one(tmp_path: Path) -> None:
    log = tmp_path / "models" / "log"
    before = time.time_ns() // 1_000_000
    source = follow(log)
    reading = source.poll()
    assert ((), False) == (reading.messages, reading.ended)
    assert reading.read_to is not None
    assert reading.read_to >= before - 1
    publish(log, Pin(WINE))
    assert 1 == len(source.poll().messages)


def test_what_is_appended_later_is_stamped_after_what_was_read_up_to(tmp_path: Path) -> None:
    source = follow(tmp_path)
    for _ in range(20):
        publish(tmp_path, Pin(WINE))
        reading = source.poll()
        publish(tmp_path, Pin(WINE))
        later = source.poll().messages
        assert reading.read_to is not None
        assert [True] == [message.appended_at > reading.read_to for message in later]


def test_a_finite_log_ends(tmp_path: Path) -> None:
    assert follow(tmp_path / "none", endless=False).poll().ended
    publish(tmp_path, Pin(WINE))
    reading = follow(tmp_path, endless=False).poll()
    assert (1, True) == (len(reading.messages), reading.ended)


def test_a_long_log_is_read_in_portions(tmp_path: Path) -> None:
    content = encode_command(Pin(WINE), appended_at=1)
    for position in range(1_001):
        (tmp_path / f"{position:020d}.msg").write_bytes(content)
    source = follow(tmp_path, endless=False)
    first, second = source.poll(), source.poll()
    assert (1_000, None, False) == (len(first.messages), first.read_to, first.ended)
    assert ([1_000], True) == ([message.position for message in second.messages], second.ended)


def test_nothing_is_read_while_a_publisher_puts_a_message_in_place(tmp_path: Path) -> None:
    publish(tmp_path, Pin(WINE))
    source = follow(tmp_path)
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reading = source.poll()
        assert ((), None) == (reading.messages, reading.read_to)
    assert 1 == len(source.poll().messages)


def test_a_message_that_is_no_command_is_kept_with_the_reason(tmp_path: Path) -> None:
    append_message(tmp_path, lambda _: b"\xff\xff garbage")
    publish(tmp_path, Pin(WINE))
    bad, good = follow(tmp_path).poll().messages
    assert isinstance(bad.command, Malformed)
    assert "00000000000000000000.msg" in bad.command.reason
    assert Pin(WINE) == good.command
    assert abs(bad.appended_at - good.appended_at) < 60_000


def test_a_message_without_a_stamp_has_the_time_of_its_file(tmp_path: Path) -> None:
    append_message(tmp_path, lambda _: encode_command(Pin(WINE)))
    os.utime(tmp_path / "00000000000000000000.msg", (1_700_000_000, 1_700_000_000))
    (message,) = follow(tmp_path).poll().messages
    assert 1_700_000_000_000 == message.appended_at


def test_a_command_that_cannot_be_written_takes_no_position(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError):
        publish(tmp_path, Publish(Descriptor("", "")))
    assert 0 == publish(tmp_path, Pin(WINE))


def test_a_file_in_place_of_the_log_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("")
    with pytest.raises(SourceError, match="is not a directory: name the directory that publishers append to"):
        follow(file)
    with pytest.raises(SourceError, match="cannot be written"):
        publish(file, Pin(WINE))


def test_a_message_that_cannot_be_read_is_an_error_that_names_the_log(tmp_path: Path) -> None:
    publish(tmp_path, Pin(WINE))
    source = follow(tmp_path)
    (tmp_path / "00000000000000000001.msg").mkdir()
    with pytest.raises(SourceError, match=f"the model log {tmp_path} cannot be read: Is a directory"):
        source.poll()


def test_bytes_by_digest_lie_within_the_log(tmp_path: Path) -> None:
    assert tmp_path / "contents" == contents_of(tmp_path)


def append_many(log: Path, number: int) -> None:
    for turn in range(EACH):
        publish(log, Pin(SlotKey(f"{number}", f"{turn}")))


def test_publishers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    publishers = [context.Process(target=append_many, args=(tmp_path, number)) for number in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    messages = follow(tmp_path).poll().messages
    slots = [message.command.slot for message in messages if isinstance(message.command, Pin)]
    assert list(range(PUBLISHERS * EACH)) == [message.position for message in messages]
    assert {SlotKey(f"{number}", f"{turn}") for number in range(PUBLISHERS) for turn in range(EACH)} == set(slots)
    times = [message.appended_at for message in messages]
    assert sorted(times) == times
