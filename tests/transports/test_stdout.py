from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import SinkError
from headrace.transports.stdout import StdoutSink


def encode(number: int) -> bytes:
    return b"%d\n" % number


def test_a_program_writes_as_it_goes() -> None:
    program = (
        "from headrace.transports.stdout import StdoutSink\n"
        "sink = StdoutSink(lambda number: b'%d\\n' % number, header=lambda number: b'number\\n')\n"
        "sink.recover(None)\n"
        "sink.write(1)\n"
        "sink.write(2)\n"
        "sink.commit()\n"
        "import os; os._exit(0)  # nothing is flushed at this exit\n"
    )
    assert b"number\n1\n2\n" == subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout


def test_a_reader_that_went_away_is_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as stream:
        sink = StdoutSink(encode, stream=stream)
        with pytest.raises(SinkError, match="nobody reads the standard output any more"):
            sink.write(1)


def test_a_full_device_is_an_error() -> None:
    with Path("/dev/full").open("wb", buffering=0) as stream:
        sink = StdoutSink(encode, stream=stream)
        with pytest.raises(SinkError, match="the standard output cannot be written: No space left"):
            sink.write(1)
    assert (False, {}) == (sink.exactly_once, sink.commit())
