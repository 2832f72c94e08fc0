"""Score cases of PMML models through ``headrace score`` and tell which give what their training programs gave.

    python -m tests.conformance.pmml [DIR...] [--json]

A case is a folder with ``model.pmml`` or ``model.pmml.xz``, ``input.csv``, ``expected.csv`` and ``meta.json``; a DIR is
a case or a folder of cases, without one the project's own free cases are scored. Further folders may be named in the
environment as ``CASES``. A case that is known not to match stands in ``exceptions.toml`` with its reason; the exit
status is 1 if any other case does not match, or one that stands there does.
"""

# ruff: noqa: T201  -- a program: its output is what it prints

from __future__ import annotations

import argparse
import contextlib
import io
import json
import lzma
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headrace.cli.program import program
from tests.conformance.agreement import Agreement, Table, compare, read_table

FREE = Path(__file__).parents[1] / "data" / "pmml" / "cases"
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")


@dataclass(frozen=True, slots=True)
class Case:
    """One model with its inputs and expected results."""

    folder: Path
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        """The case's name."""
        return self.folder.name

    @property
    def element(self) -> str:
        """The model element."""
        return str(self.meta["top_model"])

    @property
    def producer(self) -> str:
        """The program that wrote the document, without its version."""
        words = str(self.meta.get("producer") or "unknown").replace("/", " ").replace("(r)", "").split()
        return " ".join(word for word in words if word[0].isalpha() and "SNAPSHOT" not in word)

    def read_model(self) -> bytes:
        """Return the document's bytes."""
        plain = self.folder / "model.pmml"
        return plain.read_bytes() if plain.exists() else lzma.decompress(Path(f"{plain}.xz").read_bytes())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case, and the reason that is known for it not to match."""

    case: Case
    agreement: Agreement
    excuse: str

    @property
    def unexplained(self) -> bool:
        """Tell whether the case differs for no known reason, or matches although a reason is given."""
        return self.agreement.match == bool(self.excuse)


def find_cases(folders: Iterable[Path]) -> Iterator[Case]:
    """Find the cases in folders, by name. Raises ``SystemExit`` for a folder that is no case and holds none."""
    for folder in folders:
        found = sorted(path.parent for path in (*folder.glob("meta.json"), *folder.glob("*/meta.json")))
        if not found:
            raise SystemExit(f"{folder}: no case in it (a folder with model.pmml, input.csv, expected.csv, meta.json)")
        for path in found:
            yield Case(path, json.loads((path / "meta.json").read_text(encoding="utf-8")))


def read_exceptions() -> dict[str, str]:
    """Return the reason of each case that is known not to match."""
    return tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))


def score_case(case: Case) -> Table | str:
    """Score a case through the command line, in this process; a text tells why it could not be."""
    with tempfile.TemporaryDirectory() as directory:
        model, output = Path(directory, "model.pmml"), Path(directory, "scored.csv")
        model.write_bytes(case.read_model())
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = program.run(["score", str(model), str(case.folder / "input.csv"), "-o", str(output)])
        if status != 0:
            return f"headrace score ended with {status}: {' '.join(said.getvalue().split())}"
        return read_table(output)


def check_case(case: Case, excuse: str = "") -> Outcome:
    """Score a case and compare."""
    expected = read_table(case.folder / "expected.csv")
    scored = score_case(case)
    if isinstance(scored, str):
        fields = dict.fromkeys(case.meta.get("columns") or expected.names, False)
        return Outcome(case, Agreement(len(expected.rows), 0, fields, scored), excuse)
    return Outcome(case, compare(expected, scored, case.meta), excuse)


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print models, rows and fields matched by element and producer, then each case that does not match."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.element, outcome.case.producer), []).append(outcome)
    rows = [("element", "producer", "models", "rows", "fields")]
    rows += [(*key, *_count(groups[key])) for key in sorted(groups)]
    rows.append(("all", "", *_count(outcomes)))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    for element, producer, *counts in rows:
        print(
            f"{element:<{widths[0]}}  {producer:<{widths[1]}}",
            *(f"{count:>{width}}" for count, width in zip(counts, widths[2:], strict=True)),
            sep="  ",
        )
    for outcome in outcomes:
        if outcome.unexplained and outcome.excuse:
            print(f"\n{outcome.case.name} matches: strike it off {EXCEPTIONS.name}")
        elif not outcome.agreement.match:
            print(f"\n{outcome.case.name}: {outcome.agreement.problem}\n  {outcome.excuse or 'NOT EXPLAINED'}")


def _count(outcomes: Iterable[Outcome]) -> tuple[str, str, str]:
    found = [outcome.agreement for outcome in outcomes]
    models = f"{sum(agreement.match for agreement in found)}/{len(found)}"
    rows = f"{sum(agreement.rows_matched for agreement in found)}/{sum(agreement.rows for agreement in found)}"
    matched = sum(sum(agreement.fields.values()) for agreement in found)
    return models, rows, f"{matched}/{sum(len(agreement.fields) for agreement in found)}"


def describe(outcome: Outcome) -> dict[str, object]:
    """Describe an outcome as JSON values."""
    case = outcome.case
    return {
        "case": case.name,
        "element": case.element,
        "producer": case.producer,
        "match": outcome.agreement.match,
        "excuse": outcome.excuse,
        **asdict(outcome.agreement),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Score cases and print how they compare; 1 where one differs without a known reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.pmml", description=main.__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="cases, or folders of cases")
    parser.add_argument("--json", action="store_true", help="print one JSON array with an entry for each case")
    options = parser.parse_args(arguments)
    named = [Path(part) for part in os.environ.get("CASES", "").split(os.pathsep) if part]
    exceptions = read_exceptions()
    cases = find_cases(options.folders or [FREE, *named])
    outcomes = [check_case(case, exceptions.get(case.name, "")) for case in cases]
    if options.json:
        print(json.dumps([describe(outcome) for outcome in outcomes], indent=1))
    else:
        print_table(outcomes)
    return int(any(outcome.unexplained for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
