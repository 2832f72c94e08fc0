"""Single records through a program: the record's values packed into its block, the outputs taken out of it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.kernels.programs import LACKING, run
from headrace.formats.pmml.scalar.program import MAX_SLOTS, Program, Slots
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled

Read = Callable[[Mapping[str, object]], Sequence[Any]]
"""Returns a record's numbers in the order of the first slots. Raises ``Unsettled`` and errors of types and keys."""
_ERRORS = (Unsettled, KeyError, TypeError, ArithmeticError, struct.error)


class _Block(NamedTuple):
    memory: memoryview
    address: int
    calls: list[tuple[int, Callable[[], object]]]
    """Where to go on from before each call, and the call."""


class Runner:
    """Scores records by a program; takes any thread."""

    def __init__(
        self, program: Program, read: Sequence[Read], count: int, outputs: Sequence[tuple[str, Slots]]
    ) -> None:
        self._read, *others = read
        self._read_again = others[0] if others else None
        self._make_record = make_mapping([name for name, _ in outputs])
        self._kinds = "".join("d" if slots.names is None and not slots.whole else "q" for _, slots in outputs)
        self._places = _put_out(program, [slots for _, slots in outputs])
        self._translations = [
            (place, slots.names) for place, (_, slots) in enumerate(outputs) if slots.names is not None
        ]
        self._pack = struct.Struct(f"{count}d").pack_into
        self._unpack = struct.Struct("=" + self._kinds).unpack_from
        self._code = np.array(program.code, np.int64)
        self._code_address = self._code.ctypes.data
        self._template = np.array(program.block)
        self._calls = program.calls
        self._last = self._calls[-1][0] + 1 if self._calls else 0
        self._kept = program.kept
        self._run = run.entry
        self._free: list[_Block] = []

    def score_one(self, record: Mapping[str, object]) -> dict[str, object] | None:
        """Score one record; None where the plan of steps has to."""
        try:
            block = self._free.pop()
        except IndexError:
            block = self._open_block()
        try:
            self._pack(block.memory, 8, *self._read(record))
        except _ERRORS:
            if not self._fill_again(block, record):
                return None
        for start, call in block.calls:
            if self._run(self._code_address, block.address, start):
                self._free.append(block)
                return None
            call()
        status = self._run(self._code_address, block.address, self._last)
        found: Any = self._unpack(block.memory, self._places)
        self._free.append(block)
        if status or self._translations:
            if status > LACKING:
                return None
            found = self._translate(found)
        return self._make_record(found)

    def _fill_again(self, block: _Block, record: Mapping[str, object]) -> bool:
        """Fill a block the slower way, which takes missing values; tells whether that worked."""
        if self._read_again is not None:
            try:
                self._pack(block.memory, 8, *self._read_again(record))
            except _ERRORS:
                pass
            else:
                return True
        self._free.append(block)
        return False

    def _translate(self, found: tuple[Any, ...]) -> list[object]:
        values = [None if value != value else value for value in found]  # noqa: PLR0124 (not a number)
        for place, names in self._translations:
            values[place] = names[found[place]]
        return values

    def _open_block(self) -> _Block:
        """Make a block; each lives on for the records to come, one a thread at a time."""
        array = self._template.copy()
        starts = [0, *(place + 1 for place, _ in self._calls)]
        calls = [(start, bind(array)) for start, (_, bind) in zip(starts, self._calls, strict=False)]
        return _Block(memoryview(array.data).cast("B"), array.ctypes.data, calls)


def _put_out(program: Program, outputs: Sequence[Slots]) -> int:
    """Write what puts the outputs out; returns the offset of the first in bytes."""
    if len(program.block) > MAX_SLOTS:
        raise NoPlan("a program of so many numbers")
    first = program.open([math.nan] * len(outputs))
    for target, slots in enumerate(outputs, first):
        kind = programs.PUT_NUMBER if slots.names is None else programs.PUT_INDEX
        program.rewrite(programs.PUT_WHOLE if slots.whole else kind, target, [slots.start])
    program.code.append(programs.PAUSE)
    return first * 8


def make_mapping(names: Sequence[str]) -> Callable[[Sequence[Any]], dict[str, object]]:
    """Return what gives values their names: spelled out for a few, which takes half as long."""
    if len(names) == 1:
        only = names[0]
        return lambda values: {only: values[0]}
    if len(names) == 3:
        first, second, third = names
        return lambda values: {first: values[0], second: values[1], third: values[2]}
    return lambda values: dict(zip(names, values, strict=True))


def pick_values(names: Sequence[str]) -> Read:
    """Return what takes a record's values by name, all of which it has to have."""
    if len(names) == 1:
        only = names[0]
        return lambda record: (record[only],)
    return itemgetter(*names) if names else lambda _: ()
