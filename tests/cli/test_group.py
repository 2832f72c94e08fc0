"""``headrace run`` and ``headrace validate`` with configurations of the Kafka engine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from tests.cli.conftest import Cli
from tests.engines.kafka.rig import Rig

pytestmark = pytest.mark.slow

HEADRACE = Path(sys.executable).parent / "headrace"
FILE = """
[engine]
name = "kafka"
group = "{name}-group"
{engine}
[kafka]
"bootstrap.servers" = "{servers}"
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
follow = {follow}
[models]
topic = "{name}-models"
[results]
topic = "{name}-results"
[dead_letters]
topic = "{name}-letters"
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
no_model = "hold"
"""


@pytest.fixture
def rig(kafka_broker: Broker) -> Rig:
    """An application with a model and ten records, one of them bad."""
    found = Rig(kafka_broker.bootstrap)
    found.publish(2)
    found.send([*range(9), b"no json"])
    return found


def configure(rig: Rig, folder: Path, *, follow: bool = False, engine: str = "", servers: str = "") -> Path:
    file = folder / "headrace.toml"
    given = {"name": rig.name, "engine": engine, "servers": servers or rig.bootstrap}
    file.write_text(FILE.format(follow=str(follow).lower(), **given))
    return file


def test_run_to_the_end_of_the_topics(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    result = cli("run", configure(rig, tmp_path), "--json")
    assert 0 == result.exit_code, result.stderr
    told = json.loads(result.stdout)
    assert (10, 9, 1, True) == (told["in"], told["scored"], told["dead_lettered"], told["adds_up"])
    assert 9 == len(rig.results())


@pytest.mark.slow
def test_workers_share_the_records_and_end_with_a_signal(rig: Rig, tmp_path: Path) -> None:
    file = configure(rig, tmp_path, follow=True)
    command = [str(HEADRACE), "run", "--quiet", "--workers", "2", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        rig.wait_for_results(9)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate()
    assert (0, 2) == (process.returncode, told.count("skipped by this instance"))
    assert 9 == len(rig.results())


def test_workers_cannot_all_have_one_name(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    result = cli("run", "--workers", "2", configure(rig, tmp_path, engine='instance = "one"'))
    assert 2 == result.exit_code
    assert "leave engine.instance out" in result.stderr


def test_validate_shows_the_topics(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    result = cli("validate", configure(rig, tmp_path))
    assert 0 == result.exit_code, result.stderr
    assert f"records {rig.topic('records')}: json, 2 partitions" in result.stdout
    assert f"state: {rig.name}-group-state, which the first run makes" in result.stdout


def test_validate_looks_at_the_monitor(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    file = configure(rig, tmp_path)
    file.write_text(file.read_text() + '[monitor]\naddress = "0.0.0.0"\n')
    result = cli("validate", file)
    assert 2 == result.exit_code
    assert "0.0.0.0" in result.stderr


def test_a_topic_that_is_not_there_is_named(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    file = configure(rig, tmp_path)
    file.write_text(file.read_text().replace(f"{rig.name}-letters", "nowhere"))
    for command in ("validate", "run"):
        result = cli(command, file)
        assert 0 != result.exit_code
        assert "has no topic 'nowhere'" in result.stderr


def test_a_broker_that_is_not_there_is_named(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    result = cli("validate", configure(rig, tmp_path, servers="127.0.0.1:1"))
    assert 0 != result.exit_code
    assert "127.0.0.1:1" in result.stderr


def test_one_topic_is_not_for_two_things(cli: Cli, rig: Rig, tmp_path: Path) -> None:
    file = configure(rig, tmp_path)
    file.write_text(file.read_text().replace(f"{rig.name}-letters", f"{rig.name}-results"))
    result = cli("run", file)
    assert 2 == result.exit_code
    assert "is named twice" in result.stderr
