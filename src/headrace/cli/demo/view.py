"""The demo as it runs: a table that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.cli.demo.progress import Progress
    from headrace.cli.demo.stage import Stage

_TOLD = {"serving": "green", "rejected": "red", "retired": "dim", "staged": "cyan"}
_EVERY = 5.0
_LINES = 12


class View(Protocol):
    """Shows the story."""

    def step(self, title: str) -> None:
        """Show what the demo does next."""

    def show(self, events: list[dict[str, Any]], progress: Progress) -> None:
        """Show what happened to models, and how far the records are."""


@contextmanager
def open_view(stage: Stage, *, quiet: bool, live: bool) -> Iterator[View]:
    """Choose the view; ``quiet`` shows nothing."""
    if quiet:
        yield _Silence()
    elif live:
        screen = _Screen(stage)
        with Live(get_renderable=screen.draw, refresh_per_second=8, console=Console()):
            yield screen
    else:
        yield _Lines(stage)


class _Silence:
    def step(self, title: str) -> None:
        """Show nothing."""

    def show(self, events: list[dict[str, Any]], progress: Progress) -> None:
        """Show nothing."""


@dataclass(slots=True)
class _Lines:
    stage: Stage
    began: float = field(default_factory=time.monotonic)
    told_at: float = 0.0

    def step(self, title: str) -> None:
        self._say(f"> {title}")

    def show(self, events: list[dict[str, Any]], progress: Progress) -> None:
        for event in events:
            if event["kind"] in _TOLD:
                self._say(describe(event))
        if time.monotonic() - self.told_at >= _EVERY and progress.records:
            self.told_at = time.monotonic()
            self._say(f"{progress.records} of {self.stage.records} records scored")

    def _say(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self.began:6.1f} s  {text}")


@dataclass(slots=True)
class _Screen:
    stage: Stage
    story: list[Text] = field(default_factory=list)
    progress: Progress | None = None
    began: float = field(default_factory=time.monotonic)

    def step(self, title: str) -> None:
        self._add(Text(f"> {title}", "bold"))

    def show(self, events: list[dict[str, Any]], progress: Progress) -> None:
        self.progress = progress
        for event in events:
            if event["kind"] in _TOLD:
                self._add(Text(f"  {describe(event)}", _TOLD[event["kind"]]))

    def _add(self, line: Text) -> None:
        self.story.append(Text(f"{time.monotonic() - self.began:6.1f} s  ") + line)

    def draw(self) -> Group:
        records = self.progress.records if self.progress else 0
        counts = Table(box=None, pad_edge=False)
        for name in ("slot", "model", "version", "position"):
            counts.add_column(name)
        counts.add_column("records", justify="right")
        for (slot, model, version, position), rows in sorted(
            (self.progress.scored if self.progress else {}).items(), key=lambda item: item[0][3]
        ):
            counts.add_row(slot or "(default)", model, version, str(position), str(rows))
        head = Text(f"{records} of {self.stage.records} records scored, {self.stage.rate:g} a second")
        bar = ProgressBar(total=self.stage.records, completed=records, width=60)
        page = Text(f"watch it in a browser: {self.stage.page}" if self.stage.page else "", "cyan")
        return Group(head, page, bar, Text(), counts, Text(), *self.story[-_LINES:])


def describe(event: dict[str, Any]) -> str:
    """Tell an event in one line."""
    slot = f" in slot {event['slot']}" if event.get("slot") else ""
    told = f"{event['name']} {event['version']} (position {event['position']}) is {event['kind']}{slot}"
    return f"{told}: {event['reason']}" if event.get("reason") else told
