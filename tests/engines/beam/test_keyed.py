"""The keyed step by itself: what of it stays in a worker where a bundle fails behind it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace.core.settings import JoinSettings
from headrace.engines.beam.keyed import Manner, ServeKeyed
from headrace.machinery.desk import DESKS, Desk
from headrace.machinery.elements import Form
from headrace.machinery.parcels import Message, Rows, divide
from headrace.machinery.shelf import Shelf
from headrace.records import Raw
from headrace.wire.descriptor import decode_command
from tests.engines.beam.rig import CODEC, OPTIONS, publish, record

KEY = ("wine", "")


@dataclass
class Value:
    """A value of a runner's state, or a timer that never comes due by itself."""

    value: Any = None
    is_set: bool = False

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value

    def set(self, *_: Any, **__: Any) -> None:
        self.is_set = True

    def clear(self) -> None:
        self.is_set = False


@dataclass
class Bag:
    """A bag of a runner's state."""

    bag: list[Any] = field(default_factory=list)

    def read(self) -> list[Any]:
        return list(self.bag)

    def add(self, value: Any) -> None:
        self.bag.append(value)

    def clear(self) -> None:
        self.bag.clear()


def give_rows(*numbers: int) -> Rows:
    raw = Raw("records", 0, np.array(numbers), pa.array([record(number) for number in numbers]))
    ((_, rows),) = divide(CODEC.decode(raw))
    return rows


def test_a_step_that_fails_behind_leaves_no_desk_that_nobody_can_reach() -> None:
    step = ServeKeyed(Manner(JoinSettings(), OPTIONS, Form.VALUES, in_child=False, step=1, name="fails behind"))
    state: dict[str, Any] = {name: Value() for name in ("lease", "snapshot", "due", "look", "end")}
    state |= {name: Bag() for name in ("contents", "queue", "waiting")}
    list(step.process((KEY, Message(publish(0, 2).message, 0, 1)), **state))
    with closing(step.process((KEY, give_rows(1, 2, 3)), **state)) as leaving:  # type: ignore[type-var]
        next(leaving)
    desk = DESKS.take(("fails behind", KEY), state["lease"].read())
    assert desk is not None
    desk.close()


def test_the_end_waits_for_a_load_and_takes_back_the_timer_that_looks_after_it() -> None:
    step = ServeKeyed(Manner(JoinSettings(), OPTIONS, Form.VALUES, in_child=True, step=1, name="ends"))
    state: dict[str, Any] = {name: Value() for name in ("lease", "snapshot", "due", "look", "end")}
    state |= {name: Bag() for name in ("contents", "queue", "waiting")}
    list(step.process((KEY, Message(publish(0, 2).message, 0, 1)), **state))
    assert state["look"].is_set  # a child process takes a while
    assert state["end"].is_set
    events = [each.value for each in step.come_to_end(key=KEY, **state)]  # type: ignore[attr-defined]
    assert "serving" in {str(event.kind) for event in events}
    assert not state["look"].is_set
    desk = DESKS.take(("ends", KEY), state["lease"].read())
    assert desk is not None
    desk.close()


def fail_at_work(desk: Desk) -> None:
    with desk:
        desk.receive(Message(publish(0, 2).message, 0, 1))
        desk.offer(give_rows(1))
        assert 1 == len(desk.work().results)
        raise ZeroDivisionError


def test_a_desk_whose_work_fails_gives_its_models_back() -> None:
    shelf = Shelf(OPTIONS, in_child=False, linger=-1.0)
    with pytest.raises(ZeroDivisionError):
        fail_at_work(Desk(JoinSettings(), shelf, decode_command))
    shelf.move()
    assert 0 == shelf.models
    shelf.close()
