"""``stats``, ``models``, ``dead-letters``, ``events`` and ``watch`` of a Kafka group that nobody has to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from tests.app.kafka.serving import configure, start
from tests.cli.conftest import Cli
from tests.engines.kafka.rig import Rig

pytestmark = pytest.mark.slow


@pytest.fixture
def ran(kafka_broker: Broker) -> Rig:
    """A group that has scored, refused a model and put records aside, and is gone."""
    rig = Rig(kafka_broker.bootstrap)
    rig.publish(2)
    rig.publish(0, content=b"garbage")
    rig.send([*range(9), b"no json"])
    return rig


@pytest.fixture
def file(ran: Rig, cli: Cli, tmp_path: Path) -> Path:
    """The configuration under which it ran."""
    found = configure(ran, tmp_path)
    text = found.read_text()
    found.write_text(text.replace("[monitor]\nport = 0\n", "").replace('"wine"\n', '"wine"\nfollow = false\n', 1))
    assert 0 == cli("run", "--quiet", found).exit_code
    return found


def test_stats_equal_a_recount(cli: Cli, ran: Rig, file: Path) -> None:
    told = json.loads(cli("stats", "--config", file, "--json").stdout)
    (version,) = [each for each in told["versions"] if each["records"]]
    times = [each["score_ns"] for each in ran.results()]
    assert (9, sum(times), min(times), max(times)) == tuple(
        version[name] for name in ("records", "total_ns", "min_ns", "max_ns")
    )
    assert {"in": 10, "scored": 9, "dead_lettered": 1, "skipped": 0} == told["total"]
    lines = cli("stats", "--config", file).stdout.splitlines()
    assert ["wine", "scaling", "0", "serving", "9", "0"] == lines[1].split()[:6]
    assert "the counts add up: in = scored + dead-lettered + skipped" == lines[-1]


def test_models_with_events_and_without(cli: Cli, file: Path) -> None:
    told = json.loads(cli("models", "--config", file, "--json").stdout)["models"]
    assert [("serving", 9), ("rejected", 0)] == [(each["state"], each["records"]) for each in told]
    assert told[1]["reason"]
    text = file.read_text()
    file.write_text(text[: text.index("[events]")] + text[text.index("[loading]") :])
    told = json.loads(cli("models", "--config", file, "--json").stdout)["models"]
    assert [("serving", 9), ("received", 0)] == [(each["state"], each["records"]) for each in told]
    refused = cli("events", "--config", file)
    assert 2 == refused.exit_code
    assert "has no [events]" in refused.stderr


def test_dead_letters(cli: Cli, file: Path) -> None:
    told = json.loads(cli("dead-letters", "list", "--config", file, "--json").stdout)
    assert (1, {"undecodable": 1}) == (told["total"], told["codes"])
    assert "undecodable" in cli("dead-letters", "list", "--config", file).stdout
    to = file.parent / "again.jsonl"
    assert 0 == cli("dead-letters", "resend", "--config", file, "--to", to).exit_code
    assert b"no json\n" == to.read_bytes()


def test_dead_letters_are_sent_to_a_topic_once(cli: Cli, ran: Rig, file: Path) -> None:
    resend = ("dead-letters", "resend", "--config", file, "--to-topic", f"{ran.name}-records")
    sent = [json.loads(cli(*resend, "--json").stdout)["records"] for _ in range(2)]
    assert [1, 0] == sent
    again = [each for each in ran.read("records") if each.headers()]
    assert [(b"no json", ["headrace-resent"])] == [
        (each.value(), [name for name, _ in each.headers()]) for each in again
    ]
    assert 0 == json.loads(cli(*resend, "--reason", "no-model", "--json").stdout)["records"]
    assert 0 == cli("run", "--quiet", file).exit_code
    assert "1 records sent" in cli(*resend).stdout


def test_what_a_topic_cannot_be_sent_is_told(cli: Cli, file: Path) -> None:
    resend = ("dead-letters", "resend", "--config", file)
    refused = [cli(*resend), cli(*resend, "--to-topic", "records", "--header", "a;b")]
    assert [2, 2] == [each.exit_code for each in refused]
    absent = cli(*resend, "--to-topic", "no-such-topic")
    assert 0 != absent.exit_code
    assert "has no topic 'no-such-topic'" in absent.stderr


def test_events(cli: Cli, file: Path) -> None:
    told = json.loads(cli("events", "--config", file, "--kind", "rejected", "--json").stdout)
    assert [("rejected", 1, "wine")] == [(each["kind"], each["position"], each["data_type"]) for each in told["events"]]
    heads, *rows = cli("events", "--config", file).stdout.splitlines()
    assert heads.split()[-1] == "instance"
    assert all(told["events"][0]["instance"] in row for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_watch_a_group_and_an_instance(cli: Cli, ran: Rig, file: Path) -> None:
    watched = cli("watch", "--config", file, "--every", "0.1", "--count", "1", "--json")
    assert 0 == watched.exit_code, watched.stderr
    assert 9 == json.loads(watched.stdout)["flow"]["total"]["scored"]
    with start(configure(ran, file.parent)) as instance:
        ran.send(range(10))
        instance.until("/v1/statistics", lambda told: told["total"]["scored"] == 19)
        url = str(instance.client.base_url)
        lines = cli("watch", "--url", url, "--every", "0.1", "--count", "2").stdout.splitlines()
        assert ["in/s", "scored/s", "failed/s", "skipped/s", "mean", "scored"] == lines[0].split()[2:]
        assert ["19", "19"] == [line.split()[-1] for line in lines[1:]]
        told = json.loads(cli("dead-letters", "list", "--url", url, "--json").stdout)
        assert (1, "undecodable") == (told["total"], told["letters"][0]["code"])
        assert "serving" in cli("events", "--url", url).stdout
