"""The engine's verdict on a message, as whoever waits for it sees it; an engine runs meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from headrace.app.publishing import append_command, find_digest, read_log
from headrace.app.verdict import Outcome, Verdict, Watch
from headrace.core.states import State
from headrace.errors import CommandError, SourceError, StateError
from headrace.records import Pin, Retire, Rollback, SlotKey, SwitchMode, Unpin
from headrace.stores.contents import digest_of
from tests.app.project import RECORDS, REST, Project, linear

WINE = SlotKey("wine")
PATIENCE = 20.0


@pytest.fixture
def serving(project_of_files: Project) -> Iterator[Project]:
    """A project whose engine runs and waits for models."""
    project_of_files.write_records(1)
    project_of_files.configure(RECORDS.replace("id =", "follow = true\nid =") + REST.replace("follow = false", ""))
    with project_of_files.running():
        yield project_of_files


def publish(project: Project, content: bytes, **given: Any) -> Verdict:
    watch = Watch(project.state)
    return watch.wait(WINE, project.publish(content, **given), PATIENCE)


def send(project: Project, command: Pin | Unpin | Retire | Rollback) -> Verdict:
    watch = Watch(project.state)
    return watch.wait(WINE, append_command(project.log, command), PATIENCE)


def test_verdicts_on_publications(serving: Project) -> None:
    assert Verdict(Outcome.SERVING, 0) == publish(serving, linear(1), publication_id="a")
    duplicate = publish(serving, linear(2), publication_id="a")
    assert (Outcome.DUPLICATE, 1) == (duplicate.outcome, duplicate.position)
    rejected = publish(serving, b"<PMML")
    assert Outcome.REJECTED is rejected.outcome
    assert "XML" in rejected.reason
    misfit = publish(serving, linear(output="z"))
    assert (Outcome.REJECTED, True) == (misfit.outcome, "its outputs are not those of slot wine" in misfit.reason)
    assert Outcome.SERVING is publish(serving, linear(3)).outcome


def test_verdicts_on_commands(serving: Project) -> None:
    publish(serving, linear(1))
    publish(serving, linear(2))
    assert Outcome.OBEYED is send(serving, Pin(WINE)).outcome
    staged = publish(serving, linear(3))
    assert (Outcome.STAGED, "the slot is pinned: it serves after an unpin") == (staged.outcome, staged.reason)
    assert Outcome.OBEYED is send(serving, Unpin(WINE)).outcome
    assert Outcome.SERVING is send(serving, Rollback(WINE, digest_of(linear(1)))).outcome
    unknown = send(serving, Rollback(WINE, "0" * 64))
    assert (Outcome.REFUSED, True) == (unknown.outcome, "no retained version" in unknown.reason)
    assert Outcome.OBEYED is send(serving, Retire(WINE, digest_of(linear(2)))).outcome
    assert Outcome.REFUSED is send(serving, Retire(WINE, "0" * 64)).outcome
    assert Outcome.OBEYED is send(serving, Retire(WINE)).outcome


def test_staged_is_a_verdict_where_records_decide_when_it_serves(serving: Project) -> None:
    ahead = publish(serving, linear(1), switch=SwitchMode.EVENT_TIME, valid_from=4_000_000_000_000)
    assert Outcome.STAGED is ahead.outcome
    assert ahead.outcome.good


def test_no_engine_is_told_in_the_end(project_of_files: Project) -> None:
    watch = Watch(project_of_files.state)
    verdict = watch.wait(WINE, project_of_files.publish(linear()), 0.0)
    told = f"no engine has read it; no engine seems to run on {project_of_files.state}"
    assert Verdict(Outcome.NONE, 0, told) == verdict
    assert not verdict.outcome.good


def test_every_final_state_is_a_verdict() -> None:
    finals = [State.SERVING, State.RETIRED, State.REJECTED, State.SKIPPED]
    assert [state.value for state in finals] == [Outcome(state.value).value for state in finals]


def test_version_to_return_to_by_digest_and_version(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    for version in ("1", "2"):
        project_of_files.publish(linear(float(version)), name="line", version=version)
    project_of_files.publish(linear(2, output="other"), slot="other")
    first, second = digest_of(linear(1.0)), digest_of(linear(2.0))
    for _ in range(2):  # by the log, then by the state
        state = project_of_files.state if project_of_files.state.exists() else None
        for target in (first, first[:8], first[:8].upper(), "1", "line 1"):
            assert first == find_digest(target, WINE, partial(read_log, project_of_files.log), state)
        assert second == find_digest("2", WINE, partial(read_log, project_of_files.log), state)
        with pytest.raises(CommandError, match=r"no version or digest 'nope' in slot wine; there are: .*\(line 1\)"):
            find_digest("nope", WINE, partial(read_log, project_of_files.log), state)
        project_of_files.run()


def test_version_that_is_no_longer_retained_cannot_be_named(project_of_files: Project) -> None:
    project_of_files.write_records(1)
    project_of_files.configure(RECORDS + REST + "[switch]\nretain = 1\n")
    for version in ("1", "2"):
        project_of_files.publish(linear(float(version)), name="line", version=version)
        project_of_files.run()
    with pytest.raises(CommandError, match="no version or digest '1' in slot wine"):
        find_digest("1", WINE, partial(read_log, project_of_files.log), project_of_files.state)


def test_ambiguous_digest_lists_what_there_is(project_of_files: Project) -> None:
    contents = [linear(number) for number in range(40)]
    for content in contents:
        project_of_files.publish(content)
    digests = sorted(digest_of(content) for content in contents)
    shared = next(a[:1] for a, b in pairwise(digests) if a[0] == b[0] and not a[0].isdigit())
    with pytest.raises(CommandError, match=f"'{shared}' means [0-9]+ models in slot wine: "):
        find_digest(shared, WINE, partial(read_log, project_of_files.log), None)


def test_log_or_slot_that_is_not_there(project_of_files: Project) -> None:
    with pytest.raises(SourceError, match=r"there is no model log .*: name the directory that publishers append to"):
        find_digest("1", WINE, partial(read_log, project_of_files.log), None)
    project_of_files.write_records(1)
    project_of_files.publish(linear())
    with pytest.raises(CommandError, match="slot beer has no version to name"):
        find_digest("1", SlotKey("beer"), partial(read_log, project_of_files.log), None)
    project_of_files.run()
    with pytest.raises(CommandError, match="has no slot beer; it has: wine"):
        find_digest("1", SlotKey("beer"), partial(read_log, project_of_files.log), project_of_files.state)


def test_damaged_state_is_an_error(project_of_files: Project) -> None:
    project_of_files.state.mkdir()
    (project_of_files.state / "state.json").write_text("nonsense")
    with pytest.raises(StateError, match="is damaged or is no state of Headrace"):
        Watch(project_of_files.state).look(WINE, 0)


def test_damaged_line_of_the_journal_is_passed_over(project_of_files: Project, tmp_path: Path) -> None:
    from headrace.app.journal import JournalReader

    file = tmp_path / "events.jsonl"
    file.write_text('{"kind": "pinned", "position": 1}\nnonsense\n{"kind": "unpinned", "position": 2}\n{"kind": "rej')
    reader = JournalReader(tmp_path)
    assert [1, 2] == [event["position"] for event in reader.read()]
    with file.open("a") as more:
        more.write(json.dumps("ected")[1:] + ', "position": 3}\n')
    assert [3] == [event["position"] for event in reader.read()]
