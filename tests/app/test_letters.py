"""Dead letters: read from what an engine wrote, and sent again in their original bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.app.letters import Resent, read_letters, resend
from headrace.errors import SinkError, SourceError
from headrace.wire.dead_letters import DeadLetter
from tests.app.project import RECORDS, REST, Project, linear


def letter(
    offset: int, original: bytes | None, *, source: str = "a", row: dict[str, object] | None = None
) -> DeadLetter:
    return DeadLetter(f"{source}/0/{offset}", source, 0, offset, None, "code", "why", None, None, None, original, row)


LETTERS = [letter(0, b"one"), letter(4, b"two \xff"), letter(5, b"")]


def test_bytes_come_back_exactly(tmp_path: Path) -> None:
    to = tmp_path / "again"
    assert Resent(3, 3, 0) == resend(LETTERS, to, "lines")
    assert b"one\ntwo \xff\n\n" == to.read_bytes()


def test_delimited_framing(tmp_path: Path) -> None:
    to = tmp_path / "again"
    long = b"x" * 300
    resend([letter(0, b"a\nb"), letter(1, long)], to, "delimited")
    assert b"\x03a\nb\xac\x02" + long == to.read_bytes()


def test_header_comes_first_and_is_no_record(tmp_path: Path) -> None:
    to = tmp_path / "again"
    assert Resent(3, 3, 0) == resend(LETTERS, to, "lines", b"name;x")
    assert to.read_bytes().startswith(b"name;x\none\n")
    assert Resent(3, 0, 0) == resend(LETTERS, to, "lines", b"name;x")


def test_twice_sends_nothing_twice(tmp_path: Path) -> None:
    to = tmp_path / "again"
    resend(LETTERS, to, "lines")
    before = to.read_bytes()
    assert Resent(3, 0, 0) == resend(LETTERS, to, "lines")
    assert before == to.read_bytes()
    assert Resent(4, 1, 0) == resend([*LETTERS, letter(9, b"late")], to, "lines")
    assert before + b"late\n" == to.read_bytes()


@pytest.mark.parametrize("length", range(12))
def test_interrupted_sending_is_completed(tmp_path: Path, length: int) -> None:
    to = tmp_path / "again"
    resend(LETTERS, to, "lines")
    whole = to.read_bytes()
    assert 11 == len(whole)
    to.write_bytes(whole[:length])
    resend(LETTERS, to, "lines")
    assert whole == to.read_bytes()


def test_a_record_is_sent_once_however_many_slots_failed(tmp_path: Path) -> None:
    to = tmp_path / "again"
    assert Resent(1, 1, 0) == resend([letter(0, b"one"), letter(0, b"one")], to, "lines")
    assert b"one\n" == to.read_bytes()


def test_a_record_that_failed_again_is_not_sent_to_where_it_came_from(tmp_path: Path) -> None:
    to = tmp_path / "again"
    resend([*LETTERS, letter(0, b"one", source="again")], to, "lines")
    assert b"one\ntwo \xff\n\n" == to.read_bytes()


def test_rows_are_sent_as_json_and_letters_without_a_value_are_counted(tmp_path: Path) -> None:
    to = tmp_path / "again"
    assert Resent(1, 1, 1) == resend([letter(0, None, row={"x": 1.5}), letter(1, None)], to, "lines")
    assert b'{"x":1.5}\n' == to.read_bytes()


@pytest.mark.parametrize("content", [b"other\n", b"one\ntwo \xff\n\nmore\n", b"ones\n"])
def test_file_that_holds_something_else_is_not_touched(tmp_path: Path, content: bytes) -> None:
    to = tmp_path / "again"
    to.write_bytes(content)
    with pytest.raises(SinkError, match="name a file of its own"):
        resend(LETTERS, to, "lines")
    assert content == to.read_bytes()


def test_record_of_several_lines_needs_another_framing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="send it with --framing delimited"):
        resend([letter(0, b"a\nb")], tmp_path / "again", "lines")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("kind", "file"), [("json", "dead.jsonl"), ("parquet", "dead.parquet"), ("arrow", "dead.arrow")]
)
def test_letters_of_an_engine_are_read(project_of_files: Project, kind: str, file: str) -> None:
    project_of_files.write_records(1, "no json \u20ac", 2, "{")
    project_of_files.configure(RECORDS + REST, {'"dead.jsonl"': f'"{file}"\nformat = "{kind}"'})
    project_of_files.publish(linear())
    project_of_files.run()
    letters = list(read_letters(project_of_files.path / file))
    found = [(each.offset, each.code, each.original) for each in letters]
    assert [(1, "undecodable", "no json \u20ac".encode()), (3, "undecodable", b"{")] == found


def test_line_that_is_being_written_is_left_out(project_of_files: Project) -> None:
    project_of_files.write_records("no json", "{")
    project_of_files.run()
    file = project_of_files.path / "dead.jsonl"
    file.write_bytes(file.read_bytes()[:-10])
    assert [0] == [each.offset for each in read_letters(file)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dead.jsonl", None, "dead.jsonl cannot be read: No such file or directory"),
        ("dead.jsonl", b"{}\n", "dead.jsonl, line 1: not a dead letter that Headrace wrote (it has no 'data_type')"),
        ("dead.parquet", None, "dead.parquet are not there, nor parts such as dead-000001.parquet"),
        ("dead.parquet", b"nothing", "dead.parquet is no file of dead letters, or it is damaged"),
        ("dead.arrow", b"nothing", "dead.arrow is no file of dead letters, or it is damaged"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        list(read_letters(tmp_path / name))
    assert message in str(caught.value)
