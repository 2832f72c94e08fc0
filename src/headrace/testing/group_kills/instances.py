"""The instances of a group, each a process of its own: started, killed, halted, let go."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from headrace import catalog
from headrace.errors import HeadraceError
from headrace.testing.group_kills.child import Life, run

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

    from headrace.testing.group_kills.plan import Plan

PATIENCE = 15.0
_LEAVING = 60.0
_CONTEXT = multiprocessing.get_context("forkserver")
_EXPECTED = {None, 0, -signal.SIGKILL}


@dataclass(slots=True)
class Instances:
    """Runs a plan's instances; ``folder`` holds what those say that end by themselves. A context manager."""

    plan: Plan
    folder: Path
    _lives: dict[str, tuple[ForkServerProcess, Connection]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Import once what every instance needs: each is forked from a process that has done so.

        pyarrow asks for pandas where it is installed, which takes longer than all the rest.
        """
        formats = [entry.target.partition(":")[0] for entry in catalog.ENTRIES["format"].values()]
        _CONTEXT.set_forkserver_preload([run.__module__, "pandas", *formats])
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        for process, pipe in self._lives.values():
            if process.exitcode is None:
                process.kill()
            process.join()
            pipe.close()

    def start(self, life: Life) -> None:
        """Start an instance."""
        heard, says = _CONTEXT.Pipe(duplex=False)
        errors = str(self.folder / f"{life.instance}.txt")
        process = _CONTEXT.Process(target=run, args=(self.plan, life, errors, says))
        process.start()
        says.close()
        self._lives[life.instance] = process, heard

    def is_at_work(self, name: str) -> bool:
        """Wait for an instance's first batch of records; tells whether it came."""
        return self._lives[name][1].poll(PATIENCE)

    def has_ended(self, name: str, seconds: float) -> bool:
        """Wait for an instance to end of itself; tells whether it did. Raises ``HeadraceError`` where it failed."""
        process, _ = self._lives[name]
        process.join(seconds)
        self.check(name)
        return process.exitcode is not None

    def kill(self, name: str) -> None:
        """Kill an instance (SIGKILL)."""
        process, _ = self._lives[name]
        process.kill()
        process.join()

    def leave(self, name: str) -> None:
        """Have an instance leave its group in good order (SIGTERM). Raises ``HeadraceError`` where it does not."""
        process, _ = self._lives[name]
        process.terminate()
        if not self.has_ended(name, _LEAVING):
            message = f"{name} has not left within {_LEAVING:g} s: something is stuck"
            raise HeadraceError(message)

    def pause(self, name: str, seconds: float) -> None:
        """Halt an instance (SIGSTOP) for so long, and let it go on."""
        process, _ = self._lives[name]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(process.pid, signal.SIGCONT)

    def check(self, name: str = "") -> None:
        """Raise ``HeadraceError`` for an instance that failed."""
        for each, (process, _) in self._lives.items():
            if name in {"", each} and process.exitcode not in _EXPECTED:
                file = self.folder / f"{each}.txt"
                words = file.read_text(encoding="utf-8") if file.exists() else ""
                message = f"{each} ended by itself with {process.exitcode}, before it was killed: {words}"
                raise HeadraceError(message)
