"""Kernels: functions that numba compiles, each when something first needs it, and kept on disk from then on.

1. Signatures are explicit: calls never compile anything but the kernel that they name.
2. numba keeps compiled code beside the sources, or else in the user's cache directory; ``NUMBA_CACHE_DIR`` names
   another place. Where it may write to none of them, the code is kept for the life of this process (``choose_cache``).
3. What is kept is loaded in milliseconds. A process that serves loads it before it starts (``load_kept``); what a new
   model needs beyond that is compiled by the process that checks the model, so that the one that serves only loads it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, ParamSpec, TypeVar

_LOG = logging.getLogger("headrace.compilation")
_VARIABLE = "NUMBA_CACHE_DIR"
_PACKAGE = Path(__file__).parent
_LOCK = threading.RLock()

P = ParamSpec("P")
R = TypeVar("R")

KERNELS: list[Kernel[..., Any]] = []
"""Every kernel of the modules that were imported."""


class Kernel(Generic[P, R]):
    """A function to be compiled for one signature; callable like the function."""

    def __init__(
        self, function: Callable[P, R], signature: Any, releases: bool = True, rests_on: Sequence[ModuleType] = ()
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._signature = function, signature
        self._releases = releases
        self._sources = [str(module.__file__) for module in rests_on]
        self._compiled: Callable[P, R] | None = None
        KERNELS.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the compiled function."""
        return (self._compiled or self.ready())(*args, **kwargs)

    def ready(self) -> Callable[P, R]:
        """Return the compiled function: loaded where it is kept, else compiled and kept, which takes seconds."""
        with _LOCK:
            if self._compiled is None:
                self._compiled = self._compile()
            return self._compiled

    @functools.cached_property
    def entry(self) -> Callable[P, R]:
        """The compiled function behind the choice of a signature, which takes longer than a short kernel does."""
        compiled: Any = self.ready()
        entry: Callable[P, R] = next(iter(compiled.overloads.values())).entry_point
        return entry

    @property
    def is_kept(self) -> bool:
        """Tell whether code compiled from the present source lies in the cache."""
        with contextlib.suppress(OSError, RuntimeError):
            return any(self._is_current(path) for path in self._list_kept(self._make()))
        return False

    def _list_kept(self, made: Any) -> Iterator[Path]:
        code = self._function.__code__
        begin = f"{Path(code.co_filename).stem}.{self._function.__qualname__}-{code.co_firstlineno}."
        return (path for path in Path(made.stats.cache_path).glob("*.nbi") if path.name.startswith(begin))

    def _is_current(self, kept: Path) -> bool:
        sources = [self._function.__code__.co_filename, *self._sources]
        return kept.stat().st_mtime >= max(Path(source).stat().st_mtime for source in sources)

    def _forget_outdated(self, made: Any) -> None:
        """Remove what was compiled from other modules' functions as they were: numba looks at its own module only."""
        with contextlib.suppress(OSError, RuntimeError):
            for path in self._list_kept(made):
                if not self._is_current(path):
                    path.unlink()

    def _make(self) -> Any:
        import numba

        made = numba.njit(nogil=self._releases, error_model="numpy")(self._function)
        made.enable_caching()
        return made

    def _compile(self) -> Callable[P, R]:
        choose_cache()
        made = self._make()
        if self._sources:
            self._forget_outdated(made)
        made.compile(self._signature)
        made.disable_compile()
        if not sum(made.stats.cache_hits.values()):
            _LOG.info("compiled %s, kept in %s", self._function.__qualname__, made.stats.cache_path)
        compiled: Callable[P, R] = made
        return compiled


def kernel(
    signature: Any, *, releases: bool = True, rests_on: Sequence[ModuleType] = ()
) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a kernel of a function; division by zero gives what IEEE 754 says.

    ``releases``: whether other threads run Python meanwhile, which a kernel of nanoseconds does better without.
    ``rests_on``: modules whose functions are compiled into it.
    """
    return lambda function: Kernel(function, signature, releases, rests_on)


def load_kept() -> None:
    """Load what is kept of the kernels of all imported modules.

    The first load of a process takes half a second, so that it is better had at the start; so it is where none is kept.
    """
    with _LOCK:
        if KERNELS:
            _start_compiler()
        for each in KERNELS:
            if each.is_kept:
                each.ready()


@functools.cache
def _start_compiler() -> None:
    import numba

    numba.njit("i8(i8)")(lambda number: number)


@functools.cache
def choose_cache() -> None:
    """Choose a place for compiled code where numba would find none: a private directory, removed at the end."""
    if any(_may_write(folder) for folder in _list_folders()):
        return
    folder = tempfile.mkdtemp(prefix="headrace-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _LOG.warning(
        "compiled code cannot be kept, so that every start compiles for seconds: "
        "set %s to a directory that may be written",
        _VARIABLE,
    )
    os.environ[_VARIABLE] = folder  # for child processes too
    if "numba" in sys.modules:
        sys.modules["numba"].config.reload_config()


def _list_folders() -> Iterator[Path]:
    """List where numba keeps code, first choice first."""
    if os.environ.get(_VARIABLE):
        yield Path(os.environ[_VARIABLE])
    yield _PACKAGE
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"


def _may_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
