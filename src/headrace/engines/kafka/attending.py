"""Calls that do not come back: librdkafka may keep one for good that it was to answer within a time.

Seen with ``send_offsets_to_transaction`` where the broker went away while it looked for the group's coordinator. The
call is left where it is, in a thread that keeps nobody from ending, and its client is not to be used again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from headrace.engines.kafka.client import LapseError

GRACE = 5.0
"""Seconds that a call may take beyond the time it was told."""


class StuckError(LapseError):
    """A call did not come back."""


def attend(step: Callable[..., Any], *arguments: Any, seconds: float, grace: float | None = None) -> Any:
    """Call something from a thread of its own; ``seconds`` is the time it was told to take at most.

    ``grace`` is how many seconds it may take beyond that, ``GRACE`` where it is None.

    Raises what the call raises, and ``StuckError`` where it does not come back.
    """
    most = seconds + (GRACE if grace is None else grace)
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put((step(*arguments), None))
        except BaseException as error:  # noqa: BLE001 raised again by who waits
            answers.put((None, error))

    threading.Thread(target=call, name="headrace-transaction", daemon=True).start()
    try:
        answer, error = answers.get(timeout=most)
    except queue.Empty:
        name = getattr(step, "__name__", "a call")
        raise StuckError(f"{name} has not come back after {most:g} s") from None
    if error is not None:
        raise error
    return answer
