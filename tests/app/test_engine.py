"""A configuration becomes an engine: every format of records, results and dead letters, and what survives a restart."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from pyarrow import parquet

from headrace.app.inlets import build_stream
from headrace.app.settings import build_settings, list_data_types, read_slot
from headrace.errors import ConfigurationError, SinkError, SourceError, StateError
from headrace.records import SlotKey
from headrace.transports.pacing import PacedSource
from headrace.wire.proto import wine_pb2
from tests.app.project import RECORDS, REST, Project, linear

XS = [0.0, 1.5, -2.0]
EXPECTED = [1.0, 4.0, -3.0]

COLUMNS = """
[records]
path = "{file}"
format = "{format}"
data_type = "wine"
"""


def values(project: Project) -> list[float]:
    return [each["outputs"]["y"] for each in project.read()]


def test_json_records(project_of_files: Project) -> None:
    project_of_files.write_records(*XS)
    project_of_files.publish(linear())
    summary = project_of_files.run()
    assert (3, 3, 0, 0) == (
        summary.counts.received,
        summary.counts.scored,
        summary.counts.dead_lettered,
        summary.counts.skipped,
    )
    assert [("r0", 1.0), ("r1", 4.0), ("r2", -3.0)] == project_of_files.outputs()
    assert [] == project_of_files.read("dead.jsonl")


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("x;z\n0;a\n1.5;b\n-2;c\n", 'csv.delimiter = ";"'),
        ("0,a\n1.5,b\n-2,c\n", 'csv.columns = ["x", "z"]'),
        ("z,x\na,0\nb,1.5\nc,-2\n", 'schema = {x = "double", z = "string"}'),
    ],
)
def test_csv_records(project_of_files: Project, text: str, added: str) -> None:
    (project_of_files.path / "r.csv").write_text(text)
    project_of_files.configure(COLUMNS.format(file="r.csv", format="csv") + added + REST)
    project_of_files.publish(linear())
    project_of_files.run()
    assert EXPECTED == values(project_of_files)


@pytest.mark.parametrize("where", ['module = "headrace.wire.proto.wine_pb2"', 'descriptor_set = "wine.ds"'])
def test_protobuf_records(project_of_files: Project, where: str) -> None:
    records = [wine_pb2.WineRecord(fixed_acidity=x, dataType="wine").SerializeToString() for x in XS]
    (project_of_files.path / "r.bin").write_bytes(b"".join(bytes([len(each)]) + each for each in records))
    described = FileDescriptorSet()
    described.file.add().ParseFromString(wine_pb2.DESCRIPTOR.serialized_pb)
    (project_of_files.path / "wine.ds").write_bytes(described.SerializeToString())
    project_of_files.configure(
        '[records]\npath = "r.bin"\nformat = "protobuf"\ndata_type = {field = "dataType"}\n'
        f'[records.protobuf]\nmessage = "WineRecord"\n{where}\n' + REST
    )
    project_of_files.publish(linear(), mapping={"x": ("fixed_acidity",)})
    project_of_files.run()
    assert EXPECTED == values(project_of_files)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_columns_as_records(project_of_files: Project, kind: str) -> None:
    table = pa.table({"x": XS})
    file = project_of_files.path / f"r.{kind}"
    if kind == "parquet":
        parquet.write_table(table, file)
    else:
        with pa.ipc.new_file(str(file), table.schema) as writer:
            writer.write_table(table)
    project_of_files.configure(COLUMNS.format(file=f"r.{kind}", format=kind) + REST)
    project_of_files.publish(linear())
    project_of_files.run()
    assert EXPECTED == values(project_of_files)


def test_avro_records(project_of_files: Project) -> None:
    schema = {"type": "record", "name": "wine", "fields": [{"name": "x", "type": "double"}]}
    stream = io.BytesIO()
    fastavro.writer(stream, schema, [{"x": x} for x in XS])
    (project_of_files.path / "r.avro").write_bytes(stream.getvalue())
    project_of_files.publish(linear())
    project_of_files.configure(COLUMNS.format(file="r.avro", format="avro") + REST)
    project_of_files.run()
    assert EXPECTED == values(project_of_files)


def test_data_type_by_branch_topic_and_all(project_of_files: Project) -> None:
    project_of_files.write_records(1, name="a.jsonl")
    project_of_files.write_records(2, name="b.jsonl")
    stream = '[[records]]\npath = "{0}.jsonl"\nformat = "json"\ndata_type = {{topic = {{"{0}.jsonl" = "{1}"}}}}\n'
    project_of_files.configure(stream.format("a", "red") + stream.format("b", "white") + REST)
    project_of_files.publish(linear(0), data_type="red")
    project_of_files.publish(linear(10), data_type="white")
    project_of_files.run()
    found = {(each["source"], each["data_type"], each["outputs"]["y"]) for each in project_of_files.read()}
    assert {("a.jsonl", "red", 2.0), ("b.jsonl", "white", 14.0)} == found


def test_undecodable_records_are_dead_letters(project_of_files: Project) -> None:
    project_of_files.write_records(1, "{not json", json.dumps({"kind": "beer", "x": 1}), 2)
    project_of_files.publish(linear())
    summary = project_of_files.run()
    assert (4, 2, 2) == (summary.counts.received, summary.counts.scored, summary.counts.dead_lettered)
    codes = [(each["offset"], each["code"]) for each in project_of_files.read("dead.jsonl")]
    assert [(1, "undecodable"), (2, "undeclared-data-type")] == sorted(codes)


def test_restart_goes_on_where_it_ended(project_of_files: Project) -> None:
    project_of_files.write_records(1, 2)
    project_of_files.publish(linear())
    project_of_files.run()
    project_of_files.write_records(1, 2, 3)
    project_of_files.run()
    assert [("r0", 3.0), ("r1", 5.0), ("r2", 7.0)] == project_of_files.outputs()


def test_slots_of_the_configuration(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    slots = '[slots."wine/second"]\nmode = "ordered"\nno_model = "dead-letter"\nmapping = {x = "x"}\n'
    project_of_files.configure(RECORDS + REST + slots)
    project_of_files.publish(linear())
    summary = project_of_files.run()
    assert (2, 1, 1) == (summary.counts.received, summary.counts.scored, summary.counts.dead_lettered)
    (letter,) = project_of_files.read("dead.jsonl")
    assert ("wine", "second", "no-model") == (letter["data_type"], letter["slot"], letter["code"])


def test_mapping_of_a_slot_is_used_where_the_publication_has_none(project_of_files: Project) -> None:
    (project_of_files.path / "records.jsonl").write_text('{"kind": "wine", "id": "a", "at": 1, "u": 1, "v": 10}\n')
    project_of_files.configure(RECORDS + REST + '[slots.wine.mapping]\nx = "u"\n')
    project_of_files.publish(linear())
    project_of_files.run()
    assert [("a", 3.0)] == project_of_files.outputs()


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_outputs_as_parts(project_of_files: Project, kind: str) -> None:
    project_of_files.write_records(1, "nothing", 2)
    parts = {
        '"results.jsonl"': f'"results.{kind}"\nformat = "{kind}"',
        '"dead.jsonl"': f'"dead.{kind}"\nformat = "{kind}"',
    }
    project_of_files.configure(RECORDS + REST, parts)
    project_of_files.publish(linear())
    project_of_files.run()

    def read(name: str) -> list[dict[str, Any]]:
        files = sorted(project_of_files.path.glob(f"{name}-*.{kind}"))
        tables = [
            parquet.read_table(each) if kind == "parquet" else pa.ipc.open_file(str(each)).read_all() for each in files
        ]
        rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
        return rows

    assert [3.0, 5.0] == [row["outputs.y"] for row in read("results")]
    assert [b"nothing"] == [row["original"] for row in read("dead")]


def test_results_as_csv(project_of_files: Project) -> None:
    project_of_files.write_records(1, 2)
    project_of_files.configure(RECORDS + REST, {'"results.jsonl"': '"results.csv"\nformat = "csv"'})
    project_of_files.publish(linear())
    project_of_files.run()
    lines = (project_of_files.path / "results.csv").read_text().splitlines()
    assert 3 == len(lines)
    assert lines[0].endswith('"outputs.y"')
    assert [",3", ",5"] == [line[-2:] for line in lines[1:]]


def test_csv_of_two_shapes_is_refused(project_of_files: Project) -> None:
    project_of_files.write_records(1, 2)
    project_of_files.configure(RECORDS + REST, {'"results.jsonl"': '"results.csv"\nformat = "csv"'})
    project_of_files.publish(linear())
    project_of_files.publish(linear(output="z"), slot="other")
    with pytest.raises(
        SinkError, match=r"outputs\.z: models of different outputs need the format json, parquet or arrow"
    ):
        project_of_files.run()


def test_csv_of_two_shapes_is_refused_after_a_restart(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    project_of_files.configure(RECORDS + REST, {'"results.jsonl"': '"results.csv"\nformat = "csv"'})
    project_of_files.publish(linear())
    project_of_files.run()
    project_of_files.publish(linear(output="z"), replaces_signature=True)
    project_of_files.write_records(1, 2)
    with pytest.raises(SinkError, match=r"has the columns .*outputs\.y, results of slot wine have .*outputs\.z"):
        project_of_files.run()


def test_journal_tells_what_happened(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    project_of_files.publish(linear())
    project_of_files.publish(b"<PMML")
    project_of_files.run()
    lines = [json.loads(line) for line in (project_of_files.state / "events.jsonl").read_text().splitlines()]
    kinds = [(line["position"], line["kind"]) for line in lines]
    assert (0, "serving") in kinds
    assert (1, "rejected") in kinds
    assert {"wine"} == {line["data_type"] for line in lines}


def test_second_engine_on_a_state_is_refused_and_leaves_nothing_open(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    project_of_files.configure(RECORDS.replace("id =", "follow = true\nid =") + REST)
    with project_of_files.running(), pytest.raises(StateError, match="is held by process"):
        project_of_files.run()


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({'"records.jsonl"': '"other.jsonl"'}, SourceError, "other.jsonl is not there"),
        ({'"json"\n': '"csv"\nschema = {y = "double"}\n'}, ConfigurationError, "schema names the column 'y'"),
        (
            {'"json"\n': '"json"\nschema = {x = "duoble"}\n'},
            ConfigurationError,
            "schema.x is 'duoble'; did you mean 'double'",
        ),
        ({'"json"\n': '"json"\ndeclard = 1\n'}, ConfigurationError, "unknown key records.declard"),
        ({'"json"\n': '"parquet"\n'}, SourceError, "records.jsonl cannot be read, it is damaged or of another kind"),
        (
            {'"json"\n': '"protobuf"\nprotobuf = {message = "Wine", module = "no.such"}\n'},
            ConfigurationError,
            "protobuf.module 'no.such' cannot be imported: No module named 'no'",
        ),
        (
            {'"json"\n': '"protobuf"\nprotobuf = {message = "Wine", module = "headrace.wire.proto.wine_pb2"}\n'},
            ConfigurationError,
            "there is no message 'Wine'; there are: headrace.v1.WineRecord",
        ),
        (
            {'"json"\n': '"protobuf"\nprotobuf = {message = "Wine", descriptor_set = "none.ds"}\n'},
            ConfigurationError,
            "none.ds cannot be read: No such file or directory",
        ),
        (
            {'"json"\n': '"protobuf"\nprotobuf = {message = "Wine", module = "json"}\n'},
            ConfigurationError,
            "protobuf.module 'json' is no module that protoc has made",
        ),
        ({'{field = "kind"}': '{branch = "b"}'}, ConfigurationError, "JSON records have no branches"),
        ({'"results.jsonl"': '"results.jsonl"\nformat = "parquet"'}, ConfigurationError, "has to end with .parquet"),
    ],
)
def test_mistakes(project_of_files: Project, changes: dict[str, str], kind: type[Exception], message: str) -> None:
    (project_of_files.path / "records.jsonl").write_text("a,b\n1,2\n")
    text = RECORDS + REST
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    project_of_files.config.write_text(text)
    with pytest.raises(kind) as caught:
        project_of_files.run()
    assert message in str(caught.value)


def test_rate_holds_a_stream_back(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    found = project_of_files.configure(RECORDS.replace("id =", "rate = 50\nid =") + REST)
    stream = build_stream(found.streams[0])
    assert isinstance(stream.inlet.source, PacedSource)
    stream.files.close()


def test_data_types_that_a_stream_is_known_to_bring(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    for rule, expected in (
        ('"red"', ("red",)),
        ('{topic = {"records.jsonl" = "red", other = "white"}}', ("red",)),
        ("{topic = {}}", ("records.jsonl",)),
        ('{field = "kind"}', ()),
    ):
        text = RECORDS.replace('{field = "kind"}', rule).replace('declared = ["wine"]\n', "")
        stream = build_stream(project_of_files.configure(text + REST).streams[0])
        assert expected == list_data_types(stream)
        stream.files.close()


def test_schemas_are_those_that_every_stream_agrees_on(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    stream = '[[records]]\npath = "records.jsonl"\nname = "{}"\nformat = "json"\ndata_type = "wine"\nschema.x = "{}"\n'
    for kinds, known in ((("double", "double"), ["wine"]), (("double", "int64"), [])):
        text = "".join(stream.format(kind + str(place), kind) for place, kind in enumerate(kinds))
        found = project_of_files.configure(text + REST)
        streams = [build_stream(section) for section in found.streams]
        assert known == list(build_settings(found, streams).schemas)
        for each in streams:
            each.files.close()


def test_slot_names() -> None:
    assert SlotKey("wine") == read_slot("wine")
    assert SlotKey("wine", "a/b") == read_slot("wine/a/b")
