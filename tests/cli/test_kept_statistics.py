"""``headrace stats``, ``models`` and ``watch`` over what a Beam or Spark job has written to its database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.cli.exits import Exit
from headrace.stores.statistics import Database, SlotRow, VersionRow
from tests.cli.conftest import Cli

FILE = """
[engine]
name = "{engine}"
{more}
[kafka]
"bootstrap.servers" = "127.0.0.1:1"
[records]
topic = "wines"
format = "json"
data_type = "wine"
[models]
topic = "models"
[results]
topic = "scores"
[dead_letters]
topic = "letters"
"""
SPARK, BEAM = ("spark", 'checkpoint = "checkpoint"'), ("beam", "")
KEPT = '[statistics]\ndatabase = "sqlite:///kept.db"\njob = "wines"\n'


def configure(folder: Path, engine: str, more: str, statistics: str = KEPT) -> str:
    file = folder / "job.toml"
    file.write_text(FILE.format(engine=engine, more=more) + statistics)
    return str(file)


def keep(folder: Path) -> None:
    """Keep what two parts of a job have done, and another job."""
    database = Database(f"sqlite:///{folder / 'kept.db'}")
    for job, part, records, each_ns in (("wines", "a", 10, 5), ("wines", "b", 20, 7), ("beers", "a", 1, 1)):
        version = VersionRow(
            "wine", "", 3, "forest", "2", "", "d" * 64, "serving", "", 1, 1_700_000_000_000, None, records, 0, "",
            records * each_ns, each_ns, each_ns, json.dumps({each_ns: records}), 10, 20, 30, 1_000,
        )  # fmt: skip
        slots = [SlotRow("wine", "", "ready", records, records, 0, 0), SlotRow("", "", "", 1, 0, 1, 0)]
        database.write(job, [(part, ([version], slots))])
    database.close()


@pytest.mark.parametrize(("engine", "more"), [SPARK, BEAM])
def test_the_parts_of_a_job_add_up(cli: Cli, tmp_path: Path, engine: str, more: str) -> None:
    keep(tmp_path)
    file = configure(tmp_path, engine, more)
    told = json.loads(cli("stats", "--config", file, "--json").stdout)
    (version,) = told["versions"]
    assert ("forest", "2", 30, 190, 5, 7) == tuple(
        version[name] for name in ("name", "version", "records", "total_ns", "min_ns", "max_ns")
    )
    assert {"in": 32, "scored": 30, "dead_lettered": 2, "skipped": 0} == told["total"]
    assert told["adds_up"]
    shown = cli("models", "--config", file)
    assert "serving (pinned)" in shown.stdout
    watched = cli("watch", "--config", file, "--every", "0.1", "--count", "1", "--json")
    assert 30 == json.loads(watched.stdout)["flow"]["total"]["scored"]


def test_a_job_that_keeps_nothing_and_a_database_that_is_none_are_told(cli: Cli, tmp_path: Path) -> None:
    nothing = cli("stats", "--config", configure(tmp_path, *SPARK, statistics=""))
    assert Exit.USAGE == nothing.exit_code
    assert "has no [statistics]" in nothing.stderr
    wrong = cli("stats", "--config", configure(tmp_path, *SPARK, statistics='[statistics]\ndatabase = "kept.db"\n'))
    assert "write sqlite:///PATH or postgresql://" in wrong.stderr
    gone = '[statistics]\ndatabase = "postgresql://me@127.0.0.1:1/x"\n'
    absent = cli("stats", "--config", configure(tmp_path, *SPARK, statistics=gone))
    assert "the statistics database postgresql://me@127.0.0.1:1/x cannot be read" in absent.stderr
