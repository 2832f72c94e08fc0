"""What notebooks show: the documents of the commands, as tables in which everything is escaped."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headrace.app import notebook
from headrace.errors import SourceError, StateError
from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli, cli  # noqa: F401 a fixture
from tests.monitor.conftest import Served, quiet_project, served  # noqa: F401 fixtures

HOSTILE = '<script>alert("1")</script>&'


class Tables(HTMLParser):
    """The cells of each table by its caption; every tag that is met."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.tables: dict[str, list[list[str]]] = {}
        self._last = ""
        self._rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._last = tag
        if tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._last == "caption":
            self._rows = self.tables.setdefault(data, [])
        else:
            self._rows[-1][-1] += data


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of an engine that has scored two records by a model of a hostile name."""
    project = Project(tmp_path)
    project.configure(RECORDS + REST)
    project.write_records(1, 2)
    project.publish(linear(), name=HOSTILE)
    project.run()
    return tmp_path / "state"


def test_everything_is_escaped_and_complete(state: Path) -> None:
    shown = (notebook.models(state), notebook.stats(state), notebook.events(state))
    for each in shown:
        html = each._repr_html_()
        found = Tables(html)
        assert {"table", "caption", "thead", "tbody", "tr", "th", "td"} == found.tags
        assert set(each.tables) == set(found.tables)
        for name, rows in found.tables.items():
            assert len(each.document[name]) + 1 == len(rows)
            assert {len(each.tables[name])} == {len(row) for row in rows}
        if "slots" not in each.tables:
            assert HOSTILE in {cell for rows in found.tables.values() for row in rows for cell in row}
    assert ["wine", "", "2", "2", "0", "0"] == Tables(shown[1]._repr_html_()).tables["slots"][1]


def test_documents_are_those_of_the_commands(state: Path, cli: Cli) -> None:  # noqa: F811
    shown = {"models": notebook.models(state), "stats": notebook.stats(state), "events": notebook.events(state)}
    for command, each in shown.items():
        told = json.loads(cli(command, "--state", state, "--json").stdout)
        assert told == json.loads(json.dumps(each.document))


def test_a_running_engine_is_asked(served: Served) -> None:  # noqa: F811
    url = str(served.client.base_url)
    assert ["7"] == [each["version"] for each in notebook.models(url).document["models"]]
    assert 3 == notebook.stats(url).document["total"]["in"]
    assert ["serving"] == [each["kind"] for each in notebook.events(url, limit=1).document["events"]]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        notebook.models(tmp_path / "none")
    with pytest.raises(SourceError, match="no engine answers"):
        notebook.stats("http://127.0.0.1:9")
