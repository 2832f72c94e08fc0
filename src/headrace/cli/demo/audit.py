"""The end of the demo: whether the counts add up, and one table of what each model version did."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from headrace.app.inspection import list_versions, read_observed
from headrace.cli.output import print_table, show_duration, show_time
from headrace.core.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.app.inspection import Observed, VersionView
    from headrace.cli.demo.play import Told
    from headrace.cli.demo.stage import Stage

    Line = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What the results say of one model version. Times are nanoseconds."""

    records: int = 0
    total_ns: int = 0
    min_ns: int | None = None
    max_ns: int | None = None
    right: int = 0

    def add(self, line: Line, label: int) -> None:
        """Count one result; a number is right when it rounds to the label."""
        took = line["score_ns"]
        self.records += 1
        self.total_ns += took
        self.min_ns = took if self.min_ns is None else min(self.min_ns, took)
        self.max_ns = took if self.max_ns is None else max(self.max_ns, took)
        self.right += round(line["outputs"]["quality"]) == label


@dataclass(frozen=True, slots=True)
class Row:
    """One publication: as the state has it, and as the results count it."""

    view: VersionView
    tally: Tally

    def document(self) -> dict[str, Any]:
        """Give the row as JSON values."""
        saved, tally = self.view.saved, self.tally
        return {
            "slot": self.view.slot.name,
            "model": saved.descriptor.name,
            "version": self.view.version,
            "position": saved.position,
            "state": saved.state,
            "reason": saved.reason,
            "since": saved.statistics.since,
            "records": tally.records,
            "total_ns": tally.total_ns,
            "min_ns": tally.min_ns,
            "mean_ns": tally.total_ns / tally.records if tally.records else None,
            "max_ns": tally.max_ns,
            "agreement": tally.right / tally.records if tally.records else None,
        }

    @property
    def agrees(self) -> bool:
        """Whether the engine's own statistics are those of the results."""
        timing, tally = self.view.saved.statistics.timing, self.tally
        counted = (self.view.saved.statistics.records, timing.total_ns, timing.min_ns, timing.max_ns)
        return counted == (tally.records, tally.total_ns, tally.min_ns, tally.max_ns)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The checks, each with whether it holds, and a row for each publication."""

    checks: dict[str, bool]
    rows: list[Row]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(self.checks.values())

    def document(self) -> dict[str, Any]:
        """Give the whole as JSON values."""
        return {"passed": self.passed, "checks": self.checks, "versions": [row.document() for row in self.rows]}


def audit(stage: Stage, told: Told) -> Verdict:
    """Recount the results and hold them against the records, the labels and the engine's statistics."""
    lines = [json.loads(line) for line in stage.results.read_text(encoding="utf-8").splitlines()]
    observed = read_observed(stage.state)
    rows = _tally(stage, lines, observed)
    default = Counter(line["id"] for line in lines if line["slot"] == "")
    each = Counter((line["id"], line["slot"]) for line in lines)
    refused = [row for row in rows if row.view.saved.state is State.REJECTED]
    checks = {
        f"each of the {stage.records} records scored in the default slot": set(default) == set(stage.labels),
        "no record scored twice in a slot, through the kill": max(each.values()) == 1 and told.kills == 1,
        "the counts add up: received = scored + dead-lettered + skipped": _balances(observed, len(lines)),
        "no dead letters": not stage.dead_letters.exists() or stage.dead_letters.stat().st_size == 0,
        "the engine's statistics equal a recount of the results": all(row.agrees for row in rows),
        "two models refused, and neither scored a record": len(refused) == 2
        and not any(row.tally.records for row in refused),
        "four publications served, in the order of their positions": _in_order(lines) and _served(rows) == 4,
        "the roll back brought the first model's bytes back": _last_of_default(lines) == lines[0]["digest"],
    }
    return Verdict(checks, rows)


def _tally(stage: Stage, lines: Sequence[Line], observed: Observed) -> list[Row]:
    tallies: dict[tuple[str, int], Tally] = {}
    for line in lines:
        tallies.setdefault((line["slot"], line["position"]), Tally()).add(line, stage.labels[line["id"]])
    views = sorted(list_versions(observed.snapshot), key=lambda view: view.saved.position)
    return [Row(view, tallies.get((view.slot.name, view.saved.position), Tally())) for view in views]


def _balances(observed: Observed, scored: int) -> bool:
    counts = [observed.snapshot.unaddressed, *(slot.counts for slot in observed.snapshot.slots)]
    return all(each.balanced for each in counts) and sum(each.scored for each in counts) == scored


def _in_order(lines: Sequence[Line]) -> bool:
    positions = [line["position"] for line in lines if line["slot"] == ""]
    return positions == sorted(positions)


def _last_of_default(lines: Sequence[Line]) -> str:
    digests: list[str] = [line["digest"] for line in lines if line["slot"] == ""]
    return digests[-1]


def _served(rows: Sequence[Row]) -> int:
    return sum(row.tally.records > 0 for row in rows)


def show_audit(stage: Stage, verdict: Verdict) -> None:
    """Print the table, the checks and where everything lies."""
    columns = ["slot", "model", "version", "position", "state", "records", "since (UTC)"]
    columns += ["total", "min", "mean", "max", "agreement"]
    click.echo()
    print_table(
        columns, [_cells(row.document()) for row in verdict.rows], numbers=["position", "records", *columns[7:]]
    )
    for row in verdict.rows:
        if row.view.saved.state is State.REJECTED:
            click.echo(f"refused: {row.view.saved.descriptor.name} {row.view.version}: {row.view.saved.reason}")
    click.echo()
    for told, holds in verdict.checks.items():
        click.echo(f"{'yes' if holds else 'NO '}  {told}")
    click.echo()
    click.echo(f"results       {stage.results}")
    click.echo(f"dead letters  {stage.dead_letters}")
    click.echo(f"state         {stage.state}   (headrace stats --state {stage.state})")
    click.echo(f"configuration {stage.configuration}")


def _cells(row: dict[str, Any]) -> list[object]:
    agreement = row["agreement"]
    return [
        row["slot"] or "(default)",
        row["model"],
        row["version"],
        row["position"],
        row["state"],
        row["records"],
        show_time(row["since"])[11:23],
        show_duration(row["total_ns"]) if row["records"] else "",
        *(show_duration(row[name]) for name in ("min_ns", "mean_ns", "max_ns")),
        "" if agreement is None else f"{agreement:.1%}",
    ]
