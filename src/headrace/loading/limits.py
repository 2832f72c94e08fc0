"""What a child process denies itself before it reads a byte of unknown origin.

Memory is limited by RLIMIT_DATA, relative to what the process holds when a check begins: it counts the private memory
that can be written, and leaves out the address space that libraries reserve and never use.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.loading.options import LoadOptions

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def cut_off() -> str:
    """Leave the network, gain no privileges, end with the parent; before any thread is started.

    Returns "" where the network is gone, else why it is not.
    """
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    left = system.unshare(_CLONE_NEWNET) == 0 or system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    reason = "" if left else os.strerror(ctypes.get_errno())
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return reason


def step_back(niceness: int) -> None:
    """Lower the priority of this process, and on Linux that of its session.

    A session is a scheduling group of its own there: what its members are to each other counts for nothing beside the
    others, only the group's priority does. A thread of the process that serves is never put back so: it would hold the
    interpreter while others have the processor.
    """
    with contextlib.suppress(OSError):  # another system; priorities are a courtesy
        os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
        if os.getsid(0) == os.getpid():
            with open("/proc/self/autogroup", "w", encoding="ascii") as file:  # noqa: PTH123 (a file of the system)
                file.write(str(niceness))


def limit_process(options: LoadOptions) -> None:
    """Set the limits that hold for the whole life of the child."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (options.open_files, options.open_files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_bytes, options.file_bytes))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error to the writer, not the end
    step_back(options.niceness)


@contextlib.contextmanager
def limit_check(options: LoadOptions) -> Iterator[None]:
    """Limit memory and CPU time while one candidate is checked."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + options.cpu_seconds
    _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, hardest))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_measure_data() + options.memory_bytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _measure_data() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 (a file of the system)
        return int(file.read().split()[5]) * resource.getpagesize()
