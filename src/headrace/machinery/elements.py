"""What goes into the transforms and comes out of them: plain values, one for each record, message, result and event.

Times are milliseconds since the epoch. ``Form.JSON`` has everything come out as one line of JSON (bytes, without its
line feed), the same as every engine writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from headrace.core.events import describe_event
from headrace.errors import ConfigurationError
from headrace.records import ModelVersion, SlotKey
from headrace.wire.dead_letters import decode_dead_letter, encode_dead_letters, encode_messages
from headrace.wire.results.json import ALL, Selection, encode_json, select
from headrace.wire.results.table import OUTPUT_PREFIX, tabulate

if TYPE_CHECKING:
    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.records import DeadLetters, Results

UNNUMBERED = -1
"""The offset of a record that has none."""


@dataclass(frozen=True, slots=True)
class RecordElement:
    """A record as it came, with its place: what a source that knows places gives in place of bare bytes."""

    value: bytes | None
    key: bytes | None = None
    source: str = "records"
    partition: int = 0
    offset: int = UNNUMBERED


@dataclass(frozen=True, slots=True)
class ModelElement:
    """A message of the model stream with its position there."""

    message: bytes
    position: int


@dataclass(frozen=True, slots=True)
class ScoredRecord:
    """One record scored in one slot. ``score_ns`` is nanoseconds."""

    id: str
    key: str | None
    slot: SlotKey
    model: ModelVersion
    outputs: Mapping[str, object]
    scored_at: int
    score_ns: int
    source: str
    partition: int
    offset: int


class Form(StrEnum):
    """How what comes out is written."""

    VALUES = "values"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Leaving:
    """What one step gave, as elements."""

    results: Sequence[object]
    dead_letters: Sequence[object]
    events: Sequence[object]


def select_members(form: Form, members: Collection[str]) -> Selection:
    """Choose what a line holds of a result. Raises ``ConfigurationError``."""
    if members and form is not Form.JSON:
        raise ConfigurationError("members choose what a line of JSON holds: give form=Form.JSON with them")
    return select(members)


def write_outcome(outcome: Outcome, events: Sequence[Event], form: Form, selection: Selection = ALL) -> Leaving:
    """Write what the join gave as elements; ``selection`` is of the members of a line."""
    return Leaving(
        [element for results in outcome.results for element in write_results(results, form, selection)],
        [element for letters in outcome.dead_letters for element in write_dead_letters(letters, form)],
        write_events(events, form),
    )


def write_results(results: Results, form: Form, selection: Selection = ALL) -> Sequence[object]:
    """Write results as elements."""
    if form is Form.JSON:
        lines: list[bytes] = encode_json(results, selection).cast(pa.binary()).to_pylist()
        return lines
    return list(_read_results(results))


def write_dead_letters(letters: DeadLetters, form: Form) -> Sequence[object]:
    """Write dead letters as elements: ``headrace.wire.dead_letters.DeadLetter``, or lines that fit Kafka's messages."""
    if form is Form.JSON:
        return [line for _, line in encode_messages(letters)]
    return [decode_dead_letter(line) for line in encode_dead_letters(letters).splitlines()]


def write_events(events: Sequence[Event], form: Form) -> Sequence[object]:
    """Write events as elements: ``headrace.core.events.Event`` or lines."""
    return [msgspec.json.encode(describe_event(event)) for event in events] if form is Form.JSON else list(events)


def _read_results(results: Results) -> Iterator[ScoredRecord]:
    rows: list[dict[str, Any]] = tabulate(results).to_pylist()
    for row in rows:
        yield ScoredRecord(
            row["id"],
            row["key"],
            results.slot,
            ModelVersion(row["model"], row["version"], row["digest"], row["position"]),
            {name.removeprefix(OUTPUT_PREFIX): row[name] for name in row if name.startswith(OUTPUT_PREFIX)},
            row["scored_at"],
            row["score_ns"],
            row["source"],
            row["partition"],
            row["offset"],
        )
