"""Check formats with mutants of models.

    python -m headrace.testing.fuzz --format pmml --mutants 10000 [SEED...]

A SEED is a model, or a folder in which models are looked for; plain or packed by xz. Each mutant is checked as a
candidate is, in a child process with limits of time and memory. What passes is assembled and scored here, as in
serving. Nothing may crash a process, take more than two seconds or more memory than is allowed, or be refused without
saying why: in PMML with an element or at least a line. Exit status 1 if anything does; such mutants are kept.
"""

from __future__ import annotations

import argparse
import contextlib
import lzma
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from headrace import catalog
from headrace.errors import HeadraceError, LimitError, RecordError
from headrace.loading.airlock import ProcessChecker
from headrace.loading.checking import Checked, check, make_example
from headrace.loading.folders import pack_folder
from headrace.loading.options import LoadOptions
from headrace.records import Descriptor
from headrace.testing.mutants import make_mutant

_TENSORFLOW = Path("tests/data/tensorflow")
SEEDS = {
    "pmml": Path("tests/data/pmml/cases"),
    "onnx": Path("examples/wine/models"),
    "tensorflow": _TENSORFLOW,
    "savedmodel": _TENSORFLOW,
}
MAX_SEED = 60_000
"""Larger seeds are left out: their mutants would take long and reach no more."""
SECONDS = 2.0
MEMORY = 2 * 2**30
ENDINGS = {
    "pmml": (".pmml", ".pmml.xz"),
    "onnx": (".onnx", ".onnx.xz"),
    "tensorflow": (".pb", ".pbtxt"),
    "savedmodel": (".tar", ".zip"),
}
_SAVED_MODEL = "saved_model.pb"
_UNFORESEEN = re.compile(r"cannot be used: \w+:|crashed the process")
_PLACE = {"pmml": re.compile(r"\bline \d+|ModelVerification, record|document|not well-formed|nested too deeply")}


@dataclass(slots=True)
class Report:
    """What became of the mutants; ``defects`` are numbers of mutants, with what was wrong with them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    defects: dict[int, str] = field(default_factory=dict)
    slowest: float = 0.0


class LateError(Exception):
    """Scoring took longer than allowed."""


@contextlib.contextmanager
def limit_seconds(seconds: float) -> Iterator[None]:
    """Raise ``LateError`` in the main thread when so much time of the processor is over."""

    def end(*_: object) -> None:
        raise LateError

    previous = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, previous)


def read_seeds(paths: Sequence[Path], kind: str) -> list[bytes]:
    """Read the models that the paths name or hold; the large ones are left out. Raises ``SystemExit`` without any."""
    files = [path for path in paths if path.is_file()]
    for folder in paths:
        files += sorted(path for path in folder.glob("**/*") if path.name.endswith(ENDINGS[kind]))
    files = [path for path in files if path.name != _SAVED_MODEL]
    contents = [lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes() for file in files]
    if kind == "savedmodel":
        folders = sorted({path.parent for folder in paths for path in folder.glob(f"**/{_SAVED_MODEL}")})
        contents += [pack_folder(folder, MAX_SEED) for folder in folders]
    seeds = [content for content in contents if len(content) <= MAX_SEED]
    if not seeds:
        raise SystemExit(f"no {kind} model of up to {MAX_SEED:,} bytes in {', '.join(map(str, paths))}")
    return seeds


def fuzz(
    seeds: Sequence[bytes],
    kind: str,
    count: int,
    seed: int = 0,
    first: int = 0,
    asked: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Check mutants ``first`` to ``first + count`` of a seed; ``asked`` are the descriptors' options."""
    options = LoadOptions(
        warm_rows=(1, 16),
        wall_seconds=SECONDS,
        memory_bytes=MEMORY,
        checks_per_child=1000,
        niceness=0,
        preload=(kind,),
    )
    report = Report()

    def describe(content: bytes) -> Descriptor:
        return Descriptor(name="mutant", data_type="record", model_type=kind, content=content, options=asked)

    _warm([describe(content) for content in seeds], options)
    checker = ProcessChecker(options)
    try:
        _judge(checker, describe(seeds[0]))  # the child is ready then
        for number in range(first, first + count):
            begin = time.perf_counter()
            outcome, defect = _judge(checker, describe(make_mutant(seeds, seed, number)))
            report.outcomes[outcome] += 1
            report.slowest = max(report.slowest, time.perf_counter() - begin)
            if defect:
                report.defects[number] = defect
    finally:
        checker.close()
    return report


def _warm(seeds: Sequence[Descriptor], options: LoadOptions) -> None:
    """Serve the seeds, so that no mutant waits for modules and kernels: what is interrupted then stays broken."""
    for descriptor in seeds:
        with contextlib.suppress(Exception):  # what fails here fails as a mutant too
            _serve(check(descriptor.content or b"", descriptor, options, lambda _: None), descriptor.model_type)


def _judge(checker: ProcessChecker, descriptor: Descriptor) -> tuple[str, str]:
    """Return what became of a mutant, and what is wrong with that if anything is."""
    kind = descriptor.model_type
    try:
        checked = _check(checker, descriptor.content or b"", descriptor)
    except LimitError as error:
        return "limit", str(error)
    except HeadraceError as error:
        return "refused", "" if is_explained(str(error), kind) else f"{type(error).__name__}: {error}"
    try:
        with limit_seconds(SECONDS):
            _serve(checked, kind)
    except LateError:
        return "slow", f"scoring took more than {SECONDS} s"
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a defect)
        return "failed", f"in serving: {type(error).__name__}: {error}"
    return "served", ""


def is_explained(message: str, kind: str) -> bool:
    """Tell whether a refusal was foreseen, and says where in the model the reason is."""
    placed = kind not in _PLACE or _PLACE[kind].search(message)
    return bool(placed) and not _UNFORESEEN.search(message)


def _check(checker: ProcessChecker, content: bytes, descriptor: Descriptor) -> Checked:
    """Check a mutant; one that meets a limit is checked again, because a busy machine is no defect."""
    try:
        return checker.check(content, descriptor, lambda _: None)
    except LimitError:
        return checker.check(content, descriptor, lambda _: None)


def _serve(checked: Checked, kind: str) -> None:
    """Assemble what was prepared and score records: zeros, nothing at all, and texts in every field."""
    model = catalog.load("format", kind)().assemble(checked.prepared)
    try:
        inputs = model.signature.inputs
        example = make_example(model.signature)
        model.score(example)
        model.score(pa.record_batch({each.name: pa.nulls(3) for each in inputs} or {"": pa.nulls(3)}))
        texts = {each.name: pa.array(["1", "-2.5", "x", None]) for each in inputs if not each.shape}
        if len(texts) == len(inputs):
            model.score(pa.record_batch(texts or {"": pa.nulls(1)}))
        for record in example.to_pylist():
            try:
                model.score_one(record)
            except RecordError:
                continue
    finally:
        model.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Check mutants and print what became of them; 1 if there was a defect."""
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.fuzz", description=main.__doc__)
    parser.add_argument(
        "seeds", nargs="*", type=Path, metavar="SEED", help="models or folders (by default those of the tests)"
    )
    parser.add_argument("--format", choices=sorted(ENDINGS), default="pmml")
    parser.add_argument("--mutants", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of mutants")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="where to begin: to see one again")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the descriptors")
    parser.add_argument("--keep", type=Path, default=Path("mutants"), metavar="DIR", help="for mutants with defects")
    options = parser.parse_args(arguments)
    asked = dict(each.split("=", 1) for each in options.option)
    seeds = read_seeds(options.seeds or [SEEDS[options.format]], options.format)
    report = fuzz(seeds, options.format, options.mutants, options.seed, options.first, asked)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items()))
    sys.stdout.write(f"{options.mutants} mutants of {len(seeds)} models: {counts}; slowest {report.slowest:.2f} s\n")
    for number, defect in report.defects.items():
        options.keep.mkdir(parents=True, exist_ok=True)
        kept = options.keep / f"{options.seed}-{number}.{options.format}"
        kept.write_bytes(make_mutant(seeds, options.seed, number))
        sys.stdout.write(f"{kept}: {defect}\n")
    return int(bool(report.defects))


if __name__ == "__main__":
    sys.exit(main())
