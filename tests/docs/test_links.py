"""The documentation holds together: links resolve, every page can be reached, every command is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages(project: Path) -> list[Path]:
    """Every page of the project, its own files only."""
    folders = ("docs", "examples", "src", "benchmarks")
    return [
        *sorted(project.glob("*.md")),
        *(page for name in folders for page in sorted((project / name).rglob("*.md"))),
    ]


def links(page: Path) -> Iterator[str]:
    """Every link of a page, examples left out."""
    yield from LINK.findall(FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def resolves(page: Path, link: str) -> bool:
    """Tell whether a link within the project leads somewhere; others are not followed."""
    if "://" in link or link.startswith("mailto:"):
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_link_resolves(project: Path) -> None:
    dead = [
        f"{page.relative_to(project)}: {link}"
        for page in pages(project)
        for link in links(page)
        if not resolves(page, link)
    ]
    assert dead == []


def test_every_page_of_the_documentation_is_reached_from_its_index(project: Path) -> None:
    docs = project / "docs"
    reached: set[Path] = set()
    ahead = [docs / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link)
            ahead.extend(target for target in targets if target.suffix == ".md" and docs in target.parents)
    assert sorted(docs.rglob("*.md")) == sorted(reached)


def test_every_command_is_told(project: Path) -> None:
    commands = re.findall(r"^([a-z-]+%?):.*## ", (project / "Makefile").read_text(), re.MULTILINE)
    told = (project / "CONTRIBUTING.md").read_text()
    assert [name for name in commands if f"make {name.replace('%', 'NAME')}" not in told] == []
