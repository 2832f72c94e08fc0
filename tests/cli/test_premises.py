"""What a run needs and ``validate`` looks at: outputs, state and files as the state knows them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli

pytestmark = pytest.mark.slow


@pytest.fixture
def ran(tmp_path: Path) -> Project:
    """A project whose engine has served three records and put two aside."""
    made = Project(tmp_path)
    made.configure(RECORDS + REST)
    made.write_records(1, "no json", 2, "{", 3)
    made.publish(linear(), name="line")
    made.run()
    return made


@pytest.mark.parametrize("command", ["validate", "run"])
def test_outputs_that_are_there_are_seen_before_anything_runs(cli: Cli, ran: Project, command: str) -> None:
    parts = {'"dead.jsonl"': '"dead.arrow"\nformat = "arrow"', '"state"': '"another"'}
    (ran.path / "dead-000001.arrow").touch()
    ran.configure(RECORDS + REST, parts)
    size = (ran.path / "results.jsonl").stat().st_size
    result = cli(command, ran.config)
    assert 5 == result.exit_code
    told = 'there is no state that knows {}: name another path, or set if_exists to "append" or "overwrite"'
    for start, what in (
        (f"results: {ran.path}/results.jsonl holds {size} bytes already and ", "them"),
        (f"dead_letters: {ran.path}/dead-000001.arrow is there already and ", "it"),
    ):
        assert start + told.format(what) in result.stderr
    assert not (ran.path / "another").exists()
    ran.configure(RECORDS + REST.replace('.jsonl"', '.jsonl"\nif_exists = "append"'), {'"state"': '"another"'})
    assert 0 == cli(command, ran.config).exit_code


AS_NOBODY = """
import os, sys
from headrace.cli.program import program
import headrace.cli.run, headrace.cli.validate
import headrace.app.checks, headrace.app.configuration, headrace.app.engine, headrace.formats.pmml
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
program(sys.argv[1:])
"""


@pytest.fixture
def locked() -> Iterator[Project]:
    """A project in a directory that may be read and not written; temporary ones of pytest are for one user only."""
    with tempfile.TemporaryDirectory() as name:
        made = Project(Path(name))
        made.write_records(1)
        made.publish(linear())
        made.configure(RECORDS + REST)
        made.path.chmod(0o555)
        yield made
        made.path.chmod(0o755)


@pytest.mark.parametrize("command", ["validate", "run"])
def test_what_may_not_be_written_is_told(locked: Project, command: str) -> None:
    arguments: list[str | Path] = [sys.executable, "-c", AS_NOBODY, command, locked.config]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert 5 == done.returncode, done.stderr
    may_not = f"{locked.path} may not be written: give this user the permission to, or name another"
    assert f"state: {may_not} directory\n" in done.stderr
    assert f"results: {may_not} path\n" in done.stderr
    assert f"dead_letters: {may_not} path\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("folder", "path is {path}/folder, which is not a file: name a file"),
        ("file/out", "{path}/file is not a directory, so {path}/file/out cannot be made: name another path"),
    ],
)
def test_places_that_hold_something_else(cli: Cli, ran: Project, path: str, told: str) -> None:
    (ran.path / "folder").mkdir()
    (ran.path / "file").touch()
    ran.configure(RECORDS + REST, {'"results.jsonl"': f'"{path}"', '"state"': '"file"', '"dead.jsonl"': '"new.jsonl"'})
    result = cli("validate", ran.config)
    assert 5 == result.exit_code
    assert f"results: {told.format(path=ran.path)}" in result.stderr
    assert f"state: {ran.path}/file is not a directory: name another one" in result.stderr


def list_files(ran: Project, *names: str) -> None:
    listed = ", ".join(f'"{name}"' for name in names)
    ran.configure(RECORDS + REST, {'path = "records.jsonl"': f'path = [{listed}]\nname = "r"'})


@pytest.mark.parametrize("command", ["validate", "run"])
def test_files_that_would_be_renumbered_are_refused(cli: Cli, tmp_path: Path, command: str) -> None:
    made = Project(tmp_path)
    for name in ("a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"):
        made.write_records(ord(name[0]), name=name)
    made.publish(linear())
    list_files(made, "b.jsonl", "c.jsonl")
    assert 0 == cli("run", made.config).exit_code
    written = (tmp_path / "results.jsonl").read_bytes()
    for names in (("a.jsonl", "b.jsonl", "c.jsonl"), ("c.jsonl",), ("b.jsonl", "d.jsonl")):
        list_files(made, *names)
        result = cli(command, made.config)
        assert 3 == result.exit_code
        assert (
            f"records 'r': its files are no longer those that the state in {tmp_path}/state has read: "
            f"{tmp_path}/b.jsonl, {tmp_path}/c.jsonl then, {', '.join(f'{tmp_path}/{name}' for name in names)} now"
        ) in result.stderr
    assert written == (tmp_path / "results.jsonl").read_bytes()


def test_files_may_be_added_last_and_a_project_moved(cli: Cli, tmp_path: Path) -> None:
    made = Project(tmp_path / "old")
    made.path.mkdir()
    for name in ("b.jsonl", "c.jsonl"):
        made.write_records(1, name=name)
    made.publish(linear())
    list_files(made, "b.jsonl")
    assert 0 == cli("run", made.config).exit_code
    moved = Project(made.path.rename(tmp_path / "new"))
    list_files(moved, "b.jsonl", "c.jsonl")
    assert 0 == cli("run", moved.config).exit_code
    assert 2 == len(moved.read())
    list_files(moved, "c.jsonl")
    assert 3 == cli("run", moved.config).exit_code


def test_damaged_list_of_files(cli: Cli, ran: Project) -> None:
    (ran.state / "files.json").write_text("no")
    result = cli("run", ran.config)
    assert 5 == result.exit_code
    assert f"{ran.state}/files.json is damaged or cannot be read: " in result.stderr


def test_second_run_tells_itself_from_the_totals(cli: Cli, ran: Project) -> None:
    ran.write_records(1, "no json", 2, "{", 3, 4)
    result = cli("run", ran.config)
    assert [
        (
            f"headrace: 1 in, 1 scored, 0 dead-lettered, 0 skipped in this run; results in {ran.path}/results.jsonl, "
            f"dead letters in {ran.path}/dead.jsonl"
        ),
        f"headrace: 6 in, 4 scored, 2 dead-lettered, 0 skipped since the state in {ran.path}/state began",
    ] == result.stderr.splitlines()[-2:]
    told = json.loads(cli("run", ran.config, "--json").stdout)
    assert (6, 4, 2) == (told["in"], told["scored"], told["dead_lettered"])
    assert {"in": 0, "scored": 0, "dead_lettered": 0, "skipped": 0} == told["this_run"]
