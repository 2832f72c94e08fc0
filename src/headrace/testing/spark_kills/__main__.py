"""The command: start a broker, run a campaign, print a line for each figure, and exit 0 where nothing was lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.testing.broker import Broker
from headrace.testing.spark_kills.campaign import MASTER, Campaign, Plan


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.spark_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="how often the driver or an executor is killed")
    parser.add_argument("--records", type=int, default=20_000, help="how many records there are")
    parser.add_argument("--master", default=MASTER, help="which Spark")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="chooses the executors")
    arguments = parser.parse_args()
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="headrace-spark-kills-") as folder:
        name = f"kills-{uuid.uuid4().hex[:8]}"
        plan = Plan(broker.bootstrap, name, arguments.kills, arguments.records, arguments.seed, arguments.master)
        try:
            verdict = Campaign(plan, Path(folder), _tell).run()
        except HeadraceError as error:
            _tell(str(error))
            return 1
    _tell(f"{verdict.driver_kills} kills of the driver, {verdict.executor_kills} of an executor, seed {plan.seed}")
    _tell(f"{plan.records} records: lost {verdict.lost}, by a wrong version {verdict.wrong}")
    _tell(f"versions whose statistics are not a recount's: {verdict.miscounted}")
    _tell(f"duplicated {verdict.duplicated}: Spark's Kafka sink writes at least once")
    return 1 if verdict.lost or verdict.wrong or verdict.miscounted else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
