"""What a campaign does, its topics, and the records it does it with.

The records are as in ``headrace.testing.kills.plan``: of every hundred one cannot be decoded, one holds text in place
of a number, and one is refused by every model.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from headrace.testing.kills.plan import DATA_TYPE, MOST, code_of


class Plan(msgspec.Struct, frozen=True):
    """One campaign. ``rate`` is how many records a second one instance scores, so that they last for all the kills.

    ``pauses`` is how often an instance is halted for longer than its session and its transaction may last. ``apart``
    is a control: each instance keeps a state of its own, so that none knows what those before it did.
    """

    bootstrap: str
    name: str
    kills: int
    records: int
    delivery: Literal["exactly-once", "at-least-once"] = "exactly-once"
    partitions: int = 4
    instances: int = 2
    seed: int = 0
    rate: float = 0.0
    pauses: int = 0
    apart: bool = False

    @property
    def group(self) -> str:
        """The instances' group."""
        return f"{self.name}-group"

    @property
    def names(self) -> list[str]:
        """The instances' names."""
        return [f"instance-{number}" for number in range(self.instances)]

    def topic(self, what: str) -> str:
        """Name one of the campaign's topics: records, models, results, dead-letters, state."""
        return f"{self.name}-{what}"

    def state(self, instance: str) -> str:
        """Name the topic of an instance's state: the same for all, unless they are apart."""
        return self.topic(f"state-{instance}" if self.apart else "state")

    def count(self, partition: int) -> int:
        """Tell how many records a partition holds."""
        return len(range(partition, self.records, self.partitions))


def make_record(partition: int, offset: int) -> bytes:
    """Write one record, good or bad by its offset."""
    code = code_of(offset)
    if code == "undecodable":
        return b"{not a record"
    value = {"wrong-type": "much", "scoring-failed": 10 * MOST}.get(code, offset)
    return json.dumps({"id": f"{partition}-{offset}", "kind": DATA_TYPE, "x": value}).encode()
