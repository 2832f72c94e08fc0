"""The format of frozen TensorFlow graphs: bytes to a model, by TensorFlow's C library."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from headrace.abc.model import Model, Prepared
from headrace.errors import ConfigurationError, DescriptorError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.choices import Choices, read_choices
from headrace.formats.tensorflow.library import TensorflowError, explain
from headrace.formats.tensorflow.model import TensorflowModel
from headrace.formats.tensorflow.ports import Ports, read_ports
from headrace.formats.tensorflow.reading import MAX_NODES, looks_like_graph, read_graph
from headrace.formats.tensorflow.rules import refuse_hungry, refuse_reaching_out, refuse_unfit
from headrace.formats.tensorflow.session import Session, SessionSettings, open_graph, warm_up
from headrace.formats.tensorflow.slicing import Graph, split
from headrace.formats.tensorflow.trial import try_out

_WHAT = "TensorFlow graph"
_NO_OUTPUT = frozenset({"NoOp", "Const", "Placeholder", "PlaceholderWithDefault", "Assert", "PrintV2"})


class TensorflowFormat:
    """Frozen graphs, binary or text, of TensorFlow 1 and 2.

    ``intra_op_threads`` is how many threads work on one operation, in all TensorFlow models of the process;
    ``inter_op_threads`` how many operations of a model run side by side. Raises ``ConfigurationError``.
    """

    name = "tensorflow"

    def __init__(self, intra_op_threads: int = 1, inter_op_threads: int = 1) -> None:
        self._settings = read_settings(intra_op_threads, inter_op_threads)
        self._choices = Choices()

    def with_options(self, options: Mapping[str, str]) -> TensorflowFormat:
        """Give the format as a publication asks for it: ``inputs``, ``outputs``, ``argmax``.

        Raises ``DescriptorError``.
        """
        made = TensorflowFormat(self._settings.intra_op_threads, self._settings.inter_op_threads)
        made._choices = read_choices(options, ("inputs", "outputs", "argmax"), self.name)
        return made

    def load_library(self) -> None:
        """Load TensorFlow's library and make a first session, which take a second or two.

        Raises ``MissingExtraError`` and ``ConfigurationError``.
        """
        warm_up(self._settings)

    def recognises(self, content: bytes) -> bool:
        """Tell from the top of the bytes whether this may be a graph."""
        return looks_like_graph(content)

    def prepare(self, content: bytes) -> Prepared:
        """Check the bytes, cut the graph to what runs, and make a session once, to read the signature.

        Raises ``ModelFormatError``, ``UnsupportedError``, ``DescriptorError``, ``LimitError`` or ``MissingExtraError``.
        """
        read = read_graph(content)
        refuse_reaching_out(read, checkpoints=False)
        refuse_hungry(read)
        graph = Graph(read)
        graph.refuse_expansion(MAX_NODES)
        outputs = [split(each)[0] for each in self._choices.outputs] or find_sinks(graph)
        _refuse_absent(graph, (*self._choices.inputs, *outputs))
        names = graph.reach([*outputs, *(split(each)[0] for each in self._choices.inputs)])
        refuse_unfit(graph.run_by(names), frozenset(graph.functions))
        _refuse_variables(graph, names)
        cut = np.frombuffer(graph.cut(names).SerializeToString(), np.uint8)
        try:
            session = open_graph(cut, self._settings)
            try:
                ports = self._read_ports(session, graph, names, outputs)
                ports = try_out(session, ports)
            finally:
                session.close()
        except TensorflowError as error:
            raise explain(error, _WHAT) from error
        return Prepared({"ports": msgspec.to_builtins(ports)}, {"graph": cut})

    def _read_ports(self, session: Session, graph: Graph, names: set[str], sinks: list[str]) -> Ports:
        inputs = self._choices.inputs or [
            name for name, node in graph.nodes.items() if name in names and node.op == "Placeholder"
        ]
        outputs = self._choices.outputs or [
            name if count == 1 else f"{name}:{port}"
            for name in sinks
            for count in (session.count_outputs(name),)
            for port in range(count)
        ]
        return read_ports(session, name_tensors(inputs), name_tensors(outputs), self._choices.argmax)

    def assemble(self, prepared: Prepared) -> Model:
        """Make the session. Raises ``ModelFormatError``."""
        try:
            ports = msgspec.convert(prepared.plan["ports"], Ports)
            graph = prepared.arrays["graph"]
        except (KeyError, msgspec.ValidationError) as error:
            raise ModelFormatError(f"what was prepared is not a {_WHAT}: {error}") from error
        try:
            return TensorflowModel(open_graph(graph, self._settings), ports)
        except TensorflowError as error:
            raise explain(error, _WHAT) from error

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Pass: a graph carries no verification of its own."""


def read_settings(intra_op_threads: int, inter_op_threads: int) -> SessionSettings:
    """Check the numbers of threads. Raises ``ConfigurationError``."""
    if intra_op_threads < 0 or inter_op_threads < 0:
        raise ConfigurationError("a number of threads is 0 (as many as TensorFlow likes) or more")
    return SessionSettings(intra_op_threads, inter_op_threads)


def find_sinks(graph: Graph) -> list[str]:
    """Find what a graph computes: nodes that depend on an input and that nothing takes.

    Raises ``ModelFormatError`` where there is none.
    """
    fed = graph.depend_on(name for name, node in graph.nodes.items() if node.op == "Placeholder")
    taken = {split(each)[0] for node in graph.nodes.values() for each in node.input if not each.startswith("^")}
    sinks = [name for name in fed if name not in taken and graph.nodes[name].op not in _NO_OUTPUT]
    if not sinks:
        raise ModelFormatError("the graph computes nothing from an input: it has no placeholder, or nothing takes one")
    return sinks


def name_tensors(names: tuple[str, ...] | list[str]) -> dict[str, str]:
    """Give each tensor's name in the signature and in TensorFlow: ``x`` and ``x:0`` are ``x``, ``x:1`` stays."""
    tensors = [split(name) for name in names]
    return {(node if port == 0 else f"{node}:{port}"): f"{node}:{port}" for node, port in tensors}


def _refuse_absent(graph: Graph, names: tuple[str, ...]) -> None:
    for name in names:
        if split(name)[0] not in graph.nodes:
            some = [each for each, node in graph.nodes.items() if node.op == "Placeholder"][:5]
            raise DescriptorError(
                f"the options name {name!r}, and the graph has no such node; its inputs are {', '.join(some)}, "
                f"its outputs {', '.join(find_sinks(graph)[:5])}"
            )


def _refuse_variables(graph: Graph, names: set[str]) -> None:
    for _, node in graph.run_by(names):
        if node.op in {"Variable", "VariableV2", "VarHandleOp"}:
            raise UnsupportedError(
                f"node {node.name!r} is a variable, whose value the graph does not hold: freeze the graph first, "
                "or publish a SavedModel"
            )
