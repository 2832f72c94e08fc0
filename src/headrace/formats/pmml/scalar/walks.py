"""Forms of trees and forests: their arrays stay where they are, and the program gets a list of addresses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar.program import Form, Program, Slots, places
from headrace.formats.pmml.trees.forest import Forest
from headrace.formats.pmml.trees.tree import Tree


def write_forest(forest: Forest) -> Form:
    """Return the form of a forest whose payloads are added up."""
    layout, divisor = forest.layout, forest.divisor
    width, ranked = layout.payload.shape[1] - 1, len(layout.starts) > 0

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        arrays = (
            layout.roots, layout.ends, layout.payload, layout.nodes, layout.cuts, layout.starts, layout.words
        )  # fmt: skip
        about = np.array([width, len(layout.roots), ranked, *map(program.keep, arrays)], np.int64)
        read = places(arguments)
        room = width + 1 + (len(read) if ranked else 0)
        target = program.emit(
            programs.FOREST, [program.keep(about), *read], (divisor, float(forest.single), forest.start), room
        )
        return Slots(target, width)

    return write


def write_tree(tree: Tree) -> Form:
    """Return the form of a single tree: the node where a record ends, NaN for none."""
    nodes, tests = tree.nodes, tree.tests

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        arrays = (
            nodes.first, nodes.count, tests.column, tests.operator, tests.constant, tests.members, tests.member_start
        )  # fmt: skip
        about = np.array([tree.stops_at_last, *map(program.keep, arrays)], np.int64)
        return Slots(program.emit(programs.TREE, [program.keep(about), *places(arguments)]))

    return write


def look_up_rows(table: npt.NDArray[np.floating]) -> Form:
    """Return the form of what takes a row of a table, the last one for a missing number."""

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        rows = np.ascontiguousarray(table, np.float64)
        count, width = rows.shape
        read = [arguments[0].start, program.keep(rows), count, width]
        return Slots(program.emit(programs.ROW, read, width=width), width)

    return write
