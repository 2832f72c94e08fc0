"""A version that serves, and premises where nothing happens: for what is tested without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.core.states import State
from headrace.core.statistics import Timing
from headrace.monitor.view import VersionView
from headrace.records import Command, Descriptor


def make_version(position: int = 0, times: Sequence[tuple[int, int]] = (), **more: Any) -> VersionView:
    """Make a version; ``times`` are rows and the nanoseconds of each."""
    timing = Timing()
    for rows, each_ns in times:
        timing.add(rows, each_ns)
    plain: dict[str, Any] = {
        "data_type": "wine", "slot": "", "name": "line", "version": str(position), "description": "", "model_type": "",
        "digest": "", "position": position, "state": State.SERVING, "reason": "", "location": "", "golden_records": 0,
        "mapping": {}, "since": 1, "until": None, "records": timing.count, "errors": 0, "last_error": "",
        "timing": timing, "load_ns": 1, "verify_ns": 1, "warm_ns": 1, "memory_bytes": 1,
    }  # fmt: skip
    return VersionView(**(plain | more))


VERSION = make_version()


class Still:
    """``Steering`` and ``Records`` of an engine that does nothing."""

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        return 0, descriptor

    def send(self, command: Command) -> int:
        return 0

    def read_events(self, limit: int) -> Sequence[Mapping[str, object]]:
        return []

    def read_dead_letters(self, limit: int) -> Sequence[Mapping[str, object]]:
        return []

    def find_problems(self) -> Sequence[str]:
        return []

    def describe_engine(self) -> Mapping[str, object]:
        return {}


STILL = Still()
