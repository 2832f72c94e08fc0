"""Models of a worker process: loaded once, shared, and released when nobody holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.abc.loader import Loaded, LoadEvent, Reached, Rejected, Stage
from headrace.loading import LoadOptions
from headrace.machinery.shelf import Shelf, ShelfLoader
from headrace.records import Descriptor, SlotKey
from headrace.stores.contents import MemoryContents, digest_of
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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(write_scaling(2))
    return path


@pytest.fixture
def fetching(file: Path) -> Iterator[Shelf]:
    made = Shelf(replace(OPTIONS, locations=(f"file:{file.parent}/",)), in_child=False, linger=-1.0)
    yield made
    made.close()


def fetch(loader: ShelfLoader, file: Path, position: int) -> tuple[Loaded, MemoryContents]:
    contents = MemoryContents()
    loader.submit((A, position), Descriptor("any", "wine", location=f"file:{file}", model_type="scaling"), contents)
    loaded = verdict(loader)
    assert isinstance(loaded, Loaded)
    return loaded, contents


def test_a_later_publication_gets_what_lies_at_its_location_by_then(fetching: Shelf, file: Path) -> None:
    loader = ShelfLoader(fetching)
    first, _ = fetch(loader, file, 0)
    file.write_bytes(write_scaling(3))
    second, _ = fetch(loader, file, 1)
    assert [digest_of(write_scaling(factor)) for factor in (2, 3)] == [first.digest, second.digest]


def test_all_who_ask_for_one_publication_share_its_model_and_get_its_bytes(fetching: Shelf, file: Path) -> None:
    found = [fetch(ShelfLoader(fetching), file, 4) for _ in range(3)]
    assert 1 == fetching.models
    digest = digest_of(write_scaling(2))
    assert [(digest, write_scaling(2))] * 3 == [(loaded.digest, contents.get(digest)) for loaded, contents in found]
