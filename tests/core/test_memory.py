"""What was made of objects that do not change is not made again."""

from __future__ import annotations

from headrace.core.memory import Memory


class Maker:
    """Counts what it makes."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, thing: object) -> int:
        self.made += 1
        return self.made


def test_a_thing_is_made_once_as_long_as_it_is_recalled_every_turn() -> None:
    memory, make, thing = Memory(), Maker(), [1]
    for _ in range(5):
        memory.turn()
        assert [1, 1] == [memory.recall(thing, make), memory.recall(thing, make)]


def test_things_that_are_alike_are_not_the_same() -> None:
    memory, make = Memory(), Maker()
    assert [1, 2] == [memory.recall(thing, make) for thing in ([1], [1])]


def test_what_is_not_recalled_for_a_turn_is_forgotten() -> None:
    memory, make, thing = Memory(), Maker(), [1]
    memory.recall(thing, make)
    memory.turn()
    memory.turn()
    assert 2 == memory.recall(thing, make)
    assert {} == memory._before
