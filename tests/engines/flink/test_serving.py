"""What the contract promises, on a mini cluster: both joins, one task and two, arrivals in two orders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.engines.flink.conftest import Line, Serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("flink")]

RECORDS = 400
BAD = {at for at in range(RECORDS) if at % 50 == 49}
RUNS = ((1, "time"), (2, "partition"))
JOINS = ("keyed", "partitioned")
each_run = pytest.mark.parametrize(("parallelism", "order"), RUNS)
each_join = pytest.mark.parametrize("join", JOINS)


def choose(lines: list[Line], join: str, outlet: str, **fields: Any) -> list[Line]:
    """Give the lines of a join and an outlet whose fields are these."""
    wanted = {"join": join, "outlet": outlet, **fields}
    return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


def scored(lines: list[Line], join: str, kind: str) -> dict[int, tuple[str, float]]:
    """Give the model and the output of each record of a type, by its number; none is there twice."""
    results = choose(lines, join, "results", data_type=kind)
    found = {int(line["id"].split("-")[1]): (line["model"], line["outputs"]["y"]) for line in results}
    assert len(results) == len(found)
    return found


def expect(*steps: tuple[int, float]) -> dict[int, tuple[str, float]]:
    """Give what records get where models take over at these times, each multiplying by its factor."""
    expected = {}
    for at in sorted(set(range(RECORDS)) - BAD):
        factors = [factor for begin, factor in steps if begin <= at]
        if factors:
            expected[at] = (f"by {factors[-1]:g}", at * factors[-1])
    return expected


@each_run
@each_join
def test_by_time_each_record_meets_the_model_of_its_time(serve: Serve, join: str, parallelism: int, order: str) -> None:
    lines = serve(parallelism, order)
    assert expect((20, 2), (100, 3), (200, 5)) == scored(lines, join, "wine")
    assert expect((20, 2), (100, 3), (200, 5)) == scored(lines, join, "cider")


@each_run
@each_join
def test_rolling_back_equals_never_having_promoted(serve: Serve, join: str, parallelism: int, order: str) -> None:
    lines = serve(parallelism, order)
    never, promoted = scored(lines, join, "wine"), scored(lines, join, "promoted")
    within = range(250, 300)
    assert {at: never[at] for at in never if at not in within} == {
        at: promoted[at] for at in promoted if at not in within
    }
    assert {"by 7"} == {promoted[at][0] for at in within if at not in BAD}


@each_run
@each_join
def test_when_ready_a_result_is_what_its_version_gives_and_positions_never_fall(
    serve: Serve, join: str, parallelism: int, order: str
) -> None:
    lines = serve(parallelism, order)
    found = scored(lines, join, "beer")
    assert set(range(RECORDS)) - BAD == set(found)
    assert all(output == at * {"by 2": 2, "by 3": 3}[model] for at, (model, output) in found.items())
    for partition in range(3):
        results = choose(lines, join, "results", data_type="beer", partition=partition)
        positions = [line["position"] for line in sorted(results, key=lambda line: int(line["offset"]))]
        assert sorted(positions) == positions


@each_run
@each_join
def test_results_leave_in_the_order_of_their_partition(serve: Serve, join: str, parallelism: int, order: str) -> None:
    lines = serve(parallelism, order)
    for kind in ("wine", "beer"):
        for partition in range(3):
            results = choose(lines, join, "results", data_type=kind, partition=partition)
            offsets = [line["offset"] for line in results]
            assert sorted(offsets) == offsets


@each_run
@each_join
def test_what_comes_in_is_scored_or_a_dead_letter_or_skipped(
    serve: Serve, join: str, parallelism: int, order: str
) -> None:
    lines = serve(parallelism, order)
    letters = choose(lines, join, "dead_letters")
    assert {
        ("no-model", "cider"): 20,  # those before the first model
        ("no-model", "mead"): 19,  # no model ever comes
        ("wrong-type", "other"): 4 * len(BAD) + 1,
        ("undecodable", "other"): 4,
        ("undeclared-data-type", "other"): 4,
    } == Counter((line["code"], _kind(line)) for line in letters)
    assert len(BAD) == 8


@each_run
@each_join
def test_models_that_do_not_fit_are_refused_and_told(serve: Serve, join: str, parallelism: int, order: str) -> None:
    events = choose(serve(parallelism, order), join, "events")
    refused = {(line["data_type"], line["name"]) for line in events if line["kind"] == "rejected"}
    assert {("wine", "by 0"), ("wine", "unknown")} == refused
    assert 1 <= sum(line["kind"] == "command-refused" for line in events)


def test_both_joins_and_both_runs_give_the_same(serve: Serve) -> None:
    for kind in ("wine", "promoted", "cider"):
        found = [scored(serve(parallelism, order), join, kind) for parallelism, order in RUNS for join in JOINS]
        assert [found[0]] * 4 == found


def _kind(line: Line) -> str:
    return str(line["id"]).split("-", maxsplit=1)[0] if line["code"] == "no-model" else "other"
