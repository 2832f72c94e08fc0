"""The check of one candidate: bytes and descriptor in, a prepared model or a verdict out.

The same function runs in this process and in a child; it reads nothing but its arguments and writes nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace import catalog
from headrace.abc.loader import Stage
from headrace.abc.model import LibraryFormat, OptionedFormat
from headrace.compilation import load_kept
from headrace.errors import (
    ConfigurationError,
    DescriptorError,
    HeadraceError,
    LimitError,
    ModelFormatError,
    RecordError,
    UnknownFormatError,
)
from headrace.loading.verification import bind_golden, verify_golden

if TYPE_CHECKING:
    from headrace.abc.model import Format, Model, Prepared
    from headrace.loading.options import LoadOptions
    from headrace.records import Descriptor, Field, Signature


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each part of a check took, in nanoseconds."""

    load_ns: int = 0
    verify_ns: int = 0
    warm_ns: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A candidate that passed. ``memory`` is an estimate in bytes of what its model holds."""

    prepared: Prepared
    format: str
    signature: Signature
    timings: Timings
    memory: int


Reach = Callable[[Stage], None]


def check(content: bytes, descriptor: Descriptor, options: LoadOptions, reach: Reach) -> Checked:
    """Load, verify and warm a candidate; ``reach`` is told each stage as it begins.

    Raises ``ModelError`` as the verdict, ``LimitError`` where memory ran out, ``MissingExtraError`` and
    ``ConfigurationError`` where this installation cannot judge. A failure that nobody foresaw is a verdict, since it
    comes from the bytes.
    """
    try:
        return _check(content, descriptor, options, reach)
    except HeadraceError:
        raise
    except MemoryError as error:
        raise LimitError(f"checking model {descriptor.name!r} took more memory than is allowed: {error}") from error
    except RecursionError as error:
        raise ModelFormatError(f"model {descriptor.name!r} is nested too deeply to be read") from error
    except Exception as error:
        raise ModelFormatError(f"model {descriptor.name!r} cannot be used: {type(error).__name__}: {error}") from error


def _check(content: bytes, descriptor: Descriptor, options: LoadOptions, reach: Reach) -> Checked:
    begin = time.perf_counter_ns()
    reach(Stage.LOADING)
    found = choose(find_format(content, descriptor.model_type, options), descriptor.options)
    prepared = found.prepare(content)
    before = measure_memory()
    model = found.assemble(prepared)
    try:
        memory = max(measure_memory() - before, sum(array.nbytes for array in prepared.arrays.values()))
        loaded = time.perf_counter_ns()
        reach(Stage.VERIFYING)
        found.verify(model, prepared)
        golden = bind_golden(model, descriptor, options.exclude) if descriptor.golden else None
        if golden is not None:
            verify_golden(model, descriptor, golden)
        verified = time.perf_counter_ns()
        reach(Stage.WARMING)
        warm(model, make_example(model.signature) if golden is None else golden, options.warm_rows)
        timings = Timings(loaded - begin, verified - loaded, time.perf_counter_ns() - verified)
        return Checked(prepared, found.name, model.signature, timings, memory)
    finally:
        model.close()


def find_format(content: bytes, name: str, options: LoadOptions) -> Format:
    """Give the format that is named, or else the one that recognises the bytes, made with its options.

    Raises ``UnknownFormatError``.
    """
    if not name:
        found: Format = catalog.recognise(content, options.formats)
        if found.name not in options.format_options:
            return found
        name = found.name
    if name in options.formats:
        made = catalog.load_target(options.formats[name])
    elif name in catalog.find_names("format"):
        made = catalog.load("format", name)
    else:
        known = ", ".join(sorted({*catalog.find_names("format"), *options.formats}))
        raise UnknownFormatError(f"there is no format {name!r} here; there are: {known}")
    try:
        named: Format = made(**options.format_options.get(name, {}))
    except TypeError as error:
        raise ConfigurationError(f"the options of the format {name!r} do not fit it: {error}") from error
    return named


def choose(found: Format, asked: Mapping[str, str]) -> Format:
    """Give a format as a publication asks for it. Raises ``DescriptorError`` for options that it does not have."""
    if not asked:
        return found
    if not isinstance(found, OptionedFormat):
        raise DescriptorError(f"the format {found.name!r} has no options; the descriptor gives {', '.join(asked)}")
    return found.with_options(asked)


def import_formats(own: Mapping[str, str], preload: Collection[str] = ()) -> None:
    """Import what the formats need, and their kernels, so that no candidate waits for it.

    The libraries of the formats ``preload`` are loaded too. A format that is missing is told of when asked.
    """
    pa.array(np.zeros(1))  # at the first conversion pyarrow imports pandas where that is installed: seconds
    for name in catalog.find_names("format"):
        with contextlib.suppress(HeadraceError):
            catalog.load("format", name)
    for target in own.values():
        with contextlib.suppress(HeadraceError):
            catalog.load_target(target)
    for name in preload:
        with contextlib.suppress(HeadraceError):
            found = catalog.load("format", name)()
            if isinstance(found, LibraryFormat):
                found.load_library()
    load_kept()


def warm(model: Model, example: pa.RecordBatch, sizes: tuple[int, ...]) -> None:
    """Score batches of the sizes served, and one record, so that the first record served meets no first time."""
    for size in sizes:
        if example.num_rows:
            rows = pa.array([row % example.num_rows for row in range(size)], pa.int64())
            model.score(example.take(rows) if example.num_columns else example[:size])
    for record in example[:1].to_pylist():
        try:
            model.score_one(record)
        except RecordError:
            continue  # what the example holds is no verdict on the model


def make_example(signature: Signature) -> pa.RecordBatch:
    """Make up one record of zeros and empty text that has the types of a model's inputs."""
    return pa.record_batch({each.name: _make_column(each) for each in signature.inputs})


def _make_column(each: Field) -> pa.Array:
    kind = pa.type_for_alias(each.type)
    empty: object = "" if pa.types.is_string(kind) else False if pa.types.is_boolean(kind) else 0
    count = 1
    for size in each.shape:
        count *= max(size, 1)
    values = pa.array([empty] * count, kind)
    return pa.FixedSizeListArray.from_arrays(values, count) if each.shape else values


def measure_memory() -> int:
    """Measure the memory that this process has in use, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 (a file of the system, read often)
        return int(file.read().split()[1]) * 4096
