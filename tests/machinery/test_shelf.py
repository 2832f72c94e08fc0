"""Models of a worker process: loaded once, shared, and released when nobody holds them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.abc.loader import Loaded, LoadEvent, Reached, Rejected, Stage
from headrace.loading import LoadOptions
from headrace.machinery.shelf import Shelf, ShelfLoader
from headrace.records import Descriptor, SlotKey
from headrace.stores.contents import MemoryContents
from headrace.testing.scaling import FORMATS, write_scaling

OPTIONS = LoadOptions(formats=dict(FORMATS), warm_rows=(1,))
A, B = SlotKey("wine", "a"), SlotKey("wine", "b")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf(OPTIONS, in_child=False, linger=-1.0)
    yield made
    made.close()


def submit(loader: ShelfLoader, slot: SlotKey, content: bytes) -> None:
    contents = MemoryContents()
    loader.submit((slot, 0), Descriptor("any", "wine", digest=contents.put(content)), contents)


def verdict(loader: ShelfLoader) -> LoadEvent:
    found: list[LoadEvent] = []
    while not any(isinstance(event, (Loaded, Rejected)) for event in found):
        loader.wait(1)
        found += loader.poll()
    return found[-1]


def load(loader: ShelfLoader, slot: SlotKey, content: bytes) -> Loaded:
    submit(loader, slot, content)
    loaded = verdict(loader)
    assert isinstance(loaded, Loaded)
    return loaded


def test_the_same_bytes_are_one_model_for_all(shelf: Shelf) -> None:
    one, other = ShelfLoader(shelf), ShelfLoader(shelf)
    submit(one, A, write_scaling(2))
    submit(other, B, write_scaling(2))
    held = [verdict(one), verdict(other)]
    assert [(A, 0), (B, 0)] == [event.candidate for event in held]
    assert 1 == shelf.models
    load(one, A, write_scaling(3))
    assert 2 == shelf.models


def test_who_asks_late_is_told_every_stage(shelf: Shelf) -> None:
    one, other = ShelfLoader(shelf), ShelfLoader(shelf)
    submit(one, A, write_scaling(2))
    place = next(iter(shelf._places.values()))
    shelf._pass_on(Reached((SlotKey(""), place.number), Stage.LOADING, 0))
    shelf._pass_on(Reached((SlotKey(""), place.number), Stage.VERIFYING, 0))
    submit(other, B, write_scaling(2))
    assert [Stage.LOADING, Stage.VERIFYING] == [each.stage for each in other._events if isinstance(each, Reached)]
    assert isinstance(verdict(one), Loaded)


def test_a_model_is_released_once_its_last_holder_is_done(shelf: Shelf) -> None:
    one, other = ShelfLoader(shelf), ShelfLoader(shelf)
    first, second = load(one, A, write_scaling(2)), load(other, B, write_scaling(2))
    first.model.close()
    shelf.move()
    assert 1 == shelf.models
    second.model.close()
    shelf.move()
    assert 0 == shelf.models
    assert {"y": 2.0} == load(one, A, write_scaling(2)).model.score_one({"x": 1.0})


def test_a_verdict_against_a_model_is_told_to_all_who_asked(shelf: Shelf) -> None:
    one, other = ShelfLoader(shelf), ShelfLoader(shelf)
    submit(one, A, b"poison")
    submit(other, B, b"poison")
    assert [Rejected, Rejected] == [type(verdict(one)), type(verdict(other))]


def test_who_leaves_gives_back_what_it_was_not_handed(shelf: Shelf) -> None:
    one = ShelfLoader(shelf)
    submit(one, A, write_scaling(2))
    while not shelf.models:
        shelf.wait(1)
        shelf.move()
    one.close()
    shelf.move()
    assert 0 == shelf.models
