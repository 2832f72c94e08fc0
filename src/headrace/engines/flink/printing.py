"""``print`` as Numba needs it in a worker of Flink.

A worker puts a method of its own in the place of ``print``. Numba looks for it by its name in the module that it names
as its own, where it is not, and cannot be imported.
"""

from __future__ import annotations

import sys


def place_print() -> None:
    """Put ``print`` where it says that it is from; nothing where it is there."""
    vars(sys.modules[print.__module__]).setdefault("print", print)
