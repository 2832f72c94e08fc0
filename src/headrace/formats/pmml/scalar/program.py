"""A plan's steps over numbers as one program, which ``kernels.programs`` runs.

A step may bring a *form*: what writes it into a program, given where its arguments are, and returns where its value is.
The value of a step that gives a list lies in slots that follow each other; a text is the index of one of a few names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.kernels import programs

MAX_SLOTS = 100_000
FEW = 8
"""NumPy adds up fewer numbers than these one by one."""
Bind = Callable[[Floats], Callable[[], object]]
"""Returns a call on the slots of one block."""


class Slots(NamedTuple):
    """Where a value is. ``names``: what an index stands for, the last one for a missing one; ``whole``: an integer."""

    start: int
    width: int = 1
    names: tuple[object, ...] | None = None
    whole: bool = False


class Program:
    """Instructions and the block that they start from; grows while a plan is written."""

    def __init__(self) -> None:
        self.code: list[int] = []
        self.block: list[float] = [0.0]
        self.calls: list[tuple[int, Bind]] = []
        """The places of the pauses, and what is called there."""
        self.kept: list[object] = []
        """The arrays whose addresses the code holds."""

    def open(self, values: Sequence[float]) -> int:
        """Append slots that hold values at first; returns the place of the first."""
        self.block.extend(values)
        return len(self.block) - len(values)

    def emit(self, operation: int, arguments: Sequence[int], constants: Sequence[float] = (), width: int = 1) -> int:
        """Append an instruction that writes new slots; returns the first of them."""
        target = self.open([math.nan] * width)
        self.rewrite(operation, target, arguments, constants)
        return target

    def rewrite(self, operation: int, target: int, arguments: Sequence[int], constants: Sequence[float] = ()) -> None:
        """Append an instruction that writes slots that are there already."""
        held = self.open(constants or (0.0, 0.0))
        self.code += [operation, target, held, len(arguments), *arguments]

    def call(self, bind: Bind) -> None:
        """Append a pause in which a function is called."""
        self.calls.append((len(self.code), bind))
        self.code.append(programs.PAUSE)

    def keep(self, array: Any) -> int:
        """Return the address of an array, which lives as long as the program."""
        self.kept.append(array)
        return int(array.ctypes.data)


Form = Callable[[Program, Sequence[Slots]], Slots]


def places(arguments: Sequence[Slots]) -> list[int]:
    """Return every slot of the arguments."""
    return [place for slots in arguments for place in range(slots.start, slots.start + slots.width)]


def compute(operation: int, constants: Sequence[float] = ()) -> Form:
    """Return the form of a step that is one operation with a number as its result."""
    return lambda program, arguments: Slots(program.emit(operation, places(arguments), constants))


def fill(operation: int, constants: Sequence[float] = ()) -> Form:
    """Return the form of a step that gives a number for each of its arguments."""

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        read = places(arguments)
        return Slots(program.emit(operation, read, constants, len(read)), len(read))

    return write


def pick(number: int) -> Form:
    """Return the form of a step that takes one of a list."""
    return lambda _, arguments: Slots(arguments[0].start + number)


def name(names: Sequence[object]) -> Form:
    """Return the form of a step that takes the name at an index."""
    return lambda _, arguments: Slots(arguments[0].start, names=tuple(names))


def call_on(function: Any, target: int, width: int) -> Bind:
    """Return what calls a function of NumPy on slots, in place."""

    def bind(block: Floats) -> Callable[[], object]:
        view = block[target : target + width]
        return lambda: function(view, view)

    return bind


def multiply(weights: npt.NDArray[np.floating[Any]], read: int, target: int) -> Bind:
    """Return what multiplies a row of slots with a matrix, as BLAS does."""

    def bind(block: Floats) -> Callable[[], object]:
        row, product = block[read : read + weights.shape[0]], block[target : target + weights.shape[1]]
        return lambda: np.dot(row, weights, product)

    return bind


def apply(function: Callable[[Floats], Floats], width: int) -> Form:
    """Return the form of a step that is a function of a matrix of one row, with as many numbers as its result."""

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        read = places(arguments)
        at = program.emit(programs.TAKE, read, width=len(read))
        target = program.open([math.nan] * width)

        def bind(block: Floats) -> Callable[[], object]:
            row = block[at : at + len(read)].reshape(1, -1)
            result = block[target : target + width]

            def call() -> None:
                with np.errstate(all="ignore"):
                    result[:] = function(row).ravel()

            return call

        program.call(bind)
        return Slots(target, width)

    return write


def exponentiate(program: Program, operation: int, read: list[int]) -> int:
    """Write the exponentials of what an operation gives for some slots; returns the first of them."""
    target = program.emit(operation, read, (1.0, 0.0), len(read))
    program.call(call_on(np.exp, target, len(read)))
    return target


def soften(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the exponentials divided by their sum."""
    read = places(arguments)
    target = exponentiate(program, programs.SHIFT, read)
    program.rewrite(programs.SHARE, target, range(target, target + len(read)))
    return Slots(target, len(read))


def make_logit(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the logistic function."""
    target = exponentiate(program, programs.FLIP, places(arguments))
    program.rewrite(programs.SIGMOID, target, [target])
    return Slots(target)


def blank(form: Form) -> Form:
    """Return a form whose numbers are all missing where one of them is."""

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        found = form(program, arguments)
        program.rewrite(programs.BLANK, found.start, places([found]))
        return found

    return write


def make_exponential(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the exponential of a number that keeps it in range."""
    target = program.emit(programs.FLIP, places(arguments), (0.0, 0.0))
    program.call(call_on(np.exp, target, 1))
    return Slots(target)
