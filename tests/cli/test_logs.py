"""What a run logs: lines for people, or JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headrace.cli.logs import EventLog
from headrace.core.events import Event
from headrace.core.states import State
from headrace.records import SlotKey
from tests.app.project import Project, linear
from tests.monitor.conftest import configure

if TYPE_CHECKING:
    from pathlib import Path


def test_events_are_told_by_their_weight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="headrace")
    kinds = (State.RECEIVED, State.SERVING, State.REJECTED)
    EventLog().happened([Event(kind, 5, 1, SlotKey("wine"), "m", "2", reason="why") for kind in kinds])
    assert [("INFO", "serving m 2"), ("WARNING", "rejected m 2")] == [
        (each.levelname, each.getMessage()) for each in caplog.records
    ]
    assert {"kind": "rejected", "position": 1, "reason": "why"}.items() <= caplog.records[1].about.items()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_run_logs_json_lines_and_tells_its_page(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.write_records(1)
    made.publish(linear())
    configure(made)
    made.config.write_text(
        made.config.read_text().replace("follow = true\n", "").replace("[models]", "[models]\nfollow = false")
    )
    command = [sys.executable, "-m", "headrace", "run", str(made.config), "--log-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert "the monitor is at http://127.0.0.1:" in told[0]["message"]
    assert ["staged", "serving"] == [each["kind"] for each in told[1:]]
    assert {"at", "level", "logger", "message", "slot", "data_type"} <= told[1].keys()
