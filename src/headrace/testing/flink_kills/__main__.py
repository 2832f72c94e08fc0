"""The command: start a broker and a cluster, run a campaign, print each figure, and exit 0 where every goal is met."""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.testing.broker import Broker
from headrace.testing.flink_kills.campaign import Attempt, Campaign, Verdict
from headrace.testing.flink_kills.cluster import Cluster
from headrace.testing.kills.report import none_of, report, some_of
from headrace.transports.kafka.settings import ClientSettings


def main() -> int:
    """Run what the arguments ask for."""
    arguments = _parse()
    attempt = Attempt(
        f"kills-{uuid.uuid4().hex[:8]}",
        arguments.engine,
        arguments.kills,
        arguments.batch,
        checkpoints=not arguments.control,
        parallelism=arguments.parallelism,
    )
    try:
        verdict = _run(attempt, arguments.python)
    except HeadraceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    goals = {"lost": none_of(verdict.lost), "wrong": none_of(verdict.wrong)}
    if not arguments.control:
        goals["versions whose statistics are not a recount's"] = none_of(verdict.miscounted)
    goals["duplicated"] = some_of(verdict.doubled) if arguments.control else none_of(verdict.doubled)
    return report(f"{attempt.engine}, {attempt.kills} kills, {verdict.sent:,} records", goals)


def _run(attempt: Attempt, python: Path) -> Verdict:
    with (
        tempfile.TemporaryDirectory(prefix="headrace-flink-kills-") as folder,
        Broker() as broker,
        Cluster(python, Path(folder), attempt.parallelism) as cluster,
    ):
        return Campaign(attempt, ClientSettings(broker.settings), cluster, python, Path(folder)).run()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.flink_kills", description=__doc__)
    parser.add_argument("--engine", choices=["flink-keyed", "flink-partitioned"], default="flink-keyed")
    parser.add_argument("--kills", type=int, default=10, help="how often the task manager or the cluster is killed")
    parser.add_argument("--batch", type=int, default=2_000, help="how many records are sent between two kills")
    parser.add_argument("--parallelism", type=int, default=1, help="how many tasks the job has")
    parser.add_argument("--control", action="store_true", help="no checkpoints: it must find duplicates")
    parser.add_argument("--python", type=Path, default=Path(".venv-flink/bin/python").absolute(),
                        help="the Python of an environment with PyFlink")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
