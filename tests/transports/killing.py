"""What befalls a process that writes: it is killed, or the disk is full."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let files grow to no more than ``size`` bytes, which the system refuses as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


PROGRAM = """
import json, os, signal, sys

{make_sink}

state, die_before_save = sys.argv[1], sys.argv[2] == "die before save"


def save(place, done):
    with open(state + ".new", "w") as file:
        json.dump([dict(place), done], file)
    if done and die_before_save:
        os.kill(os.getpid(), signal.SIGKILL)
    os.replace(state + ".new", state)


if os.path.exists(state):
    place, done = json.load(open(state))
    sink.recover(place)
else:
    done = 0
    sink.recover(None)
    save(sink.commit(), 0)
while True:
    for _ in range(7):
        sink.write(range(done, done + 50))
        done += 50
        print(done, flush=True)
    save(sink.commit(), done)
"""


@dataclass(frozen=True)
class Killed:
    """A program that writes 0, 1, 2 and so on to a sink, commits and saves the place, until it is killed.

    ``make_sink`` is its source text that makes ``sink``, which is given ranges of numbers to write.
    """

    make_sink: str
    state: Path

    def kill_often(self, times: int) -> tuple[dict[str, Any], int]:
        """Start and kill the program, the last time between commit and save; give the place saved last and the count.

        A kill is whenever the program has said for so many steps that it goes on.
        """
        chance = random.Random(20261122)
        for _ in range(times):
            self._run("live", steps=chance.randint(1, 100))
        self._run("die before save", steps=10_000)
        place, done = json.loads(self.state.read_text())
        return place, done

    def _run(self, end: str, steps: int) -> None:
        program = PROGRAM.format(make_sink=self.make_sink)
        command = [sys.executable, "-c", program, str(self.state), end]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(steps):
                if not child.stdout.readline():
                    break
            child.kill()
        assert -signal.SIGKILL == child.returncode
