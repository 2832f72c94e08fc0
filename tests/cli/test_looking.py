"""``models``, ``stats``, ``dead-letters`` and ``validate``: what they show, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.app.inspection import find_observed
from headrace.app.publishing import append_command
from headrace.cli.watch import compare
from headrace.records import Pin, SlotKey
from headrace.stores.contents import digest_of
from headrace.stores.state import StateDirectory, read_state
from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli


@pytest.fixture
def ran(tmp_path: Path) -> Project:
    """A project whose engine has served, refused a model and put two records aside."""
    made = Project(tmp_path)
    made.configure(RECORDS + REST)
    made.write_records(1, "no json", 2, "{", 3)
    made.publish(linear(), name="line", version="7")
    made.publish(b"<PMML", name="broken")
    made.run()
    return made


def test_models(cli: Cli, ran: Project) -> None:
    lines = cli("models", "--state", ran.state).stdout.splitlines()
    heads = ["data type", "slot", "name", "version", "digest", "position", "state", "since", "records", "reason"]
    assert heads == [head for head in heads if head in lines[0]]
    first, second = lines[1].split(), lines[2].split(maxsplit=9)
    assert ["wine", "-", "line", "7", digest_of(linear())[:12], "0", "serving"] == first[:7]
    assert ["3", "-"] == first[8:]
    assert ["wine", "-", "broken", "1", digest_of(b"<PMML")[:12], "1", "rejected", "-", "0"] == second[:9]
    assert "XML" in second[9]


def test_models_as_json(cli: Cli, ran: Project) -> None:
    told = json.loads(cli("models", "--config", ran.config, "--json").stdout)
    assert [("serving", True), ("rejected", False)] == [(each["state"], each["retained"]) for each in told["models"]]
    assert isinstance(told["committed_at"], int)


def test_pinned_and_staged_are_visible(cli: Cli, ran: Project) -> None:
    append_command(ran.log, Pin(SlotKey("wine")))
    ran.publish(linear(2), name="later")
    ran.run()
    text = cli("models", "--state", ran.state).stdout
    assert "serving (pinned)" in text
    assert "  staged" in text


def test_models_of_one_data_type(cli: Cli, ran: Project) -> None:
    assert (
        "no model was published for data type 'beer'\n"
        == cli("models", "--state", ran.state, "--data-type", "beer").stdout
    )


def test_only_the_last_ones_that_are_over_are_listed(cli: Cli, ran: Project) -> None:
    for number in range(10):
        ran.publish(b"<PMML", name=f"broken{number}")
    ran.run()
    shown = cli("models", "--state", ran.state).stdout.splitlines()[1:]
    assert ["line", "broken5", "broken6", "broken7", "broken8", "broken9"] == [line.split()[2] for line in shown]
    assert 12 == len(cli("models", "--state", ran.state, "--all").stdout.splitlines()[1:])


def test_stats(cli: Cli, ran: Project) -> None:
    result = cli("stats", "--state", ran.state)
    assert 0 == result.exit_code
    lines = result.stdout.splitlines()
    assert ["wine", "line", "7", "serving", "3", "0"] == lines[1].split()[:6]
    counts = {line.split("  ")[0]: line.split()[-4:] for line in lines[4:7]}
    assert {
        "wine": ["3", "3", "0", "0"],
        "(no slot)": ["2", "0", "2", "0"],
        "total": ["5", "3", "2", "0"],
    } == counts
    assert "the counts add up: in = scored + dead-lettered + skipped" == lines[-1]


def test_stats_as_json_agree_with_the_results(cli: Cli, ran: Project) -> None:
    told = json.loads(cli("stats", "--config", ran.config, "--json").stdout)
    (version,) = told["versions"]
    times = [each["score_ns"] for each in ran.read()]
    assert (3, sum(times), min(times), max(times)) == tuple(
        version[name] for name in ("records", "total_ns", "min_ns", "max_ns")
    )
    assert {"in": 5, "scored": 3, "dead_lettered": 2, "skipped": 0} == told["total"]
    assert (True, []) == (told["adds_up"], told["differences"])


def test_events(cli: Cli, ran: Project) -> None:
    lines = cli("events", "--state", ran.state, "--limit", "1").stdout.splitlines()
    assert ["at", "kind", "position", "slot", "name", "version", "digest", "reason"] == lines[0].split()
    assert lines[-1].endswith("before (--limit 0 shows all)")
    told = json.loads(cli("events", "--config", ran.config, "--kind", "rejected", "--json").stdout)
    assert (1, ["broken"]) == (told["total"], [each["name"] for each in told["events"]])
    assert "nothing happened to models yet\n" == cli("events", "--state", ran.state, "--data-type", "beer").stdout


def test_watch_a_state(cli: Cli, ran: Project) -> None:
    lines = cli("watch", "--state", ran.state, "--every", "0.1", "--count", "2").stdout.splitlines()
    assert 3 == len(lines)
    assert ["0", "0", "0", "0", "-", "3"] == lines[2].split()[1:]
    told = [
        json.loads(line)
        for line in cli("watch", "--config", ran.config, "--every", "0.1", "--count", "1", "--json").stdout.splitlines()
    ]
    assert [(0.0, 0.0, None, 5)] == [
        (each["flow"]["in"], each["flow"]["failed"], each["flow"]["mean_ns"], each["flow"]["total"]["in"])
        for each in told
    ]


def test_what_is_watched_has_to_be_named(cli: Cli) -> None:
    for command in ("watch", "events", "stats", "models"):
        result = cli(command)
        assert 2 == result.exit_code
        assert "--state DIR" in result.stderr


def test_flow_is_what_came_between_two_looks() -> None:
    before = {
        "total": {"in": 10, "scored": 8, "dead_lettered": 1, "skipped": 1},
        "versions": [{"records": 8, "total_ns": 80}],
    }
    now = {
        "at": 5,
        "total": {"in": 30, "scored": 18, "dead_lettered": 7, "skipped": 5},
        "versions": [{"records": 12, "total_ns": 120}, {"records": 6, "total_ns": 260}],
    }
    told = compare(before, now, 2.0)
    assert (10.0, 5.0, 3.0, 2.0, 30.0) == tuple(told[name] for name in ("in", "scored", "failed", "skipped", "mean_ns"))


def test_counts_that_do_not_add_up_are_the_exit_code(cli: Cli, ran: Project) -> None:
    document = json.loads(read_state(ran.state) or b"")
    document["join"]["slots"][0]["counts"]["scored"] += 1
    state = StateDirectory(ran.state)
    state.save(json.dumps(document).encode())
    state.close()
    result = cli("stats", "--state", ran.state)
    assert 1 == result.exit_code
    assert "the counts do not add up: slot wine: in is not scored + dead-lettered + skipped" in result.stderr
    assert "slot wine: 4 records were scored, its versions count 3" in result.stderr
    assert not json.loads(cli("stats", "--state", ran.state, "--json").stdout)["adds_up"]


def test_a_running_engine_is_looked_at_without_disturbing_it(cli: Cli, ran: Project) -> None:
    ran.configure(RECORDS.replace("id =", "follow = true\nid =") + REST)
    with ran.running():
        assert 0 == cli("models", "--state", ran.state).exit_code
        assert 0 == cli("stats", "--state", ran.state).exit_code


@pytest.mark.parametrize("command", ["models", "stats"])
def test_states_that_cannot_be_read(cli: Cli, tmp_path: Path, command: str) -> None:
    config = Project(tmp_path)
    config.configure(RECORDS + REST, {'[state]\ndirectory = "state"\n': ""})
    for arguments, code, message in (
        ((), 2, "name the engine's state directory: --state DIR, or --config FILE that names it"),
        (("--config", config.config), 2, "has no [state]"),
        (("--state", tmp_path / "none"), 5, "none is not there: name the one that an engine has run with"),
        (("--state", tmp_path), 5, "holds no state yet"),
    ):
        result = cli(command, *arguments)
        assert code == result.exit_code
        assert message in result.stderr


def test_list_of_dead_letters(cli: Cli, ran: Project) -> None:
    lines = cli("dead-letters", "list", ran.path / "dead.jsonl").stdout.splitlines()
    assert ["records.jsonl/0/1", "records.jsonl", "0", "1", "-", "undecodable"] == lines[1].split()[:6]
    assert ["undecodable", "2"] == lines[-1].split()
    told = json.loads(cli("dead-letters", "list", "--config", ran.config, "--json").stdout)
    assert (2, {"undecodable": 2}, 2) == (told["total"], told["codes"], len(told["letters"]))


def test_list_of_some_dead_letters(cli: Cli, ran: Project) -> None:
    dead = ran.path / "dead.jsonl"
    assert "no dead letters\n" == cli("dead-letters", "list", dead, "--reason", "no-model").stdout
    assert "no dead letters\n" == cli("dead-letters", "list", dead, "--source", "other").stdout
    assert "... and 1 more (--limit 0 shows all)" in cli("dead-letters", "list", dead, "--limit", "1").stdout


def test_dead_letters_are_sent_again_and_scored(cli: Cli, ran: Project) -> None:
    again = ran.path / "again.jsonl"
    result = cli("dead-letters", "resend", "--config", ran.config, "--to", again)
    assert (0, f"2 records added to {again}, which holds 2 now\n") == (result.exit_code, result.stdout)
    assert b"no json\n{\n" == again.read_bytes()
    told = json.loads(cli("dead-letters", "resend", "--config", ran.config, "--to", again, "--json").stdout)
    assert {"to": str(again), "framing": "lines", "records": 2, "added": 0, "without_record": 0} == told


def test_csv_is_sent_again_with_its_header(cli: Cli, tmp_path: Path) -> None:
    made = Project(tmp_path)
    (tmp_path / "r.csv").write_text("x;name\n1;a\n2;b;c\n3;d\n")
    text = '[records]\npath = "r.csv"\nformat = "csv"\ndata_type = "wine"\ncsv.delimiter = ";"\n'
    made.configure(text + REST)
    made.run()
    again = tmp_path / "again.csv"
    assert 0 == cli("dead-letters", "resend", "--config", made.config, "--to", again).exit_code
    assert "x;name\n2;b;c\n" == again.read_text()
    other = tmp_path / "other.csv"
    cli("dead-letters", "resend", tmp_path / "dead.jsonl", "--to", other, "--header", "a;b")
    assert "a;b\n2;b;c\n" == other.read_text()


def test_dead_letters_of_several_streams_need_a_choice(cli: Cli, ran: Project) -> None:
    dead = ran.path / "dead.jsonl"
    line = json.loads(dead.read_text().splitlines()[0]) | {"source": "other"}
    dead.write_text(dead.read_text() + json.dumps(line) + "\n")
    result = cli("dead-letters", "resend", dead, "--to", ran.path / "again")
    assert 2 == result.exit_code
    assert "of several streams: name one, --source other or records.jsonl" in result.stderr
    assert 0 == cli("dead-letters", "resend", dead, "--to", ran.path / "again", "--source", "other").exit_code


def test_dead_letters_need_a_file(cli: Cli) -> None:
    result = cli("dead-letters", "list")
    assert 2 == result.exit_code
    assert "name the file of dead letters, or --config FILE that names it" in result.stderr


def test_valid_configuration_shows_what_would_run(cli: Cli, ran: Project) -> None:
    result = cli("validate", ran.config)
    assert (0, "") == (result.exit_code, result.stderr)
    lines = result.stdout.splitlines()
    assert f"{ran.config} is valid" == lines[-1]
    assert f"records 'records.jsonl': json, {ran.path}/records.jsonl; data type: wine" in lines
    observed = find_observed(ran.state)
    assert observed is not None
    plan = json.loads(cli("validate", ran.config, "--json").stdout)["plan"]
    assert observed.committed_at == plan["restores"]


def test_every_problem_is_told(cli: Cli, tmp_path: Path) -> None:
    made = Project(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text("nonsense")
    made.configure(
        RECORDS + REST + '[loading.formats]\nmine = "no.such:Format"\n[switch]\nmode = "event-time"\n[slots.whine]\n',
        {
            'time = "at"\n': "",
            '"records.jsonl"': '"*.csv"',
            'log = "models"': 'log = "file"',
            '"dead.jsonl"': '"dead.jsonl"\nformat = "arrow"',
            '[loading]\nchecker = "inline"\n': "",
        },
    )
    result = cli("validate", made.config)
    assert 3 == result.exit_code
    start = f"headrace: {made.config}: "
    assert [
        f"records '*.csv': {tmp_path}/*.csv is not there: name a file that exists, or a pattern that matches some",
        "records '*.csv': its records have no time, and switch.mode is event-time: name the field of their time",
        "loading.formats.mine: 'no.such:Format' is not in this installation: no module 'no'",
        f"models.log: {tmp_path}/file is not a directory: name the directory that publishers append to",
        (
            f"state: {tmp_path}/state/state.json is damaged or is no state of Headrace: "
            "restore it from a copy, or choose another directory"
        ),
        (
            f"dead_letters: path is {tmp_path}/dead.jsonl and format is 'arrow': "
            "parts are named after the path, so it has to end with .arrow"
        ),
    ] == [line.removeprefix(start) for line in result.stderr.splitlines()]
    told = json.loads(cli("validate", made.config, "--json").stdout)
    assert (False, 6) == (told["valid"], len(told["problems"]))


def test_slot_of_a_data_type_that_never_comes(cli: Cli, ran: Project) -> None:
    ran.configure(RECORDS + REST + '[slots."whine/x"]\n')
    result = cli("validate", ran.config)
    assert 2 == result.exit_code
    assert (
        "slots.\"whine/x\": no records are of data type 'whine'; did you mean 'wine'? there are: wine" in result.stderr
    )


def test_notes_are_no_problems(cli: Cli, ran: Project) -> None:
    changes = {
        '[state]\ndirectory = "state"\n': "",
        '"results.jsonl"': '"-"',
        '"dead.jsonl"': '"more.jsonl"',
        'log = "models"': 'log = "later"',
    }
    ran.configure(RECORDS + REST, changes)
    result = cli("validate", ran.config)
    assert 0 == result.exit_code
    assert [
        f"note: the model log {ran.path}/later is not there yet: the first publication makes it",
        "note: there is no [state]: nothing outlives the process, and a restart begins anew",
        "note: results cannot be taken back after a crash: some may be there twice",
    ] == [line for line in result.stdout.splitlines() if line.startswith("note: ")]
