"""``headrace run``: from start to end, and stopped by signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli

HEADRACE = Path(sys.executable).parent / "headrace"


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with a model and three records."""
    found = Project(tmp_path)
    found.configure(RECORDS + REST)
    found.write_records(1, 2, "no json")
    found.publish(linear(), name="line")
    return found


def test_run_to_the_end(cli: Cli, made: Project) -> None:
    result = cli("run", made.config)
    assert (0, "") == (result.exit_code, result.stdout)
    lines = result.stderr.splitlines()
    assert [True, True] == [
        line.startswith(f"headrace: {kind} line 0 (") for line, kind in zip(lines, ("staged", "serving"), strict=False)
    ]
    assert (
        f"headrace: 3 in, 2 scored, 1 dead-lettered, 0 skipped; results in {made.path}/results.jsonl, "
        f"dead letters in {made.path}/dead.jsonl"
    ) == lines[-1]
    assert [("r0", 3.0), ("r1", 5.0)] == made.outputs()


def test_summary_as_json_and_quiet(cli: Cli, made: Project) -> None:
    result = cli("run", made.config, "--quiet", "--json")
    assert (0, "") == (result.exit_code, result.stderr)
    told = json.loads(result.stdout)
    assert (3, 2, 1, 0, 0, True, False) == tuple(
        told[name] for name in ("in", "scored", "dead_lettered", "skipped", "waiting", "adds_up", "stopped")
    )


@pytest.mark.slow
def test_results_on_standard_output_are_alone_there(made: Project) -> None:
    made.configure(RECORDS + REST, {'"results.jsonl"': '"-"'})
    done = subprocess.run([HEADRACE, "run", made.config, "--json"], capture_output=True, text=True, check=True)
    assert ["r0", "r1"] == [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert "headrace: 3 in, 2 scored, 1 dead-lettered, 0 skipped" in done.stderr


def test_records_that_still_wait_at_the_end_are_told(cli: Cli, made: Project) -> None:
    made.configure(RECORDS + REST + '[switch]\nno_model = "hold"\n', {'log = "models"': 'log = "none"'})
    result = cli("run", made.config)
    assert 1 == result.exit_code
    assert "headrace: 3 records still wait for a model; a next run with this state reads them again" in result.stderr
    made.configure(RECORDS + REST + '[switch]\nno_model = "hold"\n')
    assert 0 == cli("run", made.config).exit_code
    assert [("r0", 3.0), ("r1", 5.0)] == made.outputs()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_in_order(made: Project, number: signal.Signals) -> None:
    made.configure(RECORDS.replace("id =", "follow = true\nid =") + REST.replace("follow = false", ""))
    running = subprocess.Popen(
        [HEADRACE, "run", made.config, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    told = [running.stderr.readline(), running.stderr.readline()]
    assert "serving line 0" in told[1], told
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert 0 == running.returncode, err
    summary = json.loads(out)
    assert summary["stopped"]
    assert summary["in"] == summary["scored"] + summary["dead_lettered"] + summary["skipped"]
    assert summary["scored"] == len(made.read())


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({'"records.jsonl"': '"none.jsonl"'}, 3, "records 'none.jsonl': {path}/none.jsonl is not there"),
        ({"commit_seconds": "commit_second"}, 2, "unknown key engine.commit_second; did you mean 'commit_seconds'?"),
        ({'"results.jsonl"': '"old.txt"'}, 5, "old.txt holds 4 bytes already and there is no state that knows them"),
    ],
)
def test_mistakes(cli: Cli, made: Project, changes: dict[str, str], code: int, message: str) -> None:
    (made.path / "old.txt").write_text("old\n")
    made.config.write_text((RECORDS + REST).replace(*next(iter(changes.items()))))
    result = cli("run", made.config)
    assert (code, "") == (result.exit_code, result.stdout)
    assert message.format(path=made.path) in result.stderr
    assert "old\n" == (made.path / "old.txt").read_text()
    assert not (made.path / "results.jsonl").exists()


def test_several_problems_are_told_at_once(cli: Cli, made: Project) -> None:
    made.configure(
        RECORDS + REST + '[switch]\nmode = "event-time"\n', {"records.jsonl": "none.jsonl", 'time = "at"\n': ""}
    )
    result = cli("run", made.config)
    assert 3 == result.exit_code
    assert result.stderr.startswith(f"headrace: {made.config}: 2 problems:\n- records 'none.jsonl': ")


def test_state_that_another_engine_holds(cli: Cli, made: Project) -> None:
    made.configure(RECORDS.replace("id =", "follow = true\nid =") + REST.replace("follow = false", ""))
    with made.running():
        result = cli("run", made.config)
    assert 5 == result.exit_code
    assert "is held by process" in result.stderr
