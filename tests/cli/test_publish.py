"""``headrace publish`` and the commands that steer a slot: what they append, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.app.publishing import read_log
from headrace.records import (
    Command,
    Descriptor,
    GoldenRecord,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.stores.contents import DirectoryContents, digest_of
from headrace.transports.model_log import contents_of
from tests.app.project import RECORDS, REST, Project, linear
from tests.cli.conftest import Cli

pytestmark = pytest.mark.slow

WINE = SlotKey("wine")


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project that is configured, with a record."""
    found = Project(tmp_path)
    found.configure(RECORDS + REST)
    found.write_records(1)
    (tmp_path / "linear.pmml").write_bytes(linear())
    return found


@pytest.fixture
def serving(made: Project) -> Iterator[Project]:
    """The project with an engine that runs."""
    made.configure(RECORDS.replace("id =", "follow = true\nid =") + REST.replace("follow = false", ""))
    with made.running():
        yield made


def commands(project: Project) -> list[Command]:
    return [message.command for message in read_log(project.log)]


def test_publication_names_the_digest_and_the_log_keeps_the_bytes(cli: Cli, made: Project) -> None:
    result = cli("publish", made.path / "linear.pmml", "--log", made.log, "--data-type", "wine")
    digest = digest_of(linear())
    assert 0 == result.exit_code
    assert f"publish to slot wine at position 0, digest {digest[:12]}\n" == result.stdout
    assert f"headrace: {made.log} is a new model log: engines read it once they are configured to\n" == result.stderr
    assert [Publish(Descriptor("linear", "wine", digest=digest))] == commands(made)
    assert linear() == DirectoryContents(contents_of(made.log)).get(digest)


def test_every_option_reaches_the_message(cli: Cli, made: Project) -> None:
    golden = made.path / "golden.json"
    golden.write_text('[{"inputs": {"x": NaN}, "outputs": {"y": "-Infinity"}}]')
    result = cli(
        "publish", made.path / "linear.pmml", "--config", made.config, "--data-type", "wine", "--slot", "s",
        "--name", "n", "--version", "v", "--format", "pmml", "--description", "d", "--switch-mode", "event-time",
        "--valid-from", "2026-01-31T12:00:00.5Z", "--golden", golden, "--tolerance", "0.5", "--map", "x=a", "--map",
        "v=a, b,c", "--replaces-signature", "--id", "i",
    )  # fmt: skip
    assert 0 == result.exit_code, result.stderr
    (sent,) = commands(made)
    assert isinstance(sent, Publish)
    (record,) = sent.descriptor.golden
    assert (float("-inf"), True) == (record.outputs["y"], record.inputs["x"] != record.inputs["x"])
    expected = Descriptor(
        name="n", data_type="wine", description="d", model_type="pmml", digest=digest_of(linear()), slot="s",
        version="v", publication_id="i", switch=SwitchMode.EVENT_TIME, valid_from=1_769_860_800_500,
        golden=sent.descriptor.golden, golden_tolerance=0.5, mapping={"x": ("a",), "v": ("a", "b", "c")},
        replaces_signature=True,
    )  # fmt: skip
    assert expected == sent.descriptor
    assert isinstance(record, GoldenRecord)


def test_location_instead_of_bytes(cli: Cli, made: Project) -> None:
    result = cli("publish", "--location", "file:/srv/m/forest.pmml", "--log", made.log, "--data-type", "wine", "--json")
    assert 0 == result.exit_code
    assert [Publish(Descriptor("forest.pmml", "wine", location="file:/srv/m/forest.pmml"))] == commands(made)
    told = json.loads(result.stdout)
    assert ("publish", "forest.pmml", "0", 0, None) == tuple(
        told[name] for name in ("command", "name", "version", "position", "verdict")
    )


def test_steering_commands(cli: Cli, made: Project) -> None:
    made.publish(linear(), version="1")
    slot = ("--log", made.log, "--data-type", "wine", "--slot", "")
    digest = digest_of(linear())
    for arguments in (
        ("pin", *slot),
        ("unpin", *slot),
        ("rollback", "1", *slot, "--valid-from", "7", "--id", "i"),
        ("rollback", digest[:6], *slot),
        ("retire", *slot, "--digest", "1"),
        ("retire", *slot),
    ):
        assert 0 == cli(*arguments).exit_code
    expected = [
        Pin(WINE),
        Unpin(WINE),
        Rollback(WINE, digest, 7, "i"),
        Rollback(WINE, digest),
        Retire(WINE, digest),
        Retire(WINE),
    ]
    assert expected == commands(made)[1:]


def test_a_name_of_two_models_is_refused_with_both(cli: Cli, made: Project) -> None:
    made.publish(linear(), name="first", version="1")
    made.publish(linear(2), name="second", version="1")
    slot = ("--log", made.log, "--data-type", "wine")
    for command in (("rollback", "1"), ("retire", "--digest", "1")):
        result = cli(*command, *slot)
        assert 1 == result.exit_code
        first, second = (digest_of(linear(intercept))[:12] for intercept in (1, 2))
        assert f"'1' means 2 models in slot wine: {first} (first 1); {second} (second 1)" in result.stderr
    assert 0 == cli("rollback", "first 1", *slot).exit_code
    assert [Rollback(WINE, digest_of(linear()))] == commands(made)[2:]


def test_a_version_published_twice_is_one_model(cli: Cli, made: Project) -> None:
    made.publish(linear(), version="1")
    made.publish(linear(), version="1")
    assert 0 == cli("rollback", "1", "--log", made.log, "--data-type", "wine").exit_code


def test_waiting_for_the_verdict(cli: Cli, serving: Project) -> None:
    good, bad = serving.path / "linear.pmml", serving.path / "bad.pmml"
    bad.write_text("<PMML")
    wait = ("--config", serving.config, "--data-type", "wine", "--wait", "--timeout", "20")
    result = cli("publish", good, *wait)
    assert (0, "serving") == (result.exit_code, result.stdout.splitlines()[-1])
    result = cli("publish", bad, *wait)
    assert 1 == result.exit_code
    assert result.stdout.splitlines()[-1].startswith("rejected: ")
    result = cli("publish", bad, *wait, "--json")
    verdict = json.loads(result.stdout)["verdict"]
    assert (1, "rejected", True) == (result.exit_code, verdict["outcome"], "XML" in verdict["reason"])
    result = cli("pin", *wait)
    assert (0, "obeyed") == (result.exit_code, result.stdout.splitlines()[-1])
    result = cli("publish", good, *wait)
    assert (0, "staged: the slot is pinned: it serves after an unpin") == (
        result.exit_code,
        result.stdout.splitlines()[-1],
    )
    assert 0 == cli("unpin", *wait).exit_code
    assert 0 == cli("rollback", "0", *wait).exit_code
    assert 0 == cli("retire", *wait).exit_code


def test_no_verdict_in_time(cli: Cli, made: Project) -> None:
    arguments = ("--config", made.config, "--data-type", "wine", "--wait", "--timeout", "0")
    result = cli("publish", made.path / "linear.pmml", *arguments)
    assert 4 == result.exit_code
    assert f"none: no engine has read it; no engine seems to run on {made.state}" == result.stdout.splitlines()[-1]


def test_dry_run_publishes_nothing(cli: Cli, made: Project) -> None:
    result = cli("publish", made.path / "linear.pmml", "--log", made.log, "--data-type", "wine", "--dry-run")
    assert 0 == result.exit_code, result.stderr
    lines = result.stdout.splitlines()
    assert f"slot wine would accept it: pmml, digest {digest_of(linear())}" == lines[0]
    assert [["input", "x", "double"], ["output", "y", "double"]] == [line.split()[:3] for line in lines[2:]]
    assert not made.log.exists()


def test_dry_run_knows_the_slot_and_the_records(cli: Cli, made: Project) -> None:
    made.configure(RECORDS + 'schema = {id = "string", kind = "string", at = "int64", x = "double"}\n' + REST)
    made.publish(linear())
    made.run()
    other = made.path / "other.pmml"
    dry = ("--config", made.config, "--data-type", "wine", "--dry-run")
    other.write_bytes(linear(output="z"))
    result = cli("publish", other, *dry)
    assert 1 == result.exit_code
    assert "slot wine would reject it: its outputs are not those of slot wine" in result.stdout
    assert 0 == cli("publish", other, *dry, "--replaces-signature").exit_code
    other.write_bytes(linear().replace(b'"x"', b'"unheard"'))
    result = cli("publish", other, *dry, "--json")
    told = json.loads(result.stdout)
    assert (1, False, True) == (result.exit_code, told["accepted"], "'unheard'" in told["reason"])
    result = cli("publish", other, *dry, "--switch-mode", "ordered")
    assert 1 == result.exit_code
    assert "slot wine switches in mode ready, the publication asks for ordered" in result.stdout
    assert 1 == len(commands(made))


def test_dry_run_of_models_that_cannot_serve(cli: Cli, made: Project) -> None:
    dry = ("--data-type", "wine", "--dry-run")
    bad = made.path / "bad.bin"
    bad.write_bytes(b"nothing known")
    result = cli("publish", bad, *dry)
    assert 1 == result.exit_code
    assert "slot wine would reject it: no format recognises the model" in result.stdout
    golden = made.path / "golden.json"
    golden.write_text('[{"inputs": {"x": 1}, "outputs": {"y": 99}}]')
    result = cli("publish", made.path / "linear.pmml", *dry, "--golden", golden)
    assert 1 == result.exit_code
    assert "golden" in result.stdout
    location = f"file:{made.path}/linear.pmml"
    assert 0 == cli("publish", "--location", location, *dry).exit_code


MISTAKES = [
    ("publish linear.pmml --data-type w", 2, "name the model log: --log DIR, or --config FILE that names it"),
    ("publish linear.pmml --log l", 2, "Missing option '--data-type'"),
    ("publish --log l --data-type w", 2, "name the model: a file, or --location URL, one of the two"),
    ("publish linear.pmml --location file:/x --log l --data-type w", 2, "or --location URL, one of the two"),
    ("publish none.pmml --log l --data-type w", 3, "the model none.pmml cannot be read"),
    ("publish empty.pmml --log l --data-type w", 3, "the model empty.pmml is empty"),
    ("publish linear.pmml --log l --data-type=", 2, "--data-type is empty"),
    ("publish linear.pmml --log l --data-type w --wait", 2, "--wait needs the engine's state directory"),
    ("publish linear.pmml --log l --data-type w --wait --dry-run", 2, "leave out --wait"),
    ("publish linear.pmml --log l --data-type w --switch-mode now", 2, "'now' is not one of"),
    ("publish linear.pmml --log l --data-type w --valid-from soon", 2, "'soon' is no time: write"),
    ("publish linear.pmml --log l --data-type w --valid-from 1969-01-01", 2, "is before 1970"),
    ("publish linear.pmml --log l --data-type w --map x", 2, "'x' is no mapping: write INPUT=FIELD"),
    ("publish linear.pmml --log l --data-type w --map x=a,", 2, "'x=a,' is no mapping"),
    ("publish linear.pmml --log l --data-type w --map x=a --map x=b", 2, "the input 'x' is named twice"),
    ("publish linear.pmml --log l --data-type w --tolerance 1", 2, "--tolerance is for golden records"),
    ("publish linear.pmml --log l --data-type w --golden none.json", 3, "none.json cannot be read"),
    ("publish linear.pmml --log l --data-type w --golden linear.pmml", 3, "are not JSON"),
    ("publish linear.pmml --log l --data-type w --golden golden.json", 3, "golden record 1 has not both"),
    ("publish linear.pmml --log linear.pmml --data-type w", 3, "linear.pmml is not a directory"),
    ("rollback 1 --log none --data-type w", 3, "there is no model log none"),
    ("pin --log none --data-type w", 3, "there is no model log none"),
    ("unpin --log linear.pmml --data-type w", 3, "linear.pmml is not a directory"),
    ("pin --config none.toml --data-type w", 2, "the configuration none.toml cannot be read"),
]


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES)
def test_mistakes(cli: Cli, made: Project, monkeypatch: pytest.MonkeyPatch, line: str, code: int, message: str) -> None:
    monkeypatch.chdir(made.path)
    (made.path / "empty.pmml").touch()
    (made.path / "golden.json").write_text('[{"inputs": {"x": 1}, "outputs": {"y": 1}}, {"inputs": {"x": 1}}]')
    result = cli(*line.split())
    assert code == result.exit_code, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
