"""Which operations a graph may hold. A graph is a program, so what is not known to be harmless is refused.

1. An operation that TensorFlow does not know is refused.
2. One that reaches out of the process, or of the session, is refused by name: files, Python, other processes, devices,
   queues, data sets, debuggers. So is what ends the process.
3. One that keeps state is refused unless it is listed here. Scoring may read variables and tables, never change them: a
   model keeps no state between calls.
4. Loading a SavedModel may fill variables from the model's own checkpoint and tables from its own assets; that an
   operation reads those files and no others is checked where the graph is cut (``slicing``).
5. A constant may not declare more elements than it holds bytes for, beyond some size: one number may stand for
   terabytes. The same holds for a shape that is filled.
"""

from __future__ import annotations

import ctypes as ct
import functools
import math
import re
from collections.abc import Iterable, Mapping

from headrace.errors import ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.library import load_library
from headrace.formats.tensorflow.proto import graph_pb2 as pb

MAX_FILLED = 256 * 2**20
"""Bytes that all constants and filled shapes of a graph may take beyond those that they bring."""
MAX_DIMENSIONS = 254

_DENIED = re.compile(
    r"""
      _(?!Fused).*                                    # TensorFlow's own, for what it makes of a graph itself
    | Abort | .*PyFunc.* | RemoteCall | .*Rpc.* | FileSystemSetConfiguration | WorkerHeartbeat
    | ReadFile | WriteFile | MatchingFiles | .*Reader(?:V2)? | Reader.*
    | LoadAndRemapMatrix | GenerateVocabRemapping | InitializeTableFromDataset | FixedUnigramCandidateSampler
    | (?:DecodeProto|EncodeProto).* | HostConst | RecordInput | CalibrationStatisticsSaver
    | .*Dataset.* | .*Iterator.* | .*Queue.* | .*Barrier.* | Stage.* | Unstage
    | (?:Ordered)?Map(?:Stage|Unstage|Peek|Clear|Size|Incomplete).*
    | .*Accumulator.* | .*Mutex.* | .*MemoryCache | .*Session(?:Handle|Tensor).* | .*StatsAggregator.*
    | Write.*Summary | .*Summary(?:File|Db)?Writer | ImportEvent | Debug.* | DumpTensor
    | (?:Save|Restore)(?:V2|Slices?)? | MergeV2Checkpoints | Sharded(?:Filename|Filespec)
    | DistributedSave | DTensor.*
    | (?:Host)?(?:Send|Recv) | Collective.* | Nccl.* | .*T(?:PU|pu).* | (?:Infeed|Outfeed).*
    | Xla(?:Launch|CallModule).*
    | Xla(?:Host|Send|Recv|CustomCall).*
    """,
    re.VERBOSE,
)
_CHECKPOINT = re.compile(
    r"(?:Save|Restore)(?:V2|Slices?)? | MergeV2Checkpoints | Sharded(?:Filename|Filespec)", re.VERBOSE
)
_CHANGES = re.compile(
    r"(?:Resource)?(?:Sparse)?Apply.* | Assign.*(?:VariableOp)?"
    r" | (?:Resource)?Scatter(?:Nd)?(?:Add|Sub|Mul|Div|Min|Max|Update)"
    r" | (?:Resource)?CountUpTo | LookupTable(?:Insert|Remove|Import).* | InitializeTable.* | DestroyResourceOp",
    re.VERBOSE,
)
_LOADS = re.compile(
    r"Assign | AssignVariableOp | RestoreV2 | InitializeTable(?:V2)? | InitializeTableFromTextFile(?:V2)?"
    r" | LookupTable(?:Import|Insert)(?:V2)?",
    re.VERBOSE,
)
_STATEFUL = re.compile(
    r"""
      If | While | Case | StatefulPartitionedCall | Assert | CheckNumerics(?:V2)? | Print(?:V2)? | Empty
    | GuaranteeConst | DeepCopy | DeviceIndex | Timestamp | DisableCopyOnRead
    | VarHandleOp | ReadVariableOp | VarIsInitializedOp | VariableShape
    | Variable(?:V2)? | ResourceGather(?:Nd)? | TemporaryVariable
    | (?:Anonymous)?(?:Mutable|MutableDense)?HashTable(?:OfTensors)?(?:V2)? | LookupTable(?:Find|Size|Export)V2
    | TensorArray.* | Stack(?:Push|Pop|Close)?(?:V2)?
    | Random(?:StandardNormal|Uniform|UniformInt|Shuffle|Gamma|Poisson|PoissonV2|Crop) | TruncatedNormal | Multinomial
    | ParameterizedTruncatedNormal | Stateful(?:Uniform|StandardNormal|TruncatedNormal|RandomBinomial).*
    | Rng(?:Skip|ReadAndSkip) | StatelessRandomGetAlg | NonDeterministicInts
    | (?:All|Uniform|LogUniform|LearnedUnigram)CandidateSampler
    """,
    re.VERBOSE,
)
_FILLS = {"Fill": 0, "RandomUniform": 0, "RandomStandardNormal": 0, "TruncatedNormal": 0, "Empty": 0, "BroadcastTo": 1}
_SIZES: Mapping[int, int] = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 7: 24, 8: 8, 9: 8, 10: 1, 18: 16, 22: 4, 23: 8}


@functools.cache
def _read_registry() -> Mapping[str, bool]:
    """Give TensorFlow's operations, and whether each keeps state."""
    buffer = load_library().quick.TF_GetAllOpList()
    listed = pb.OpList.FromString(ct.string_at(buffer.contents.data, buffer.contents.length))
    load_library().quick.TF_DeleteBuffer(buffer)
    return {each.name: each.is_stateful for each in listed.op}


def refuse_reaching_out(graph: pb.GraphDef, *, checkpoints: bool) -> None:
    """Refuse a graph that holds a forbidden operation anywhere, its library of functions included.

    ``checkpoints`` are what a SavedModel is saved and restored by: they stand there and are judged where they run.
    Raises ``UnsupportedError`` that names the node.
    """
    for where, nodes in _list_nodes(graph):
        for node in nodes:
            if _DENIED.fullmatch(node.op) and not (checkpoints and _CHECKPOINT.fullmatch(node.op)):
                raise UnsupportedError(
                    f"{where}node {node.name!r} is of the operation {node.op}, which reaches out of the model: "
                    "export the model for inference, without it"
                )
            stream = node.attr["output_stream"].s if "output_stream" in node.attr else b"stderr"
            if node.op == "PrintV2" and not (stream == b"stderr" or stream.startswith(b"log(")):
                raise UnsupportedError(f"{where}node {node.name!r} prints to {stream.decode(errors='replace')!r}")


def refuse_unfit(nodes: Iterable[tuple[str, pb.NodeDef]], functions: frozenset[str], *, loading: bool = False) -> None:
    """Refuse nodes that are to run and may not; ``loading`` is what fills variables and tables.

    Raises ``UnsupportedError`` that names the node.
    """
    known = _read_registry()
    for where, node in nodes:
        if node.op in functions:
            continue
        if node.op not in known:
            raise UnsupportedError(
                f"{where}node {node.name!r} is of the operation {node.op!r}, which TensorFlow "
                f"{load_library().version} does not know"
            )
        if loading and _LOADS.fullmatch(node.op):
            continue
        if _CHECKPOINT.fullmatch(node.op) or _CHANGES.fullmatch(node.op):
            raise UnsupportedError(
                f"{where}node {node.name!r} ({node.op}) changes or restores what the model keeps, when it scores: "
                "export the model for inference"
            )
        if known[node.op] and not _STATEFUL.fullmatch(node.op):
            raise UnsupportedError(f"{where}node {node.name!r} is of the operation {node.op}, which keeps state")


def refuse_hungry(graph: pb.GraphDef) -> None:
    """Refuse constants and shapes that declare far more than they hold.

    Raises ``ModelFormatError`` for what is no shape, and ``UnsupportedError``.
    """
    filled = 0
    for where, nodes in _list_nodes(graph):
        shapes = {node.name: node.attr["value"].tensor for node in nodes if node.op == "Const" and "value" in node.attr}
        for node in nodes:
            place = f"{where}node {node.name!r}"
            if node.op == "Const" and node.name in shapes:
                tensor = shapes[node.name]
                if "dtype" in node.attr and tensor.dtype != node.attr["dtype"].type:  # TensorFlow ends the process
                    raise ModelFormatError(f"{place} is a constant of another element type than it says")
                filled += max(0, _measure(tensor.tensor_shape, tensor.dtype, place) - tensor.ByteSize())
            elif node.op in _FILLS and len(node.input) > _FILLS[node.op]:
                shape = shapes.get(node.input[_FILLS[node.op]].partition(":")[0])
                filled += 0 if shape is None else math.prod(_read_integers(shape)) * 4
            if filled > MAX_FILLED:
                raise UnsupportedError(
                    f"{place} makes the model's constants take {filled:,} bytes more than they hold; "
                    f"{MAX_FILLED:,} are allowed"
                )


def _measure(shape: pb.TensorShapeProto, kind: int, place: str) -> int:
    sizes = [each.size for each in shape.dim]
    if len(sizes) > MAX_DIMENSIONS or any(size < 0 for size in sizes) or shape.unknown_rank:
        raise ModelFormatError(f"{place} is a constant of the shape {sizes[:8]}, which is none")
    return math.prod(sizes) * _SIZES.get(kind, 4)


def _read_integers(tensor: pb.TensorProto) -> list[int]:
    """Read a constant's integers; negative ones count as nothing."""
    listed = [*tensor.int_val, *tensor.int64_val]
    if tensor.tensor_content and tensor.dtype in {pb.DT_INT32, pb.DT_INT64}:
        size = 4 if tensor.dtype == pb.DT_INT32 else 8
        content = tensor.tensor_content[: size * MAX_DIMENSIONS]
        listed = [
            int.from_bytes(content[at : at + size], "little", signed=True)
            for at in range(0, len(content) - size + 1, size)
        ]
    elif len(listed) == 1:
        listed *= min(math.prod(each.size for each in tensor.tensor_shape.dim), MAX_DIMENSIONS)
    return [max(each, 0) for each in listed[:MAX_DIMENSIONS]]


def _list_nodes(graph: pb.GraphDef) -> Iterable[tuple[str, Iterable[pb.NodeDef]]]:
    yield "", graph.node
    for function in graph.library.function:
        yield f"function {function.signature.name!r}, ", function.node_def
