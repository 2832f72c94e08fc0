"""Whether a publication would be accepted, without publishing it.

The candidate passes the life that an engine would give it, on a copy of the state that nobody sees: the rules of the
core, and the same check in a child process under the same limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.abc.loader import Stage
from headrace.app.inlets import build_stream
from headrace.app.inspection import Observed, find_candidate, restore_join
from headrace.app.settings import build_settings
from headrace.core.models import LoadCost
from headrace.core.states import State
from headrace.errors import DescriptorError, ModelError
from headrace.loading import LoadOptions, ProcessChecker, fetch
from headrace.records import Descriptor, ModelMessage, Publish

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.loader import Contents
    from headrace.abc.model import Scores
    from headrace.app.configuration import Configuration
    from headrace.core.join import Join
    from headrace.core.settings import JoinSettings
    from headrace.loading import Checked
    from headrace.records import Signature


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen. ``reason`` says why not; format and signature are known once the bytes were readable."""

    accepted: bool
    reason: str = ""
    format: str = ""
    digest: str = ""
    signature: Signature | None = None


def rehearse(
    descriptor: Descriptor,
    contents: Contents,
    options: LoadOptions,
    settings: JoinSettings,
    observed: Observed | None,
    reach: Callable[[Stage], None] = lambda _: None,
) -> Rehearsal:
    """Load, verify, warm and fit a publication as an engine in this state would.

    Raises what is no verdict: ``LimitError``, ``MissingExtraError``, ``SourceError``.
    """
    join = restore_join(None if observed is None else observed.snapshot, settings)
    position = join.models.position + 1
    refusal = _receive(join, position, descriptor)
    if refusal:
        return Rehearsal(False, refusal)
    digest = ""
    try:
        content, digest = fetch(descriptor, contents, options)
        checked = _check(content, descriptor, options, reach)
    except (ModelError, DescriptorError) as error:
        return Rehearsal(False, str(error), digest=digest)
    reason = _fit(join, position, descriptor, digest, checked)
    return Rehearsal(not reason, reason, checked.format, digest, checked.signature)


def learn_settings(configuration: Configuration) -> JoinSettings:
    """Give the settings that an engine of a configuration would run with, schemas included."""
    with ExitStack() as opened:
        streams = [build_stream(section) for section in configuration.streams]
        for stream in streams:
            opened.callback(stream.files.close)
        return build_settings(configuration, streams)


def _receive(join: Join, position: int, descriptor: Descriptor) -> str:
    """Have the join receive the publication; give the reason if it refuses it at once."""
    models = join.models
    models.receive(ModelMessage(position, max(models.appended, time.time_ns() // 1_000_000), Publish(descriptor)))
    candidate = find_candidate(models.slots[descriptor.slot_key], position)
    if candidate is None:
        return models.events()[-1].reason
    return candidate.reason


def _check(content: bytes, descriptor: Descriptor, options: LoadOptions, reach: Callable[[Stage], None]) -> Checked:
    checker = ProcessChecker(options)
    try:
        return checker.check(content, descriptor, reach)
    finally:
        checker.close()


def _fit(join: Join, position: int, descriptor: Descriptor, digest: str, checked: Checked) -> str:
    """Have the join judge whether a checked model fits its slot; give the reason if it does not."""
    models, slot = join.models, descriptor.slot_key
    candidate = models.candidate(slot, position)
    for state in (State.LOADING, State.VERIFYING, State.WARMING):
        candidate.move(state)
    models.accept(slot, position, _Mute(checked.signature), digest, LoadCost())
    judged = find_candidate(models.slots[slot], position)
    return judged.reason if judged is not None and judged.state in {State.REJECTED, State.SKIPPED} else ""


@dataclass(frozen=True, slots=True)
class _Mute:
    """A model that has a signature and never scores."""

    signature: Signature

    def score(self, batch: pa.RecordBatch) -> Scores:
        raise NotImplementedError

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        raise NotImplementedError

    def close(self) -> None:
        """Hold nothing."""
