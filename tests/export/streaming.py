"""A stream that runs while a model is published to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.app.configuration import load_configuration
from headrace.app.engine import build_engine
from headrace.app.publishing import publish
from headrace.app.verdict import Outcome, Watch
from headrace.records import Descriptor
from tests.app.project import linear

CONFIG = """
records = { path = "records.jsonl", format = "json", data_type = "wine", id = "id", follow = true }
models = { log = "models" }
results = { path = "results.jsonl" }
dead_letters = { path = "dead.jsonl" }
loading = { checker = "inline" }
state = { directory = "state" }
engine = { commit_seconds = 0.05, poll_seconds = 0.005 }
"""
PATIENCE = 60.0


def serve(folder: Path, descriptor: Descriptor, names: Sequence[str], rows: Any) -> list[dict[str, Any]]:
    """Publish to a running engine that serves another model, score rows, and give each one's outputs."""
    records, results = folder / "records.jsonl", folder / "results.jsonl"
    records.write_text(json.dumps({"id": "first", "x": 1.0}) + "\n")
    (folder / "headrace.toml").write_text(CONFIG)
    publish(folder / "models", Descriptor("other", "wine", content=linear(), slot="other"))
    engine = build_engine(load_configuration(folder / "headrace.toml"))
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        watch = Watch(folder / "state")
        verdict = watch.wait(descriptor.slot_key, publish(folder / "models", descriptor)[0], PATIENCE)
        assert (Outcome.SERVING, "") == (verdict.outcome, verdict.reason)
        with records.open("a") as file:
            for number, row in enumerate(rows):
                file.write(json.dumps({"id": f"{number}", **dict(zip(names, row, strict=True))}) + "\n")
        until = time.monotonic() + PATIENCE
        while len(scored := _read(results)) < len(rows) and time.monotonic() < until:
            threading.Event().wait(0.02)
    finally:
        engine.stop()
        thread.join()
    assert [str(number) for number in range(len(rows))] == [each["id"] for each in scored]
    return [each["outputs"] for each in scored]


def _read(path: Path) -> list[dict[str, Any]]:
    """Read the whole lines of the published model's results."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    read = [json.loads(line) for line in lines if line.endswith("\n")]
    return [each for each in read if each["model"] != "other"]
