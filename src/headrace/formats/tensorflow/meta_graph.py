"""Which MetaGraph and signature of a SavedModel are meant, and the part of the graph that they need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from headrace.errors import DescriptorError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.choices import Choices
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.formats.tensorflow.reading import MAX_NODES
from headrace.formats.tensorflow.rules import refuse_hungry, refuse_reaching_out, refuse_unfit
from headrace.formats.tensorflow.slicing import Graph, split

_INIT = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_DEFAULT = "serving_default"


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """A MetaGraph, and the tensors of the signature that was chosen, by the names that the signature gives them."""

    meta_graph: pb.MetaGraphDef
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def select(saved: pb.SavedModel, choices: Choices) -> Selected:
    """Choose a MetaGraph and a signature.

    Raises ``DescriptorError`` that lists what there is, ``ModelFormatError`` and ``UnsupportedError``.
    """
    meta_graph = _select_meta_graph(saved, choices.tags)
    signature = meta_graph.signature_def[_select_signature(meta_graph, choices.signature)]
    outputs = _read_tensors(signature.outputs, "output")
    absent = [name for name in (*choices.outputs, *filter(None, [choices.argmax])) if name not in outputs]
    if absent:
        raise DescriptorError(f"the options name the output {absent[0]!r}; the signature has: {', '.join(outputs)}")
    wanted = choices.outputs or tuple(outputs)
    return Selected(meta_graph, _read_tensors(signature.inputs, "input"), {name: outputs[name] for name in wanted})


def cut_meta_graph(selected: Selected, assets: Collection[str]) -> set[str]:
    """Check a MetaGraph and cut it, in place, to what the signature and its loading need; gives the assets it reads.

    ``assets`` are the names of those that are there. Raises ``UnsupportedError`` and ``ModelFormatError``.
    """
    meta_graph = selected.meta_graph
    refuse_reaching_out(meta_graph.graph_def, checkpoints=True)
    refuse_hungry(meta_graph.graph_def)
    graph = Graph(meta_graph.graph_def)
    graph.refuse_expansion(MAX_NODES)
    scoring = graph.reach(split(each)[0] for each in (*selected.outputs.values(), *selected.inputs.values()))
    functions = frozenset(graph.functions)
    refuse_unfit(graph.run_by(scoring), functions)
    restoring, filling = _find_loading(meta_graph, graph)
    file_name = {split(meta_graph.saver_def.filename_tensor_name)[0]} - {""}
    named = {split(each.tensor_info.name)[0]: each.filename for each in meta_graph.asset_file_def}
    refuse_unfit(graph.run_by(restoring | filling), functions, loading=True)
    kept = scoring | restoring | filling
    graph.refuse_other_files(restoring, file_name, kept)
    graph.refuse_other_files(filling, named, kept)
    used = [each for each in meta_graph.asset_file_def if split(each.tensor_info.name)[0] in kept]
    for each in used:
        if each.filename not in assets:
            raise ModelFormatError(f"the asset {each.filename!r} is not there: archive the whole folder of the model")
    _rewrite(meta_graph, graph.cut(kept), used)
    return {each.filename for each in used}


def _select_meta_graph(saved: pb.SavedModel, tags: tuple[str, ...]) -> pb.MetaGraphDef:
    if not saved.meta_graphs:
        raise ModelFormatError("the SavedModel holds no MetaGraph")
    listed = [tuple(each.meta_info_def.tags) for each in saved.meta_graphs]
    shown = "; ".join(",".join(each) or "none" for each in listed)
    if not tags and len(listed) > 1:
        raise DescriptorError(
            f"the model holds {len(listed)} MetaGraphs: name the tags of one in the option tags: {shown}"
        )
    found = [each for each in saved.meta_graphs if not tags or set(each.meta_info_def.tags) == set(tags)]
    if len(found) != 1:
        raise DescriptorError(
            f"the model has {len(found) or 'no'} MetaGraphs of the tags {','.join(tags)}; it has: {shown}"
        )
    return found[0]


def _select_signature(meta_graph: pb.MetaGraphDef, wanted: str) -> str:
    signatures = meta_graph.signature_def
    names = sorted(name for name in signatures if not name.startswith("__"))
    if wanted:
        if wanted not in names:
            raise DescriptorError(f"the model has no signature {wanted!r}; it has: {', '.join(names) or 'none'}")
        return wanted
    if not names:
        raise UnsupportedError("the model has no signature: save it with one")
    if len({_describe(signatures[name]) for name in names}) > 1:
        raise DescriptorError(
            f"the model has {len(names)} signatures: name one in the option signature: {', '.join(names)}"
        )
    return _DEFAULT if _DEFAULT in names else names[0]


def _describe(signature: pb.SignatureDef) -> str:
    """Tell what a signature takes and gives, as text that is the same for equal ones."""

    def show(tensors: Mapping[str, pb.TensorInfo]) -> list[tuple[str, int, list[int]]]:
        return sorted(
            (name, info.dtype, [each.size for each in info.tensor_shape.dim]) for name, info in tensors.items()
        )

    return f"{show(signature.inputs)} {show(signature.outputs)}"


def _read_tensors(infos: Mapping[str, pb.TensorInfo], what: str) -> dict[str, str]:
    found = {}
    for name, info in sorted(infos.items()):
        if info.WhichOneof("encoding") != "name":
            raise UnsupportedError(f"the {what} {name!r} is no plain tensor: sparse and composite ones have no column")
        node, port = split(info.name)
        found[name] = f"{node}:{port}"
    if what == "output" and not found:
        raise UnsupportedError("the signature has no output")
    return found


def _find_loading(meta_graph: pb.MetaGraphDef, graph: Graph) -> tuple[set[str], set[str]]:
    """Give the nodes that restore variables, and those that fill tables."""
    saver = meta_graph.saver_def
    restore = [saver.restore_op_name, saver.filename_tensor_name] if saver.restore_op_name else []
    init = (
        [info.name for info in meta_graph.signature_def[_INIT].outputs.values()]
        if _INIT in meta_graph.signature_def
        else []
    )
    for collection in _INIT_COLLECTIONS:
        if collection in meta_graph.collection_def:
            init += meta_graph.collection_def[collection].node_list.value
    assets = [each.tensor_info.name for each in meta_graph.asset_file_def] if init else []
    return _reach(graph, restore), _reach(graph, [*init, *assets])


def _reach(graph: Graph, tensors: Iterable[str]) -> set[str]:
    return graph.reach(split(each)[0] for each in tensors if each)


def _rewrite(meta_graph: pb.MetaGraphDef, graph: pb.GraphDef, assets: Collection[pb.AssetFileDef]) -> None:
    init = pb.SignatureDef()
    if _INIT in meta_graph.signature_def:
        init.CopyFrom(meta_graph.signature_def[_INIT])
    kept = pb.MetaGraphDef(graph_def=graph, asset_file_def=assets)
    kept.meta_info_def.tags.extend(meta_graph.meta_info_def.tags)
    if meta_graph.saver_def.restore_op_name:
        kept.saver_def.CopyFrom(meta_graph.saver_def)
    if init.outputs:
        kept.signature_def[_INIT].CopyFrom(init)
    for collection in _INIT_COLLECTIONS:
        if collection in meta_graph.collection_def:
            kept.collection_def[collection].CopyFrom(meta_graph.collection_def[collection])
    meta_graph.CopyFrom(kept)
