"""Compiles every kernel into numba's cache, once a machine or image: ``python -m headrace.app.kernels``."""

from __future__ import annotations

import sys
import time

import headrace.formats.pmml.kernels.distances
import headrace.formats.pmml.kernels.forests
import headrace.formats.pmml.kernels.programs
import headrace.formats.pmml.kernels.trees
import headrace.wire.protobuf.kernel  # noqa: F401 (the kernels announce themselves)
from headrace.compilation import KERNELS, load_kept


def compile_all() -> int:
    """Compile what is not kept yet; returns how many kernels there are."""
    load_kept()
    for each in KERNELS:
        each.ready()
    return len(KERNELS)


def main() -> int:
    """Compile, and say what was done."""
    begin = time.perf_counter()
    count = compile_all()
    sys.stdout.write(f"{count} kernels are compiled and kept for later starts ({time.perf_counter() - begin:.1f} s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
