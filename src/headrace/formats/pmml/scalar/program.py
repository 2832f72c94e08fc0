"""A plan's steps over numbers as one program, which ``kernels.programs`` runs.

A step may bring a *form*: what writes it into a program, given where its arguments are, and returns where its value is.
The value of a step that gives a list lies in slots that follow each other; a text is the index of one of a few names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
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
Function = Callable[[Floats], npt.NDArray[np.floating]]
"""A function of a matrix of one row."""


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
        return partial(function, view, view)

    return bind


def multiply(weights: npt.NDArray[np.floating[Any]], read: int, target: int) -> Bind:
    """Return what multiplies a row of slots with a matrix, as BLAS does."""

    def bind(block: Floats) -> Callable[[], object]:
        row, product = block[read : read + weights.shape[0]], block[target : target + weights.shape[1]]
        return partial(row.dot, weights, product)

    return bind


def replace(function: Function, read: int, count: int, target: int = 0, width: int = 0) -> Bind:
    """Return what calls a function of a matrix of one row on slots, and puts the result there or in other slots."""

    def bind(block: Floats) -> Callable[[], object]:
        row = block[read : read + count].reshape(1, -1)
        result = block[target or read :][: width or count]

        def call() -> None:
            with np.errstate(all="ignore"):
                result[:] = function(row).ravel()

        return call

    return bind


def apply(function: Function, width: int) -> Form:
    """Return the form of a step that is a function of a matrix of one row, with as many numbers as its result."""

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        read = places(arguments)
        at = program.emit(programs.TAKE, read, width=len(read))
        target = program.open([math.nan] * width)
        program.call(replace(function, at, len(read), target, width))
        return Slots(target, width)

    return write


def call_single_on(function: Any, target: int, width: int) -> Bind:
    """Return what calls a function of NumPy on slots, in single precision."""

    def bind(block: Floats) -> Callable[[], object]:
        view, scratch = block[target : target + width], np.empty(width, np.float32)

        def call() -> None:
            scratch[:] = view
            view[:] = function(scratch, scratch)

        return call

    return bind


def soften_over(program: Program, at: int, size: int, *, single: bool = False) -> None:
    """Write the exponentials of slots, divided by their sum, over them."""
    constants = (float(single), 0.0)
    program.rewrite(programs.SHIFT, at, range(at, at + size), constants)
    program.call((call_single_on if single else call_on)(np.exp, at, size))
    program.rewrite(programs.SHARE, at, range(at, at + size), constants)


def soften_single(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Do what ``soften`` does, in single precision."""
    read = places(arguments)
    at = program.emit(programs.TAKE, read, width=len(read))
    soften_over(program, at, len(read), single=True)
    return Slots(at, len(read))


def make_single_logit(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the logistic function in single precision."""
    target = program.emit(programs.FLIP, places(arguments), (1.0, 80.0))
    program.call(call_single_on(np.exp, target, 1))
    program.rewrite(programs.SIGMOID, target, [target], (1.0, 0.0))
    return Slots(target)


def soften(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the exponentials divided by their sum."""
    read = places(arguments)
    at = program.emit(programs.TAKE, read, width=len(read))
    soften_over(program, at, len(read))
    return Slots(at, len(read))


def make_logit(program: Program, arguments: Sequence[Slots]) -> Slots:
    """Write the logistic function."""
    target = program.emit(programs.FLIP, places(arguments), (1.0, 700.0))
    program.call(call_on(np.exp, target, 1))
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
    target = program.emit(programs.FLIP, places(arguments), (0.0, 700.0))
    program.call(call_on(np.exp, target, 1))
    return Slots(target)
