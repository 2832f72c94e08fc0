"""The child process: ``python -m headrace.loading.child``, spoken to over its standard input and output alone.

It gets its settings, denies itself what it does not need, imports the formats, and then checks candidates one after
another until its input ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from importlib.abc import MetaPathFinder

from headrace.errors import HeadraceError
from headrace.loading.checking import check, import_formats
from headrace.loading.frames import Channel, EndedError, Frame
from headrace.loading.limits import cut_off, limit_check, limit_process
from headrace.loading.messages import (
    FAILED,
    PASSED,
    REACHED,
    READY,
    Ready,
    Request,
    decode,
    make_failed,
    make_verdict,
)
from headrace.loading.options import LoadOptions


class WithoutPandas(MetaPathFinder):
    """Says that there is no pandas: pyarrow imports it at its first conversion, for what nothing here needs."""

    def find_spec(self, name: str, *_: object) -> None:
        """Find nothing; raises ``ModuleNotFoundError`` for what there is said not to be."""
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def main() -> int:
    """Serve until the input ends."""
    network = cut_off()  # before the formats are imported, which start threads
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not meet the frames
    channel = Channel(os.dup(0), answers)
    with contextlib.suppress(EndedError):
        options = decode(channel.receive(0), LoadOptions)
        if not options.formats:
            sys.meta_path.insert(0, WithoutPandas())
        import_formats(options.formats, options.preload)
        gc.freeze()  # what was imported stays; no collection need look at it
        limit_process(options)
        serve(channel, options, network)
    return 0


def serve(channel: Channel, options: LoadOptions, network: str) -> None:
    """Answer each request with the stages reached and a verdict. Raises ``EndedError`` when the input ends."""
    channel.send(READY, Ready(network))
    while True:
        answer(channel, channel.receive(options.max_model_bytes), options)
        gc.collect()


def answer(channel: Channel, frame: Frame, options: LoadOptions) -> None:
    """Check one candidate under the limits."""
    content = frame.buffers[0].tobytes()
    frame.buffers.clear()
    descriptor = decode(frame, Request).descriptor
    try:
        with limit_check(options):
            checked = check(content, descriptor, options, lambda stage: channel.send(REACHED, stage))
        verdict, buffers = make_verdict(checked, content)
    except HeadraceError as error:
        channel.send(FAILED, make_failed(error))
    else:
        channel.send(PASSED, verdict, buffers)


if __name__ == "__main__":
    sys.exit(main())
