"""Checks in a disposable child process, so that no candidate is touched by the process that serves.

1. One child is kept ready. After a verdict, for or against, it may check the next candidate; after a fault (it died,
   met a limit, or said something that is no answer) it is killed and another is started.
2. A limit of memory, CPU time or wall time is no verdict. A crash that happens twice, in two children, is one.
3. A child has its own session, an empty working directory, an environment of a few names, no network where the system
   allows that, and ends when its parent does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from headrace.abc.loader import Stage
from headrace.abc.model import LibraryFormat
from headrace.errors import ConfigurationError, HeadraceError, LimitError, ModelFormatError
from headrace.loading.checking import find_format
from headrace.loading.frames import Channel, ChannelError, GarbledError, LateError
from headrace.loading.messages import (
    CHECK,
    FAILED,
    PASSED,
    REACHED,
    READY,
    START,
    Ready,
    decode,
    make_request,
    read_failed,
    read_verdict,
)

if TYPE_CHECKING:
    from headrace.loading.checking import Checked, Reach
    from headrace.loading.options import LoadOptions
    from headrace.records import Descriptor

_LOG = logging.getLogger("headrace.loading")
_PASSED_ON = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "HOME")
_SET = {
    "MALLOC_ARENA_MAX": "2",  # an arena a thread would count against the memory limit
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "Cannot allocate memory", "MemoryError")
_SHOWN_LAST_WORDS = 400


class CrashError(Exception):
    """A child ended, or spoke nonsense, without a limit as the reason."""


class Child:
    """One child process. Any error but one of ``HeadraceError`` that was told by the child leaves it unusable."""

    def __init__(self, options: LoadOptions) -> None:
        self._options = options
        self._directory = tempfile.mkdtemp(prefix="headrace-loading-")
        self._errors: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
        self._channel = self._start()
        self._ready = False
        self.checks = 0

    def _start(self) -> Channel:
        its_input, requests = os.pipe()
        answers, its_output = os.pipe()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _SET
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", "headrace.loading.child"],
            stdin=its_input,
            stdout=its_output,
            stderr=self._errors,
            cwd=self._directory,
            env=environment,
            start_new_session=True,
        )
        os.close(its_input)
        os.close(its_output)
        channel = Channel(answers, requests)
        try:
            channel.send(START, self._options, deadline=time.monotonic() + self._options.start_seconds)
        except ChannelError:
            _LOG.debug("the child has gone before it was told to start")  # waiting for it says why
        return channel

    def wait_ready(self) -> None:
        """Wait until the child has imported what it needs. Raises ``ConfigurationError`` where it cannot start."""
        if self._ready:
            return
        try:
            frame = self._channel.receive(0, time.monotonic() + self._options.start_seconds)
            if frame.kind != READY:
                raise GarbledError(f"expected {READY!r}, got {frame.kind!r}")
            ready = decode(frame, Ready)
        except LateError as error:
            raise LimitError(f"the loading process was not ready in {self._options.start_seconds:g} s") from error
        except ChannelError as error:
            raise ConfigurationError(f"the loading process cannot start: {self._read_last_words()}") from error
        if ready.network:
            _LOG.warning("models are checked in a process that has a network: %s", ready.network)
        self._ready = True

    def check(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        """Have a candidate checked; see ``checking.check``.

        Raises ``LimitError`` for a limit that the child met, and ``CrashError``.
        """
        self.checks += 1
        deadline = time.monotonic() + self._options.wall_seconds
        try:
            view = memoryview(content)
            self._channel.send(CHECK, make_request(descriptor), [view], deadline)
            while True:
                frame = self._channel.receive(self._options.memory_bytes, deadline)
                if frame.kind == REACHED:
                    reach(decode(frame, Stage))
                elif frame.kind == PASSED:
                    return read_verdict(frame, content)
                elif frame.kind == FAILED:
                    raise read_failed(frame)
                else:
                    raise CrashError(f"answered with a frame of kind {frame.kind!r}")
        except LateError as error:
            raise LimitError(
                f"checking model {descriptor.name!r} took more than {self._options.wall_seconds:g} s"
            ) from error
        except GarbledError as error:
            raise CrashError(f"answered what is no answer ({error})") from error
        except ChannelError as error:
            raise self._explain_end(descriptor) from error

    def _explain_end(self, descriptor: Descriptor) -> LimitError | CrashError:
        try:
            code = self._process.wait(timeout=self._options.start_seconds)
        except subprocess.TimeoutExpired:
            return CrashError("closed its output")
        words = self._read_last_words()
        if code == -signal.SIGXCPU:
            limit = self._options.cpu_seconds
            return LimitError(f"checking model {descriptor.name!r} used more than {limit} s of CPU time")
        if code == -signal.SIGKILL:
            return LimitError(f"checking model {descriptor.name!r} was ended by the system, which may lack memory")
        if any(sign in words for sign in _OUT_OF_MEMORY):
            return LimitError(f"checking model {descriptor.name!r} took more memory than is allowed: {words}")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return CrashError(f"{how}{': ' if words else ''}{words}")

    def _read_last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _SHOWN_LAST_WORDS))
        return " ".join(self._errors.read().decode(errors="replace").split())

    def kill(self) -> None:
        """End the process at once; safe from another thread."""
        self._process.kill()

    def close(self) -> None:
        """End the process and remove what it used."""
        self.kill()
        self._process.wait()
        self._channel.close()
        self._errors.close()
        shutil.rmtree(self._directory, ignore_errors=True)


class ProcessChecker:
    """Checks candidates in child processes, one at a time. ``start`` makes the first child ready in advance."""

    def __init__(self, options: LoadOptions) -> None:
        self._options = options
        self._child: Child | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start a child, without waiting for it."""
        if self._child is None and not self._stopped.is_set():
            self._child = Child(self._options)
            if self._stopped.is_set():  # meanwhile, from another thread
                self._child.kill()

    def check(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        """Check a candidate; see ``checking.check``."""
        self._remember(content, descriptor)
        try:
            return self._check_once(content, descriptor, reach)
        except CrashError as first:
            _LOG.warning("the process that checked model %r crashed (%s); trying again", descriptor.name, first)
        try:
            return self._check_once(content, descriptor, reach)
        except CrashError as second:
            raise ModelFormatError(
                f"model {descriptor.name!r} crashed the process that checked it, twice: {second}"
            ) from second

    def _remember(self, content: bytes, descriptor: Descriptor) -> None:
        """Have the children after this one load what the candidate's format needs before they are ready."""
        with contextlib.suppress(HeadraceError):
            found = find_format(content, descriptor.model_type, self._options)
            if isinstance(found, LibraryFormat) and found.name not in self._options.preload:
                self._options = replace(self._options, preload=(*self._options.preload, found.name))

    def _check_once(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        self.start()
        child = self._child
        if child is None:
            raise LimitError(f"the loader was closed while it checked model {descriptor.name!r}")
        usable = False
        try:
            child.wait_ready()
            checked = child.check(content, descriptor, reach)
            usable = True
            return checked
        except HeadraceError as error:
            usable = not isinstance(error, LimitError | ConfigurationError)
            raise
        finally:
            if not usable or child.checks >= self._options.checks_per_child:
                self._child = None
                child.close()
                self.start()

    def stop(self) -> None:
        """End the check under way, from another thread; the checker is of no further use."""
        self._stopped.set()
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """Give back the child."""
        self._stopped.set()
        child, self._child = self._child, None
        if child is not None:
            child.close()
