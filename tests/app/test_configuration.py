"""A configuration file, and every mistake that a person makes in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.app.configuration import Configuration, DataTypeSection, load_configuration
from headrace.core.settings import OrderedBy
from headrace.errors import ConfigurationError
from headrace.records import NoModelPolicy, SwitchMode

SMALLEST = """
records.path = "wines.jsonl"
records.format = "json"
records.data_type = "wine"
models.log = "models"
results.path = "results.jsonl"
dead_letters.path = "-"
"""


def load(directory: Path, text: str) -> Configuration:
    file = directory / "headrace.toml"
    file.write_text(text)
    return load_configuration(file)


def refused(directory: Path, text: str) -> str:
    """The message of a configuration that cannot be run, without the file's name, which it must begin with."""
    with pytest.raises(ConfigurationError) as caught:
        load(directory, text)
    message = str(caught.value)
    start = f"{directory / 'headrace.toml'}: "
    assert message.startswith(start), message
    return message.removeprefix(start)


def test_smallest_configuration_has_defaults(tmp_path: Path) -> None:
    found = load(tmp_path, SMALLEST)
    assert found.engine.batch_records == 4_096
    assert found.switch.mode is SwitchMode.READY
    assert found.switch.ordered_by is OrderedBy.TIMESTAMP
    assert found.state is None
    assert [section.stream for section in found.streams] == ["wines.jsonl"]


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, SMALLEST)
    assert found.models.log == tmp_path / "models"
    assert found.streams[0].paths == [tmp_path / "wines.jsonl"]


def test_dash_is_no_path(tmp_path: Path) -> None:
    assert load(tmp_path, SMALLEST).dead_letters.path == Path("-")


def test_absolute_paths_and_home_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    found = load(tmp_path, SMALLEST + 'state.directory = "~/state"\n')
    assert found.state is not None
    assert found.state.directory == Path("/home/anna/state")


def test_several_streams_and_slots(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [[records]]
        path = ["a.jsonl", "b/*.jsonl"]
        format = "json"
        data_type = {field = "kind"}
        name = "first"
        [[records]]
        path = "c.csv"
        format = "csv"
        data_type = "wine"
        csv.delimiter = ";"
        [models]
        log = "models"
        [results]
        path = "results.jsonl"
        [dead_letters]
        path = "dead.jsonl"
        [slots."wine/quality"]
        mode = "event-time"
        no_model = "dead-letter"
        mapping.features = ["a", "b"]
        """,
    )
    assert [section.stream for section in found.streams] == ["first", "c.csv"]
    assert found.streams[0].data_type == DataTypeSection(field="kind")
    slot = found.slots["wine/quality"]
    assert (slot.mode, slot.no_model) == (SwitchMode.EVENT_TIME, NoModelPolicy.DEAD_LETTER)
    assert slot.mapping == {"features": ["a", "b"]}


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (
            "engine.batch_record = 3",
            (
                "unknown key engine.batch_record; did you mean 'batch_records'? "
                "[engine] takes name, batch_records, commit_seconds, poll_seconds, retry_seconds"
            ),
        ),
        ("engine.batch_records = 0", "engine.batch_records is 0, and takes a whole number of 1 or more"),
        ("engine.batch_records = '9'", "engine.batch_records is '9', and takes a whole number of 1 or more"),
        ("engine.commit_seconds = true", "engine.commit_seconds is true, and takes a number above 0"),
        ("engine.name = 'flink'", "engine.name is 'flink', and takes one of: embedded"),
        (
            "switch.mode = 'redy'",
            "switch.mode is 'redy', and takes one of: ready, ordered, event-time; did you mean 'ready'?",
        ),
        ("[state]", "state.directory is not set: it is required, and takes a path"),
        ("state.directory = ''", "state.directory is '', and takes a path"),
        ("state = 3", "state is 3, and takes a table"),
        ("loading.locations = 'file:/x'", "loading.locations is 'file:/x', and takes a list of text"),
        ("loading.locations = [3]", "loading.locations[0] is 3, and takes text"),
        (
            "[slots.'wine/x']\nmodes = 'ready'",
            'unknown key slots."wine/x".modes; did you mean \'mode\'? [slots."wine/x"] takes mode, no_model, mapping',
        ),
        ("slots.wine.mapping.x = 3", "slots.wine.mapping.x is 3, and takes text or a list of text"),
        ("records.csv.delimiter = ';'", "[records]: the table csv does not go with format = 'json'"),
        ("records.rate = 0", "records.rate is 0, and takes a number above 0"),
        ("records.schema.x = 3", "records.schema.x is 3, and takes text"),
    ],
)
def test_mistakes(tmp_path: Path, added: str, message: str) -> None:
    assert message == refused(tmp_path, SMALLEST + added)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'models.log = "models"',
            "",
            "models is not set: it is required, and takes a table",
        ),
        (
            '"json"',
            '"jsno"',
            (
                "records.format is 'jsno', and takes one of: json, csv, protobuf, avro, parquet, arrow; "
                "did you mean 'json'?"
            ),
        ),
        (
            '"json"',
            '"protobuf"',
            "[records]: protobuf records need a table [records.protobuf] that names their message",
        ),
        ('data_type = "wine"', "data_type = {}", "[records.data_type]: name one of field, branch and topic, not none"),
        (
            'data_type = "wine"',
            'data_type = {field = "a", branch = "b"}',
            "[records.data_type]: name one of field, branch and topic, not field and branch",
        ),
        ('data_type = "wine"', "data_type = 3", "records.data_type is 3, and takes text that is not empty or a table"),
        ('"-"', '"results.jsonl"', "the file: results and dead letters are both to go to {directory}/results.jsonl"),
    ],
)
def test_mistakes_in_what_is_required(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALLEST
    assert message.replace("{directory}", str(tmp_path)) == refused(tmp_path, SMALLEST.replace(old, new))


def test_two_streams_need_two_names(tmp_path: Path) -> None:
    stream = '[[records]]\npath = "{}/wines.jsonl"\nformat = "json"\ndata_type = "wine"\n'
    rest = '[models]\nlog = "m"\n[results]\npath = "r"\n[dead_letters]\npath = "d"\n'
    message = "the file: two tables of records are named 'wines.jsonl': give each a name of its own"
    assert message == refused(tmp_path, stream.format("a") + stream.format("b") + rest)


def test_no_stream_is_refused(tmp_path: Path) -> None:
    text = 'records = []\n[models]\nlog = "m"\n[results]\npath = "r"\n[dead_letters]\npath = "d"\n'
    assert "the file: there are no records: give at least one table [[records]]" == refused(tmp_path, text)


def test_error_in_a_list_names_the_place(tmp_path: Path) -> None:
    stream = '[[records]]\npath = "{}"\nformat = "json"\ndata_type = "wine"\n'
    rest = '[models]\nlog = "m"\n[results]\npath = "r"\n[dead_letters]\npath = "d"\n'
    message = refused(tmp_path, stream.format("a") + stream.format("b") + "ratte = 3\n" + rest)
    assert message.startswith("unknown key records[1].ratte; did you mean 'rate'? [records[1]] takes path, format, ")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "nothing.toml"
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file)
    assert str(caught.value) == f"the configuration {file} cannot be read: No such file or directory"


def test_file_that_is_not_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"headrace.toml is not TOML: .*\(at line 2, column 12\)"):
        load(tmp_path, "a = 1\nengine = [ = 3")


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match="is not UTF-8, as TOML has to be"):
        load_configuration(file)
