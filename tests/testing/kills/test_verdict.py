"""The judge of a campaign finds every kind of breach."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.testing.kills.campaign import Campaign
from headrace.testing.kills.plan import Plan
from headrace.testing.kills.verdict import judge

pytestmark = pytest.mark.slow

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A campaign without kills, over 800 records and a model."""
    folder = tmp_path_factory.mktemp("campaign")
    return Campaign(Plan(str(folder), kills=0, records=800, seed=1), lambda _: None).run()


def test_what_an_engine_leaves_that_nothing_kills_is_clean(done: Plan) -> None:
    verdict = judge(done)
    assert verdict.clean
    assert (776, 24) == (verdict.scored, verdict.refused)


def change(name: str, value: Any) -> Callable[[Lines], object]:
    return lambda lines: lines[7].update({name: value})


def swap(lines: Lines) -> None:
    first = next(index for index, line in enumerate(lines) if line["partition"] == 0)
    second = next(index for index, line in enumerate(lines) if line["partition"] == 0 and index > first)
    lines[first], lines[second] = lines[second], lines[first]


BREACHES: dict[str, tuple[str, Callable[[Lines], object]]] = {
    "lost": ("results.jsonl", lambda lines: lines.pop(3)),
    "duplicated": ("results.jsonl", lambda lines: lines.append(lines[3])),
    "scored and not to be": ("results.jsonl", change("offset", 13)),
    "torn": ("results.jsonl", lambda lines: lines[5].pop("offset")),
    "dead letters lost": ("dead_letters.jsonl", lambda lines: lines.pop(3)),
    "dead letters too many": ("dead_letters.jsonl", lambda lines: lines.append(lines[3])),
    "out of order": ("results.jsonl", swap),
    "not what the model gives": ("results.jsonl", change("outputs", {"y": 0.5})),
    "met the wrong version": ("results.jsonl", change("position", 99)),
    "statistics unlike the output": ("results.jsonl", change("score_ns", 10**9)),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found(done: Plan, tmp_path: Path, breach: str) -> None:
    shutil.copytree(done.path, tmp_path / "copy")
    name, tamper = BREACHES[breach]
    file = tmp_path / "copy" / name
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    tamper(lines)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    verdict = judge(Plan(str(tmp_path / "copy"), 0, 800, seed=1, begin=done.begin, span=done.span))
    assert verdict.breaches[breach] > 0
