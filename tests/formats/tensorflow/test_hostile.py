"""Graphs that reach out, ask for terabytes, or hide that in a function: refused before TensorFlow sees them."""

from pathlib import Path
from typing import Any

import pytest

from headrace.errors import LimitError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow import SavedModelFormat, TensorflowFormat
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.formats.tensorflow.reading import MAX_NODES
from tests.formats.tensorflow.building import (
    FLOAT,
    INT32,
    STRING,
    add,
    begin,
    build_call,
    build_saved,
    build_sum,
    constant,
    pack_tar,
    read_folder,
    shape_of,
)

FORBIDDEN = [
    "Abort", "ReadFile", "WriteFile", "PyFunc", "PyFuncStateless", "EagerPyFunc", "MatchingFiles", "FIFOQueueV2",
    "QueueDequeueV2", "WholeFileReaderV2", "TextLineReader", "TFRecordDataset", "IteratorV2", "OneShotIterator",
    "DebugIdentityV2", "DebugNumericSummaryV2", "DumpTensor", "RpcCall", "RemoteCall", "Send", "CollectiveReduce",
    "CreateSummaryFileWriter", "WriteScalarSummary", "DecodeProtoV2", "FileSystemSetConfiguration", "LMDBReader",
    "SqlDataset", "LoadAndRemapMatrix", "GenerateVocabRemapping", "Stage", "MapUnstage", "_Send", "XlaCallModule",
    "ConfigureDistributedTPU", "GetSessionHandleV2", "FixedUnigramCandidateSampler", "HostConst", "ImportEvent",
]  # fmt: skip


@pytest.mark.parametrize("op", FORBIDDEN)
@pytest.mark.parametrize("where", ["graph", "aside", "function", "uncalled function"])
def test_what_reaches_out_is_refused_wherever_it_stands(op: str, where: str) -> None:
    graph = build_sum()
    if where == "graph":
        graph.node[-1].input.append("^bad")
    if where in {"graph", "aside"}:
        add(graph, op, "bad")
    else:
        function = pb.FunctionDef(signature=pb.OpDef(name="body"))
        add(function, op, "bad")
        graph.library.function.append(function)
    if where == "function":
        add(graph, "StatefulPartitionedCall", "call", f=pb.NameAttrList(name="body"))
    message = f"node 'bad' is of the operation {op}, which reaches out of the model"
    with pytest.raises(UnsupportedError, match=message):
        TensorflowFormat().prepare(graph.SerializeToString())
    with pytest.raises(UnsupportedError, match=message):
        SavedModelFormat().prepare(build_saved(graph).SerializeToString())


def test_abort_in_a_graph_of_161_bytes_does_not_end_this_process() -> None:
    graph = begin(-1)
    add(graph, "Abort", "end", error_msg=b"bye")
    add(graph, "Identity", "y", ["x", "^end"], T=FLOAT)
    assert len(graph.SerializeToString()) < 170
    with pytest.raises(UnsupportedError, match="Abort"):
        TensorflowFormat().prepare(graph.SerializeToString())


@pytest.mark.parametrize("stream", [b"stdout", b"file:///tmp/x"])
def test_printing_elsewhere_than_to_the_log_is_refused(stream: bytes) -> None:
    graph = build_sum()
    constant(graph, "text", "hello", STRING)
    add(graph, "PrintV2", "print", ["text"], output_stream=stream, end=b"")
    with pytest.raises(UnsupportedError, match="prints to"):
        TensorflowFormat().prepare(graph.SerializeToString())


@pytest.mark.parametrize("op", ["NoSuchOperation", "Mutable\u00e9"])
def test_an_operation_that_is_not_known_is_refused(op: str) -> None:
    graph = begin()
    add(graph, op, "y", ["x"])
    with pytest.raises(UnsupportedError, match=r"which TensorFlow 2.* does not know"):
        TensorflowFormat().prepare(graph.SerializeToString())


def test_state_is_refused_unless_it_is_known() -> None:
    graph = begin()
    add(graph, "CudnnRNN", "y", ["x"])
    with pytest.raises(UnsupportedError, match="CudnnRNN, which keeps state"):
        TensorflowFormat().prepare(graph.SerializeToString())


@pytest.mark.parametrize("sizes", [(2**40,), (2**20, 2**20), (2**31, 2**31, 2**31)])
def test_one_number_that_stands_for_terabytes_is_refused(sizes: tuple[int, ...]) -> None:
    graph = begin()
    tensor = pb.TensorProto(dtype=FLOAT, tensor_shape=shape_of(*sizes), float_val=[1.0])
    add(graph, "Const", "big", dtype=FLOAT, value=tensor)
    add(graph, "AddV2", "y", ["x", "big"], T=FLOAT)
    with pytest.raises(
        UnsupportedError, match=r"node 'big' makes the model's constants take .* bytes more than they hold"
    ):
        TensorflowFormat().prepare(graph.SerializeToString())


@pytest.mark.parametrize("op", ["Fill", "BroadcastTo", "RandomUniform"])
def test_a_shape_that_is_filled_with_terabytes_is_refused(op: str) -> None:
    graph = begin()
    constant(graph, "shape", [2**20, 2**20], INT32)
    constant(graph, "one", 1.0)
    inputs = {"Fill": ["shape", "one"], "BroadcastTo": ["one", "shape"], "RandomUniform": ["shape"]}[op]
    types: dict[str, Any] = {
        "RandomUniform": {"dtype": FLOAT, "T": INT32},
        "Fill": {"T": FLOAT, "index_type": INT32},
    }.get(op, {"T": FLOAT, "Tidx": INT32})
    add(graph, op, "big", inputs, **types)
    add(graph, "AddV2", "y", ["x", "big"], T=FLOAT)
    with pytest.raises(UnsupportedError, match="bytes more than they hold"):
        TensorflowFormat().prepare(graph.SerializeToString())


def test_a_constant_of_a_shape_that_is_none_is_refused() -> None:
    graph = begin()
    add(graph, "Const", "odd", dtype=FLOAT, value=pb.TensorProto(dtype=FLOAT, tensor_shape=shape_of(-5)))
    add(graph, "AddV2", "y", ["x", "odd"], T=FLOAT)
    with pytest.raises(ModelFormatError, match=r"node 'odd' is a constant of the shape \[-5\], which is none"):
        TensorflowFormat().prepare(graph.SerializeToString())


def test_a_constant_of_another_type_than_it_says_is_refused() -> None:
    graph = begin()
    constant(graph, "c", [1.0, 2.0, 3.0])
    graph.node[-1].attr["value"].tensor.dtype = INT32
    add(graph, "AddV2", "y", ["x", "c"], T=FLOAT)
    with pytest.raises(ModelFormatError, match="node 'c' is a constant of another element type than it says"):
        TensorflowFormat().prepare(graph.SerializeToString())


def test_more_nodes_than_a_model_has_are_refused_before_they_are_read() -> None:
    with pytest.raises(UnsupportedError, match="nodes, more than the 1,000,000 that are read"):
        TensorflowFormat().prepare(build_sum().SerializeToString() + b"\x0a\x00" * (MAX_NODES + 1))


@pytest.mark.parametrize("deep", [200, 20_000])
def test_a_message_that_is_nested_deeply_is_refused(deep: int) -> None:
    attribute = pb.AttrValue(i=1).SerializeToString()
    for _ in range(deep):
        inner = b"\x0a\x01k\x12" + varint(len(attribute)) + attribute
        function = b"\x12" + varint(len(inner)) + inner
        attribute = b"\x52" + varint(len(function)) + function
    entry = b"\x0a\x01a\x12" + varint(len(attribute)) + attribute
    node = b"\x0a\x01n\x12\x04NoOp\x2a" + varint(len(entry)) + entry
    content = build_sum().SerializeToString() + b"\x0a" + varint(len(node)) + node
    with pytest.raises(ModelFormatError, match="not a sound TensorFlow graph"):
        TensorflowFormat().prepare(content)


def test_a_text_that_is_nested_deeply_is_refused() -> None:
    text = b"node { attr { value { list { " + b"func { attr { value { list { " * 5000
    with pytest.raises((ModelFormatError, RecursionError)):
        TensorflowFormat().prepare(text)


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def test_functions_that_call_each_other_for_ever_are_refused() -> None:
    body = pb.FunctionDef()
    add(body, "StatefulPartitionedCall", "again", ["v"], Tin=[FLOAT], Tout=[FLOAT], f=pb.NameAttrList(name="body"))
    body.ret["w"] = "again:output:0"
    with pytest.raises(UnsupportedError, match="function 'body' calls itself"):
        TensorflowFormat().prepare(build_call(body).SerializeToString())


def test_functions_that_grow_when_they_are_written_out_are_refused() -> None:
    graph = begin()
    for level in range(40):
        function = pb.FunctionDef(signature=pb.OpDef(name=f"f{level}"))
        for side in ("left", "right"):
            add(function, "PartitionedCall", side, f=pb.NameAttrList(name=f"f{level + 1}"))
        graph.library.function.append(function)
    graph.library.function.append(pb.FunctionDef(signature=pb.OpDef(name="f40")))
    add(graph, "PartitionedCall", "y", ["x"], f=pb.NameAttrList(name="f0"))
    with pytest.raises(UnsupportedError, match="nodes with the functions that it calls; 1,000,000 are read"):
        TensorflowFormat().prepare(graph.SerializeToString())


def restore(path: str) -> pb.SavedModel:
    """Make a SavedModel whose variable comes from a checkpoint elsewhere."""
    graph = begin()
    add(graph, "VarHandleOp", "v", dtype=FLOAT, shape=shape_of(3))
    add(graph, "ReadVariableOp", "read", ["v"], dtype=FLOAT)
    add(graph, "AddV2", "total", ["x", "read"], T=FLOAT)
    add(graph, "Placeholder", "file", dtype=STRING, shape=shape_of())
    constant(graph, "path", path, STRING)
    constant(graph, "names", ["v"], STRING)
    constant(graph, "slices", [""], STRING)
    add(graph, "RestoreV2", "restored", ["path", "names", "slices"], dtypes=[FLOAT])
    add(graph, "AssignVariableOp", "set", ["v", "restored"], dtype=FLOAT)
    saver = pb.SaverDef(filename_tensor_name="file:0", restore_op_name="set", version=pb.SaverDef.V2)
    return build_saved(graph, saver_def=saver)


def test_variables_from_another_file_are_refused() -> None:
    content = pack_tar({"saved_model.pb": restore("/etc/secret").SerializeToString()})
    with pytest.raises(
        UnsupportedError, match=r"node 'restored' \(RestoreV2\) reads a file that is none of the model's own"
    ):
        SavedModelFormat().prepare(content)


@pytest.mark.parametrize("how", ["constant", "assigned again", "in scoring"])
def test_a_table_from_another_file_is_refused(how: str) -> None:
    files = read_folder("saved_tf2")
    saved = pb.SavedModel.FromString(files["saved_model.pb"])
    graph = saved.meta_graphs[0].graph_def
    constant(graph, "passwords", "/etc/passwd", STRING)
    if how == "constant":
        next(node for node in graph.node if node.name == "StatefulPartitionedCall_1").input[0] = "passwords"
    elif how == "assigned again":
        add(graph, "AssignVariableOp", "again", ["Variable", "passwords"], dtype=STRING)
        next(node for node in graph.node if node.name == "NoOp").input.append("^again")
    else:
        function = next(each for each in graph.library.function if "inference_price" in each.signature.name)
        handle = next(each.name for each in function.signature.input_arg if "table_handle" in each.name)
        add(function, "InitializeTableFromTextFileV2", "fill", [handle, handle])
    content = pack_tar(files | {"saved_model.pb": saved.SerializeToString()})
    message = "changes or restores" if how == "in scoring" else "reads a file that is none of the model's own"
    with pytest.raises(UnsupportedError, match=message):
        SavedModelFormat().with_options({"signature": "price"}).prepare(content)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "x/../../colours.txt"])
def test_an_asset_outside_is_refused(name: str) -> None:
    files = read_folder("saved_tf2")
    saved = pb.SavedModel.FromString(files["saved_model.pb"])
    saved.meta_graphs[0].asset_file_def[0].filename = name
    with pytest.raises(ModelFormatError, match="is not there"):
        SavedModelFormat().with_options({"signature": "price"}).prepare(
            pack_tar(files | {"saved_model.pb": saved.SerializeToString()})
        )


def test_a_checkpoint_that_is_damaged_is_refused() -> None:
    files = read_folder("saved_keras")
    for path in ("variables/variables.index", "variables/variables.data-00000-of-00001"):
        damaged = bytes(255 - byte for byte in files[path])
        with pytest.raises((ModelFormatError, LimitError)):
            SavedModelFormat().prepare(pack_tar(files | {path: damaged}))


def test_nothing_is_written_where_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = SavedModelFormat().assemble(SavedModelFormat().prepare(pack_tar(read_folder("saved_keras"))))
    model.close()
    assert list(tmp_path.iterdir()) == []
