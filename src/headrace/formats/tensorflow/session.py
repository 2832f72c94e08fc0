"""Sessions of TensorFlow: made from a checked graph or SavedModel, and called with arrays.

TensorFlow rewrites a graph at its first call, which takes about 6 s for constants of 100 MiB. Small graphs gain by it
and wait little; graphs above ``REWRITTEN`` run as they are, since a model is not to keep a loader busy for that long.
"""

from __future__ import annotations

import contextlib
import ctypes as ct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.formats.tensorflow.library import Buffer, Library, Output, TensorflowError, load_library
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.formats.tensorflow.tensors import Tensor, make_tensor, read_tensor

REWRITTEN = 4 * 2**20
"""Up to how many bytes a graph is rewritten."""
_INVALID_ARGUMENT = 3


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How sessions run. The first one of a process settles ``intra_op_threads`` for all of them."""

    intra_op_threads: int = 1
    inter_op_threads: int = 1

    def to_bytes(self, *, rewritten: bool = True) -> bytes:
        """Write them as TensorFlow reads them; with one thread all runs in that of the caller."""
        rewriting = pb.RewriterConfig(disable_meta_optimizer=not rewritten)
        return pb.ConfigProto(
            intra_op_parallelism_threads=self.intra_op_threads,
            inter_op_parallelism_threads=-1 if self.inter_op_threads == 1 else self.inter_op_threads,
            allow_soft_placement=True,
            graph_options=pb.GraphOptions(rewrite_options=rewriting),
        ).SerializeToString()


class Session:
    """A graph that is ready to be run, from several threads at a time."""

    def __init__(self, library: Library, graph: int, handle: int) -> None:
        self._library, self._graph, self._handle = library, graph, handle

    def call(self, inputs: Sequence[str], outputs: Sequence[str]) -> Call:
        """Make ready a call of tensors by their names, ``node:0``. Raises ``TensorflowError`` for one that is not."""
        return Call(
            self._library,
            self._handle,
            [self.find(name) for name in inputs],
            [self.find(name) for name in outputs],
        )

    def find(self, name: str) -> Output:
        """Find a tensor by its name."""
        node, _, port = name.rpartition(":")
        operation = self._library.quick.TF_GraphOperationByName(self._graph, node.encode())
        if operation is None or int(port) >= self._library.quick.TF_OperationNumOutputs(operation):
            raise TensorflowError(_INVALID_ARGUMENT, f"there is no tensor {name!r} in the graph")
        return Output(operation, int(port))

    def count_outputs(self, node: str) -> int:
        """Count the outputs of a node."""
        return int(self._library.quick.TF_OperationNumOutputs(self.find(f"{node}:0").operation))

    def read_type(self, name: str) -> int:
        """Give a tensor's element type, by TensorFlow's number."""
        return int(self._library.quick.TF_OperationOutputType(self.find(name)))

    def read_shape(self, name: str) -> tuple[int, ...] | None:
        """Give a tensor's dimensions as TensorFlow infers them: -1 is any size, None any dimensions."""
        output, quick = self.find(name), self._library.quick
        with _checked(self._library) as status:
            count = quick.TF_GraphGetTensorNumDims(self._graph, output, status)
        if count < 0:
            return None
        sizes = (ct.c_int64 * count)()
        with _checked(self._library) as status:
            quick.TF_GraphGetTensorShape(self._graph, output, sizes, count, status)
        return tuple(sizes)

    def close(self) -> None:
        """Give back the session and its graph; a second time does nothing."""
        graph, self._graph = self._graph, 0
        if graph:
            _close(self._library, self._handle)
            self._library.slow.TF_DeleteGraph(graph)


class Call:
    """One way to run a graph: which tensors are fed, which fetched."""

    def __init__(self, library: Library, session: int, inputs: list[Output], outputs: list[Output]) -> None:
        self._library, self._session = library, session
        self._kinds = [library.quick.TF_OperationOutputType(each) for each in inputs]
        self._inputs = (Output * len(inputs))(*inputs)
        self._outputs = (Output * len(outputs))(*outputs)
        self._given, self._found = ct.c_void_p * len(inputs), ct.c_void_p * len(outputs)

    def run(self, arrays: Sequence[Tensor]) -> list[Tensor]:
        """Run the graph on arrays in the order of the inputs. Raises ``TensorflowError``."""
        library, quick = self._library, self._library.quick
        made = [make_tensor(library, kind, array) for kind, array in zip(self._kinds, arrays, strict=True)]
        given, found = self._given(*(tensor for tensor, _ in made)), self._found()
        status = library.status()
        library.slow.TF_SessionRun(
            self._session,
            None,
            self._inputs,
            given,
            len(given),
            self._outputs,
            found,
            len(found),
            None,
            0,
            None,
            status,
        )
        try:
            library.check(status)
            return [read_tensor(library, tensor or 0) for tensor in found]
        finally:
            for tensor in (*given, *found):
                if tensor:
                    quick.TF_DeleteTensor(tensor)


def open_graph(content: Tensor, settings: SessionSettings) -> Session:
    """Make a session from a ``GraphDef`` as an array of bytes. Raises ``TensorflowError``."""
    library = load_library()
    graph = library.quick.TF_NewGraph()
    options = library.quick.TF_NewImportGraphDefOptions()
    buffer = Buffer(content.ctypes.data, content.nbytes, None)
    try:
        with _checked(library) as status:
            library.slow.TF_GraphImportGraphDef(graph, ct.byref(buffer), options, status)
        config = settings.to_bytes(rewritten=content.nbytes <= REWRITTEN)
        with _options(library, config) as given, _checked(library) as status:
            handle = library.slow.TF_NewSession(graph, given, status)
    except TensorflowError:
        library.slow.TF_DeleteGraph(graph)
        raise
    finally:
        library.quick.TF_DeleteImportGraphDefOptions(options)
    return Session(library, graph, handle)


def warm_up(settings: SessionSettings) -> None:
    """Load the library and run a first graph: threads and kernels are set up once."""
    graph = pb.GraphDef(versions=pb.VersionDef(producer=27))
    given = graph.node.add(name="x", op="Placeholder")
    given.attr["dtype"].type = pb.DT_FLOAT
    graph.node.add(name="y", op="Identity", input=["x"]).attr["T"].type = pb.DT_FLOAT
    session = open_graph(np.frombuffer(graph.SerializeToString(), np.uint8), settings)
    session.call(["x:0"], ["y:0"]).run([np.zeros(1, np.float32)])
    session.close()


def open_saved(files: Mapping[str, Tensor], tags: Sequence[str], settings: SessionSettings) -> Session:
    """Make a session from the files of a SavedModel, which are in memory only. Raises ``TensorflowError``."""
    library = load_library()
    graph = library.quick.TF_NewGraph()
    names = (ct.c_char_p * len(tags))(*(tag.encode() for tag in tags))
    try:
        with (
            _in_memory(library, files) as folder,
            _options(library, settings.to_bytes()) as given,
            _checked(library) as status,
        ):
            handle = library.slow.TF_LoadSessionFromSavedModel(
                given, None, folder.encode(), names, len(tags), graph, None, status
            )
    except TensorflowError:
        library.slow.TF_DeleteGraph(graph)
        raise
    return Session(library, graph, handle)


@contextlib.contextmanager
def _in_memory(library: Library, files: Mapping[str, Tensor]) -> Iterator[str]:
    """Put files where TensorFlow alone sees them, its file system in memory: no disk, nothing left behind."""
    folder = f"ram://headrace-{uuid.uuid4().hex}"
    try:
        for path in ["", *sorted({path.rpartition("/")[0] for path in files} - {""})]:
            with _checked(library) as status:
                library.quick.TF_CreateDir(f"{folder}/{path}".rstrip("/").encode(), status)
        for path, content in files.items():
            _write(library, f"{folder}/{path}", content)
        yield folder
    finally:
        status = library.status()
        library.slow.TF_DeleteRecursively(folder.encode(), ct.byref(ct.c_int64()), ct.byref(ct.c_int64()), status)
        library.quick.TF_DeleteStatus(status)


def _write(library: Library, path: str, content: Tensor) -> None:
    handle = ct.c_void_p()
    with _checked(library) as status:
        library.quick.TF_NewWritableFile(path.encode(), ct.byref(handle), status)
    with _checked(library) as status:
        library.slow.TF_AppendWritableFile(handle, content.ctypes.data, content.nbytes, status)
    with _checked(library) as status:
        library.quick.TF_CloseWritableFile(handle, status)


@contextlib.contextmanager
def _options(library: Library, config: bytes) -> Iterator[Any]:
    options = library.quick.TF_NewSessionOptions()
    try:
        with _checked(library) as status:
            library.quick.TF_SetConfig(options, config, len(config), status)
        yield options
    finally:
        library.quick.TF_DeleteSessionOptions(options)


@contextlib.contextmanager
def _checked(library: Library) -> Iterator[int]:
    """Give a status to a call and raise what it says. Raises ``TensorflowError``."""
    status = library.status()
    yield status
    library.check(status)


def _close(library: Library, handle: int) -> None:
    for function in (library.slow.TF_CloseSession, library.slow.TF_DeleteSession):
        status = library.status()
        function(handle, status)
        library.quick.TF_DeleteStatus(status)
