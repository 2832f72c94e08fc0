"""What a campaign does, and the records it does it with.

Of every hundred records one cannot be decoded, one holds text in place of a number, and one is refused by every model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from headrace.records import SwitchMode

EVERY = 100
BAD = {13: "undecodable", 41: "wrong-type", 77: "scoring-failed"}
MOST = 1e6
DATA_TYPE = "wine"


class Plan(msgspec.Struct, frozen=True):
    """One campaign. ``begin`` and ``span`` are the time of the first record and how long they go on, in milliseconds.

    ``rate`` is how many records a second the engine gets while it is to be killed.
    """

    folder: str
    kills: int
    records: int
    mode: SwitchMode = SwitchMode.READY
    durability: Literal["on", "off"] = "on"
    partitions: int = 4
    seed: int = 0
    begin: int = 0
    span: int = 0
    rate: float = 0.0

    @property
    def path(self) -> Path:
        """The folder that holds everything."""
        return Path(self.folder)

    @property
    def inputs(self) -> list[Path]:
        """The files of records, one a partition."""
        return [self.path / "records" / f"{number}.jsonl" for number in range(self.partitions)]

    @property
    def log(self) -> Path:
        """The model log."""
        return self.path / "log"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.path / "state"

    @property
    def results(self) -> Path:
        """The file of results."""
        return self.path / "results.jsonl"

    @property
    def dead_letters(self) -> Path:
        """The file of dead letters."""
        return self.path / "dead_letters.jsonl"

    @property
    def errors(self) -> Path:
        """The file of what ended an engine that nothing killed."""
        return self.path / "errors.txt"

    def save(self) -> None:
        """Write the plan for the child."""
        (self.path / "plan.json").write_bytes(msgspec.json.encode(self))

    def count(self, partition: int) -> int:
        """Tell how many records a partition holds."""
        return len(range(partition, self.records, self.partitions))

    def share(self, partition: int, life: int) -> int:
        """Tell up to which offset of a partition a life, from 1, gets records."""
        return self.count(partition) * life // (self.kills + 1)

    def time_of(self, partition: int, offset: int) -> int:
        """Tell a record's time."""
        return self.begin + self.span * (offset * self.partitions + partition) // self.records


def load_plan(folder: Path) -> Plan:
    """Read a plan that ``save`` wrote."""
    return msgspec.json.decode((folder / "plan.json").read_bytes(), type=Plan)


def code_of(offset: int) -> str:
    """Tell the code under which a record becomes a dead letter, "" for one that is scored."""
    return BAD.get(offset % EVERY, "")


def write_records(plan: Plan) -> None:
    """Write the files of records."""
    plan.inputs[0].parent.mkdir(parents=True, exist_ok=True)
    for partition, path in enumerate(plan.inputs):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_lines(plan, partition))


def _lines(plan: Plan, partition: int) -> Iterator[str]:
    for offset in range(plan.count(partition)):
        code = code_of(offset)
        if code == "undecodable":
            yield "{not a record\n"
            continue
        value = {"wrong-type": "much", "scoring-failed": 10 * MOST}.get(code, offset)
        record = {"id": f"{partition}-{offset}", "kind": DATA_TYPE, "at": plan.time_of(partition, offset), "x": value}
        yield json.dumps(record) + "\n"
