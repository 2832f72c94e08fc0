"""SavedModels: MetaGraphs, signatures, variables, vocabularies, and that TensorFlow predicted the same."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from google.protobuf import text_format

from headrace.abc.model import Model, Prepared
from headrace.errors import DescriptorError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow import SavedModelFormat, TensorflowFormat
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.loading import pack_folder
from headrace.records import Field
from tests.formats.tensorflow.building import (
    DATA,
    FLOAT,
    add,
    begin,
    build_saved,
    build_sum,
    check_predictions,
    pack_tar,
    pack_zip,
    read_folder,
)

CHOSEN = {
    "saved_tf1": ("saved_tf1", {"tags": "serve"}),
    "saved_tf1_double": ("saved_tf1", {"tags": "double, serve"}),
    "saved_tf2": ("saved_tf2", {"signature": "price"}),
    "saved_keras": ("saved_keras", {}),
}


def load(content: bytes, options: Mapping[str, str] | None = None) -> Model:
    prepared = SavedModelFormat().with_options(options or {}).prepare(content)
    return SavedModelFormat().assemble(prepared)


@pytest.mark.parametrize("case", sorted(CHOSEN))
def test_scores_are_those_of_tensorflow(case: str) -> None:
    folder, options = CHOSEN[case]
    model = load(pack_tar(read_folder(folder)), options)
    check_predictions(model, case)
    model.close()


def test_the_signature_is_that_of_the_signature_def() -> None:
    model = load(pack_folder(DATA / "saved_tf2", 10**9), {"signature": "price", "outputs": "price,name"})
    assert model.signature.inputs == (Field("colour", "string"), Field("size", "float"))
    assert model.signature.outputs == (Field("price", "float"), Field("name", "string"))


@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz", "zip"])
@pytest.mark.parametrize("folder", ["", "some/where/"])
def test_archives_of_every_kind_are_read(packing: str, folder: str) -> None:
    files = {f"{folder}{path}": content for path, content in read_folder("saved_keras").items()}
    content = pack_zip(files) if packing == "zip" else pack_tar(files, packing)
    assert SavedModelFormat().recognises(content)
    assert load(content).signature.inputs == (Field("winedata", "float", (11,)),)


def test_a_text_is_read_and_a_message_alone() -> None:
    saved = build_saved(build_sum())
    text = text_format.MessageToString(saved).encode()
    for content in (saved.SerializeToString(), text, pack_zip({"saved_model.pbtxt": text})):
        assert SavedModelFormat().recognises(content)
        assert not TensorflowFormat().recognises(content)
        assert load(content).score_one({"x": [1, 2, 3]}) == {"out": 6.0}


@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        ("saved_tf1", {}, "holds 2 MetaGraphs: name the tags of one in the option tags: serve; serve,double"),
        ("saved_tf1", {"tags": "gpu"}, "no MetaGraphs of the tags gpu; it has: serve; serve,double"),
        ("saved_tf2", {}, "2 signatures: name one in the option signature: price, total"),
        ("saved_tf2", {"signature": "cost"}, "no signature 'cost'; it has: price, total"),
        (
            "saved_tf2",
            {"signature": "price", "outputs": "cost"},
            "the output 'cost'; the signature has: name, place, price",
        ),
        (
            "saved_tf2",
            {"signature": "price", "argmax": "name"},
            "argmax names 'name'; outputs of several numbers are: none",
        ),
        ("saved_tf2", {"inputs": "x"}, "has no option 'inputs'; there are: tags, signature, outputs, argmax"),
    ],
)
def test_what_is_asked_for_and_not_there_is_told(folder: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(DescriptorError, match=message):
        load(pack_tar(read_folder(folder)), options)


def test_only_what_runs_is_handed_over() -> None:
    content = pack_tar(read_folder("saved_tf2") | {"assets/other.txt": b"x", "assets.extra/big": b"x" * 9})
    prepared = SavedModelFormat().with_options({"signature": "total"}).prepare(content)
    saved = pb.SavedModel.FromString(prepared.arrays["saved_model.pb"].tobytes())
    operations = {node.op for node in saved.meta_graphs[0].graph_def.node}
    assert "SaveV2" not in operations
    assert not any("save" in each.signature.name for each in saved.meta_graphs[0].graph_def.library.function)
    assert sorted(prepared.arrays) == [
        "assets/colours.txt",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]


def test_what_was_not_prepared_here_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="what was prepared is not a SavedModel"):
        SavedModelFormat().assemble(Prepared({}, {}))


@pytest.mark.parametrize("gone", ["variables/variables.index", "variables/variables.data-00000-of-00001"])
def test_a_model_without_its_variables_is_refused(gone: str) -> None:
    files = read_folder("saved_keras")
    del files[gone]
    with pytest.raises(ModelFormatError, match="not a sound"):
        load(pack_tar(files))


def test_a_model_without_its_vocabulary_is_refused() -> None:
    files = read_folder("saved_tf2")
    del files["assets/colours.txt"]
    with pytest.raises(ModelFormatError, match=r"the asset 'colours\.txt' is not there: archive the whole folder"):
        load(pack_tar(files), {"signature": "price"})


def test_an_archive_without_a_model_or_with_two_is_refused() -> None:
    with pytest.raises(ModelFormatError, match=r"should hold one SavedModel.*it holds none"):
        load(pack_zip({"readme.txt": b"x"}))
    with pytest.raises(ModelFormatError, match="it holds 2 of them: a, b"):
        load(pack_zip({"a/saved_model.pb": b"x", "b/saved_model.pb": b"x"}))


def test_a_signature_of_a_sparse_tensor_is_refused() -> None:
    saved = build_saved(build_sum())
    saved.meta_graphs[0].signature_def["serving_default"].inputs["x"].coo_sparse.values_tensor_name = "x:0"
    with pytest.raises(UnsupportedError, match="the input 'x' is no plain tensor"):
        load(saved.SerializeToString())


def test_state_that_scoring_changes_is_refused() -> None:
    graph = begin()
    add(graph, "VarHandleOp", "v", dtype=FLOAT)
    add(graph, "AssignVariableOp", "set", ["v", "x"], dtype=FLOAT)
    add(graph, "ReadVariableOp", "total", ["v", "^set"], dtype=FLOAT)
    with pytest.raises(UnsupportedError, match=r"node 'set' \(AssignVariableOp\) changes or restores"):
        load(build_saved(graph).SerializeToString())


def test_a_folder_is_packed_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")
    packed = pack_folder(tmp_path, 100)
    (tmp_path / "a").touch()
    assert packed == pack_folder(tmp_path, 100)
    with pytest.raises(UnsupportedError, match="holds more than 1 bytes"):
        pack_folder(tmp_path, 1)
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(DescriptorError, match="is a link: put the file itself"):
        pack_folder(tmp_path, 100)
