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


def attend(step: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """Call something from a thread of its own; ``seconds`` is the time it was told to take at most.

    Raises what the call raises, and ``StuckError`` where it does not come back.
    """
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put((step(*arguments), None))
        except BaseException as error:  # noqa: BLE001 raised again by who waits
            answers.put((None, error))

    threading.Thread(target=call, name="headrace-transaction", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds + GRACE)
    except queue.Empty:
        name = getattr(step, "__name__", "a call")
        raise StuckError(f"{name} has not come back after {seconds + GRACE:g} s") from None
    if error is not None:
        raise error
    return answer
