"""The part of a graph that runs: everything else is cut away before TensorFlow sees it.

Nodes are followed from some roots up through their inputs, control inputs included, and into the functions that they
call. Devices and colocations are dropped: the model runs here, on the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from headrace.errors import ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.proto import graph_pb2 as pb

_FORWARDS = frozenset({"Identity", "PlaceholderWithDefault"})
_HAS_CONDITION = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
_FILE_INPUTS = {"RestoreV2": 0, "InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1}
"""Operations that read a file, and which of their inputs names it."""
_VARIABLE_TAKERS = frozenset({"ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp", "NoOp"})

Nodes = Mapping[str, pb.NodeDef]


class Graph:
    """A graph's nodes and functions by their names. Raises ``ModelFormatError`` for names that are there twice."""

    def __init__(self, graph: pb.GraphDef) -> None:
        self.nodes: Nodes = {node.name: node for node in graph.node}
        self.functions = {each.signature.name: each for each in graph.library.function}
        if len(self.nodes) != len(graph.node) or "" in self.nodes:
            raise ModelFormatError("the graph has nodes of the same name, or without one")
        if len(self.functions) != len(graph.library.function):
            raise ModelFormatError("the graph has functions of the same name")
        self._versions = graph.versions

    def reach(self, roots: Iterable[str]) -> set[str]:
        """Give the names of the nodes that some nodes need, themselves among them."""
        reached: set[str] = set()
        left = list(roots)
        while left:
            name = left.pop()
            if name in reached:
                continue
            if name not in self.nodes:
                raise ModelFormatError(f"the graph has no node {name!r}, which something in it takes")
            reached.add(name)
            left += (split(each)[0] for each in self.nodes[name].input)
        return reached

    def depend_on(self, roots: Iterable[str]) -> list[str]:
        """Give the names of the nodes that some nodes' outputs reach, themselves among them, in the graph's order."""
        takers: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            for each in node.input:
                takers.setdefault(split(each)[0], []).append(name)
        reached: set[str] = set()
        left = list(roots)
        while left:
            name = left.pop()
            if name not in reached:
                reached.add(name)
                left += takers.get(name, ())
        return [name for name in self.nodes if name in reached]

    def call(self, names: Iterable[str]) -> list[str]:
        """Give the functions that some nodes call, and those that these call."""
        called: dict[str, None] = {}
        left = [each for name in names for each in self._find_called(self.nodes[name])]
        while left:
            name = left.pop()
            if name not in called:
                called[name] = None
                left += (each for node in self.functions[name].node_def for each in self._find_called(node))
        return list(called)

    def refuse_expansion(self, most: int) -> None:
        """Refuse functions that call themselves, and those that are more than so many nodes with all that they call.

        TensorFlow writes a function out wherever it is called. Raises ``UnsupportedError``.
        """
        sizes: dict[str, int] = {}
        for root in self.functions:
            left = [(root, False)]
            open_calls: set[str] = set()
            while left:
                name, called = left.pop()
                if name in sizes:
                    continue
                found = [each for node in self.functions[name].node_def for each in self._find_called(node)]
                if called:
                    open_calls.discard(name)
                    sizes[name] = len(self.functions[name].node_def) + sum(sizes[each] for each in found)
                    continue
                if any(each in open_calls or each == name for each in found):
                    raise UnsupportedError(f"function {name!r} calls itself, or another that calls it")
                open_calls.add(name)
                left += [(name, True), *((each, False) for each in found)]
        total = sum(sizes[each] for node in self.nodes.values() for each in self._find_called(node))
        if total > most:
            raise UnsupportedError(f"the graph is {total:,} nodes with the functions that it calls; {most:,} are read")

    def run_by(self, names: Collection[str]) -> Iterator[tuple[str, pb.NodeDef]]:
        """Give some nodes and those of the functions that they call, each with where it stands."""
        for name in names:
            yield "", self.nodes[name]
        for function in self.call(names):
            for node in self.functions[function].node_def:
                yield f"function {function!r}, ", node

    def cut(self, names: Collection[str]) -> pb.GraphDef:
        """Give a graph of some nodes, in their order, and of what they call."""
        graph = pb.GraphDef(versions=self._versions)
        graph.node.extend(node for name, node in self.nodes.items() if name in names)
        called = set(self.call(names))
        graph.library.function.extend(each for name, each in self.functions.items() if name in called)
        for nodes in (graph.node, *(each.node_def for each in graph.library.function)):
            for node in nodes:
                node.device = ""
                node.attr.pop("_class", None)
        return graph

    def refuse_other_files(self, names: Collection[str], given: Collection[str], kept: Collection[str]) -> None:
        """Refuse nodes that read a file which none of the ``given`` nodes names; ``kept`` is all that runs ever.

        Raises ``UnsupportedError``.
        """

        def is_given(tensor: str) -> bool:
            for _ in range(len(self.nodes)):
                name = split(tensor)[0]
                if name in given:
                    return True
                node = self.nodes[name]
                if node.op == "ReadVariableOp" and node.input:
                    assigned = self._find_assigned(split(node.input[0])[0], kept)
                    return bool(assigned) and assigned <= set(given)
                if node.op not in _FORWARDS or not node.input:
                    return False
                tensor = node.input[0]
            return False

        self._check_files((self.nodes[name] for name in names), is_given, set())

    def _find_assigned(self, handle: str, kept: Collection[str]) -> set[str]:
        """Give what is assigned to a variable, or nothing where that cannot be told."""
        if self.nodes[handle].op != "VarHandleOp":
            return set()
        name = _name_variable(self.nodes[handle])
        same = [node.name for _, node in self.run_by(kept) if node.op == "VarHandleOp" and _name_variable(node) == name]
        takers = [node for each in kept for node in (self.nodes[each],) if handle in map(_name_node, node.input)]
        if same != [handle] or any(node.op not in _VARIABLE_TAKERS for node in takers):
            return set()
        return {_name_node(node.input[1]) for node in takers if node.op == "AssignVariableOp" and len(node.input) > 1}

    def _check_files(
        self, nodes: Iterable[pb.NodeDef], is_given: Callable[[str], bool], seen: set[tuple[str, tuple[bool, ...]]]
    ) -> None:
        for node in nodes:
            place = _FILE_INPUTS.get(node.op)
            if place is not None and not (len(node.input) > place and is_given(node.input[place])):
                raise UnsupportedError(
                    f"node {node.name!r} ({node.op}) reads a file that is none of the model's own: "
                    "a SavedModel reads its variables and assets only"
                )
            inputs = [each for each in node.input if not each.startswith("^")][node.op in _HAS_CONDITION :]
            fed = tuple(is_given(each) for each in inputs)
            for name in self._find_called(node):
                if (name, fed) not in seen:
                    seen.add((name, fed))
                    self._check_function(self.functions[name], fed, seen)

    def _check_function(
        self, function: pb.FunctionDef, fed: tuple[bool, ...], seen: set[tuple[str, tuple[bool, ...]]]
    ) -> None:
        arguments = {each.name for each, good in zip(function.signature.input_arg, fed, strict=False) if good}
        nodes = {node.name: node for node in function.node_def}

        def is_given(tensor: str) -> bool:
            for _ in range(len(nodes) + 1):
                name = split(tensor)[0]
                if name in arguments:
                    return True
                node = nodes.get(name)
                if node is None or node.op not in _FORWARDS or not node.input:
                    return False
                tensor = node.input[0]
            return False

        self._check_files(function.node_def, is_given, seen)

    def _find_called(self, node: pb.NodeDef) -> list[str]:
        names = [node.op]
        left = list(node.attr.values())
        while left:
            value = left.pop()
            for function in (value.func, *value.list.func):
                names.append(function.name)
                left += function.attr.values()
        return [name for name in names if name in self.functions]


def split(tensor: str) -> tuple[str, int]:
    """Split a tensor's name, ``node``, ``node:1`` or ``^node``, into node and output. Raises ``ModelFormatError``."""
    name, _, port = tensor.removeprefix("^").partition(":")
    digits = port.rpartition(":")[2]
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise ModelFormatError(f"{tensor[:80]!r} names no tensor: write node or node:0")
    return name, int(digits or 0)


def _name_node(tensor: str) -> str:
    return split(tensor)[0]


def _name_variable(node: pb.NodeDef) -> bytes:
    shared = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    return shared or node.name.encode()
