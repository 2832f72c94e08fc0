"""What a run logs: lines for people, or JSON lines."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from headrace.cli.logs import ByThread, EventLog, Sparing
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


def test_what_the_client_says_again_and_again_is_told_once_a_minute() -> None:
    now = 0.0
    sparing = Sparing(60, lambda: now)

    def told(line: str, name: str = "headrace.transports.kafka") -> bool:
        return sparing.filter(logging.LogRecord(name, logging.INFO, "", 0, "%s", (line,), None))

    assert told("FAIL producer-1: refused (after 0ms)")
    assert not told("FAIL producer-2: refused (after 3ms)")
    assert told("FAIL producer-1: no route")
    assert told("serving m", "headrace")
    assert told("serving m", "headrace")
    now = 60.0
    assert told("FAIL producer-1: refused (after 0ms)")


def test_what_threads_print_is_parted_from_what_the_program_prints() -> None:
    program, threads = io.StringIO(), io.StringIO()
    stream = ByThread(program, threads)
    thread = threading.Thread(target=print, args=("a stack of calls",), kwargs={"file": stream})
    thread.start()
    thread.join()
    print("an error", file=stream, flush=True)
    assert ("an error\n", "a stack of calls\n") == (program.getvalue(), threads.getvalue())


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
