import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa
import pytest

from headrace.abc.loader import Deferred, Loaded, LoadEvent, Reached, Rejected, Stage
from headrace.abc.model import Prepared
from headrace.errors import (
    DescriptorError,
    HeadraceError,
    LimitError,
    MissingExtraError,
    ModelFormatError,
    SourceError,
    VerificationError,
)
from headrace.loading import BackgroundLoader, Checked, InlineChecker, LoadOptions, open_loader
from headrace.loading.checking import Reach
from headrace.records import Descriptor, GoldenRecord, SlotKey

pytestmark = pytest.mark.slow

SLOT = SlotKey("numbers")
Write = Callable[..., bytes]
Event = TypeVar("Event", bound=LoadEvent)


class Nothing:
    """Contents that hold nothing."""

    def get(self, digest: str) -> bytes | None:
        return None

    def put(self, content: bytes) -> str:
        return ""


@pytest.fixture(params=[False, True], ids=["inline", "child"])
def loader(request: pytest.FixtureRequest, options: LoadOptions) -> Iterator[BackgroundLoader]:
    loader = open_loader(options, in_child=request.param)
    yield loader
    loader.close()


def submit(loader: BackgroundLoader, position: int, **values: object) -> None:
    loader.submit((SLOT, position), Descriptor("doubler", "numbers", **values), Nothing())  # type: ignore[arg-type]


def collect(loader: BackgroundLoader, verdicts: int) -> list[LoadEvent]:
    """Wait for so many candidates to end, and give every event on the way."""
    events: list[LoadEvent] = []
    while sum(not isinstance(event, Reached) for event in events) < verdicts:
        assert loader.wait(30)
        events += loader.poll()
    return events


def load(loader: BackgroundLoader, kind: type[Event], **values: object) -> Event:
    submit(loader, 1, **values)
    *_, last = collect(loader, 1)
    assert isinstance(last, kind)
    return last


def test_candidates_are_loaded_in_their_order(loader: BackgroundLoader, write: Write) -> None:
    submit(loader, 1, content=write(factor=3.0))
    submit(loader, 2, content=write("refuse"))
    submit(loader, 3, content=write(factor=5.0))
    events = collect(loader, 3)
    kinds = [(event.candidate[1], getattr(event, "stage", type(event))) for event in events]
    stages = [Stage.LOADING, Stage.VERIFYING, Stage.WARMING]
    first, third = ([(position, each) for each in [*stages, Loaded]] for position in (1, 3))
    assert kinds == [*first, (2, Stage.LOADING), (2, Rejected), *third]
    times = [event.at_ns for event in events if isinstance(event, Reached)]
    assert times == sorted(times)
    models = [event.model for event in events if isinstance(event, Loaded)]
    scores = [model.score(pa.record_batch({"x": [2.0]})).outputs.column("y").to_pylist() for model in models]
    assert scores == [[6.0], [10.0]]


def test_what_is_loaded_tells_what_it_took(loader: BackgroundLoader, write: Write) -> None:
    loaded = load(loader, Loaded, content=write(size=10_000), golden=(GoldenRecord({"x": 1}, {"y": 2}),))
    assert loaded.format == "fake"
    assert len(loaded.digest) == 64
    assert min(loaded.load_ns, loaded.verify_ns, loaded.warm_ns) > 0
    assert loaded.memory >= 80_000


def test_golden_records_that_disagree_are_a_verdict(loader: BackgroundLoader, write: Write) -> None:
    rejected = load(loader, Rejected, content=write(), golden=(GoldenRecord({"x": 1}, {"y": 3}),))
    assert isinstance(rejected.error, VerificationError)
    assert len(rejected.digest) == 64


def test_a_wrong_digest_is_a_verdict(loader: BackgroundLoader, write: Write) -> None:
    assert isinstance(load(loader, Rejected, content=write(), digest="0" * 64).error, DescriptorError)


def test_bytes_that_cannot_be_had_are_none(loader: BackgroundLoader) -> None:
    assert isinstance(load(loader, Deferred, digest="0" * 64).error, SourceError)


def test_a_model_that_cannot_be_assembled_here_is_rejected(options: LoadOptions, write: Write) -> None:
    loader = open_loader(options)
    error = load(loader, Rejected, content=write("not here")).error
    assert isinstance(error, ModelFormatError)
    assert str(error) == "the serving process cannot assemble it"
    loader.close()


def test_a_limit_is_no_verdict(options: LoadOptions, write: Write) -> None:
    loader = open_loader(replace(options, wall_seconds=0.5))
    assert isinstance(load(loader, Deferred, content=write("hang")).error, LimitError)
    loader.close()


class Answer(InlineChecker):
    """A checker that raises, or gives, what it is told."""

    def __init__(self, options: LoadOptions, answer: Exception | Prepared) -> None:
        super().__init__(options)
        self.answer = answer

    def check(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        if isinstance(self.answer, Exception):
            raise self.answer
        return replace(super().check(content, descriptor, reach), prepared=self.answer)


@pytest.mark.parametrize("error", [MissingExtraError("pip install"), LimitError("memory"), MemoryError(), OSError("x")])
def test_what_is_wrong_with_this_instance_defers(options: LoadOptions, error: Exception) -> None:
    loader = BackgroundLoader(options, Answer(options, error))
    for _ in range(2):
        deferred = load(loader, Deferred, content=b"")
        assert isinstance(deferred.error, HeadraceError)
    loader.close()


def test_closing_ends_a_check_under_way(options: LoadOptions, write: Write) -> None:
    loader = open_loader(options)
    submit(loader, 1, content=write("hang"))
    submit(loader, 2, content=write())
    assert loader.wait(30)
    loader.close()
    assert [event for event in loader.poll() if not isinstance(event, Reached)] == []


def test_closing_closes_what_nobody_took(options: LoadOptions, write: Write) -> None:
    told = threading.Semaphore(0)
    loader = open_loader(options, in_child=False, notify=told.release)
    submit(loader, 1, content=write())
    for _ in range(4):
        assert told.acquire(timeout=30)
    loaded = loader._events[-1]
    assert isinstance(loaded, Loaded)
    loader.close()
    assert vars(loaded.model)["closed"]


def test_waiting_ends_without_events(options: LoadOptions) -> None:
    loader = open_loader(options, in_child=False)
    assert not loader.wait(0.01)
    loader.close()
