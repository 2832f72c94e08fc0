"""What serves when, in one slot."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.candidate import Candidate
from headrace.core.states import State
from headrace.core.timeline import BEGINNING, END, Entry, Timeline, can_serve, may_serve
from headrace.records import Descriptor, Pin, Retire, SlotKey, Unpin

WINE = SlotKey("wine")


def candidate(position: int, moment: int, state: State = State.STAGED) -> Candidate:
    return Candidate(WINE, position, moment, Descriptor("m", "wine"), "d", state=state)


def timeline_of(*steps: tuple[int, str] | tuple[int, str, State]) -> Timeline:
    """Steps are a moment and ``publish``, ``pin``, ``unpin`` or ``retire``; positions count from 0."""
    commands: dict[str, Pin | Unpin | Retire] = {"pin": Pin(WINE), "unpin": Unpin(WINE), "retire": Retire(WINE)}
    timeline = Timeline()
    for position, (moment, what, *state) in enumerate(steps):
        if what == "publish":
            entry = Entry(moment, position, candidate=candidate(position, moment, *state))
        else:
            entry = Entry(moment, position, command=commands[what])
        timeline.insert(entry)
    return timeline


def meet(timeline: Timeline, *moments: int) -> list[int | None]:
    """The position that serves at each moment; None for nobody."""
    segments = timeline.segments()
    met = [segments.candidates[place] for place in segments.each(np.array(moments, dtype=np.int64)).tolist()]
    return [None if each is None else each.position for each in met]


def active(timeline: Timeline, *moments: int) -> list[bool]:
    segments = timeline.segments()
    return [segments.active[place] for place in segments.each(np.array(moments, dtype=np.int64)).tolist()]


def test_a_publication_serves_from_its_moment_on() -> None:
    assert [None, 0, 0, 1] == meet(timeline_of((10, "publish"), (20, "publish")), 9, 10, 19, 20)


def test_a_tie_goes_to_the_greater_position() -> None:
    assert [None, 1] == meet(timeline_of((10, "publish"), (10, "publish")), 9, 10)


def test_moments_count_and_not_positions() -> None:
    assert [None, 1, 0] == meet(timeline_of((20, "publish"), (10, "publish")), 9, 10, 20)


def test_a_rejected_publication_was_never_there() -> None:
    assert [0, 0] == meet(timeline_of((10, "publish"), (20, "publish", State.REJECTED)), 10, 20)


def test_one_without_a_verdict_has_its_segment() -> None:
    timeline = timeline_of((10, "publish"), (20, "publish", State.LOADING))
    assert [0, 1] == meet(timeline, 10, 20)
    assert timeline.segments().undecided == 20


def test_a_verdict_changes_the_segments() -> None:
    timeline = timeline_of((10, "publish"), (20, "publish", State.LOADING))
    timeline.segments()
    waiting = timeline.entries[1].candidate
    assert waiting is not None
    waiting.state = State.REJECTED
    timeline.touch()
    assert [0, 0] == meet(timeline, 10, 20)
    assert timeline.segments().undecided == END


def test_a_pin_keeps_what_serves() -> None:
    assert [0, 0, 0] == meet(timeline_of((10, "publish"), (20, "pin"), (30, "publish")), 10, 20, 30)


def test_the_unpin_lets_the_last_staged_one_serve() -> None:
    steps = ((10, "publish"), (20, "pin"), (30, "publish"), (40, "publish"), (50, "unpin"))
    assert [0, 0, 3] == meet(timeline_of(*steps), 30, 49, 50)


def test_an_unpin_with_nothing_staged_changes_nothing() -> None:
    timeline = timeline_of((10, "publish"), (20, "pin"), (30, "unpin"), (40, "publish"))
    assert [BEGINNING, 10, 40] == timeline.segments().starts


def test_retiring_the_slot_ends_service_and_pin() -> None:
    timeline = timeline_of((10, "publish"), (20, "pin"), (30, "publish"), (40, "retire"), (50, "publish"))
    assert [0, None, 4] == meet(timeline, 39, 40, 50)
    assert [True, False, True] == active(timeline, 39, 40, 50)


def test_retiring_what_is_not_active_is_no_change() -> None:
    assert [BEGINNING] == timeline_of((10, "retire")).segments().starts


def test_the_first_to_serve_makes_the_slot_active() -> None:
    assert [False, True] == active(timeline_of((10, "publish")), 9, 10)


def test_one_that_is_staged_behind_a_pin_does_not() -> None:
    steps = ((5, "pin"), (10, "publish"), (20, "unpin"))
    assert [False, False, True] == active(timeline_of(*steps), 9, 10, 20)


def test_what_begins_and_ends_at_one_moment_was_never_there() -> None:
    steps = ((10, "publish"), (20, "retire"), (30, "publish"), (30, "retire"))
    plain, folded = timeline_of(*steps), timeline_of(*steps)
    folded.fold(30)
    assert [BEGINNING, 10, 20] == plain.segments().starts == folded.segments().starts
    assert 20 == folded.base_start


def test_what_ends_and_begins_at_one_moment_was_always_there() -> None:
    steps = ((10, "publish"), (30, "retire"), (30, "publish"))
    timeline = timeline_of(*steps)
    timeline.fold(30)
    assert [(BEGINNING, False), (10, True)] == timeline.past
    assert 30 == timeline.base_start


def test_a_declared_slot_is_active_from_the_beginning() -> None:
    timeline = timeline_of((10, "publish"))
    timeline.declare()
    assert [True, True] == active(timeline, BEGINNING, 10)


def test_the_next_candidate_and_the_next_activation_are_found() -> None:
    segments = timeline_of((10, "publish"), (20, "retire"), (30, "publish")).segments()
    assert [1, 3, 3, None] == [segments.following(place) for place in range(4)]
    assert [10, 30, 30, END] == [segments.activation(place) for place in range(4)]


def test_the_end_counts_only_who_counts() -> None:
    timeline = timeline_of((10, "publish"), (20, "publish", State.LOADING))
    ends = [timeline.end(counts).serving for counts in (can_serve, may_serve)]
    assert [0, 1] == [each.position for each in ends if each is not None]


def test_a_base_without_a_verdict_does_not_count_as_ready() -> None:
    """After a restart what served has to be loaded again."""
    timeline = timeline_of((10, "publish"))
    timeline.fold(10)
    restored = timeline.base.serving
    assert restored is not None
    restored.state = State.RECEIVED
    assert timeline.end(can_serve).serving is None
    assert timeline.end(may_serve).serving is restored


def test_folding_stops_before_one_without_a_verdict() -> None:
    timeline = timeline_of((10, "publish"), (20, "publish", State.LOADING), (30, "publish"))
    timeline.fold(40)
    assert [1, 2] == [entry.position for entry in timeline.entries]


def test_folding_remembers_since_when_the_slot_was_there() -> None:
    timeline = timeline_of((10, "publish"), (20, "retire"), (30, "publish"), (40, "publish"))
    before = active(timeline, 9, 10, 20, 30, 40)
    timeline.fold(50)
    assert [] == timeline.entries
    assert before == active(timeline, 9, 10, 20, 30, 40) == [False, True, False, True, True]
    assert [None, None, None, None, 3] == meet(timeline, 9, 10, 20, 30, 40)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["publish", "publish", "publish", "pin", "unpin", "retire"]),
        st.sampled_from([State.STAGED, State.STAGED, State.REJECTED, State.LOADING]),
    ),
    max_size=10,
)


@given(STEPS, st.integers(0, 12))
def test_folding_changes_nothing_from_the_watermark_on(steps: list[tuple[int, str, State]], watermark: int) -> None:
    moments = list(range(watermark, 14))
    plain, folded = timeline_of(*steps), timeline_of(*steps)
    folded.fold(watermark)
    assert meet(plain, *moments) == meet(folded, *moments)
    assert active(plain, *range(14)) == active(folded, *range(14))


@given(STEPS, st.integers(0, 12), st.integers(0, 12))
def test_folding_in_two_steps_is_folding_in_one(steps: list[tuple[int, str, State]], one: int, other: int) -> None:
    twice, once = timeline_of(*steps), timeline_of(*steps)
    twice.fold(min(one, other))
    twice.fold(max(one, other))
    once.fold(max(one, other))
    assert meet(once, *range(14)) == meet(twice, *range(14))
    assert [entry.position for entry in once.entries] == [entry.position for entry in twice.entries]


@given(STEPS)
def test_segments_are_cut_only_where_something_changes(steps: list[tuple[int, str, State]]) -> None:
    segments = timeline_of(*steps).segments()
    assert sorted(set(segments.starts)) == segments.starts
    courses = list(zip(segments.candidates, segments.active, strict=True))
    assert all(one != other for one, other in pairwise(courses))
    assert segments.ends == [*segments.starts[1:], END]
