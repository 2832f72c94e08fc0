"""Kernels are compiled when they are needed, kept, and loaded from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHAIN = """
import sys
from headrace.compilation import KERNELS, kernel, load_kept
from headrace.formats.pmml.kernels import trees

load_kept()
print("loaded", trees.measure_depth._compiled is not None)
print("kept", trees.measure_depth.is_kept)
import numpy as np
print(trees.measure_depth(np.array([0, 1], np.int32)))
print("hits", sum(trees.measure_depth.ready().stats.cache_hits.values()), "kept", trees.measure_depth.is_kept)
"""


def run(code: str, cache: Path) -> list[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_kernel_is_compiled_once_and_loaded_from_then_on(tmp_path: Path) -> None:
    assert ["loaded False", "kept False", "2", "hits 0 kept True"] == run(CHAIN, tmp_path)
    assert ["loaded True", "kept True", "2", "hits 1 kept True"] == run(CHAIN, tmp_path)


def test_importing_the_formats_and_codecs_compiles_nothing(tmp_path: Path) -> None:
    code = (
        "import headrace.formats.pmml, headrace.formats.pmml.kernels.distances, headrace.wire.protobuf.kernel;"
        "from headrace.compilation import KERNELS;"
        "print(len(KERNELS) > 5, [each.__name__ for each in KERNELS if each._compiled])"
    )
    assert ["True []"] == run(code, tmp_path)
    assert [] == list(tmp_path.rglob("*.nbi"))


def test_where_nothing_may_be_written_code_is_kept_for_the_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a folder cannot be made below a file")
    code = (
        "import os, pathlib; from headrace import compilation;"
        f"blocked = pathlib.Path({str(blocked)!r}) / 'below';"
        "compilation._list_folders = lambda: [blocked]; compilation.choose_cache();"
        "import numba; folder = pathlib.Path(os.environ['NUMBA_CACHE_DIR']);"
        "print(str(folder) == numba.config.CACHE_DIR, folder != blocked, folder.is_dir(), folder)"
    )
    (line,) = run(code, blocked)
    same, other, there, folder = line.split()
    assert ("True", "True", "True") == (same, other, there)
    assert not Path(folder).exists()


def test_a_kernel_is_compiled_again_when_a_module_that_it_rests_on_has_changed(tmp_path: Path) -> None:
    part = "import numba\n@numba.njit\ndef double(number):\n    return {} * number\n"
    (tmp_path / "whole.py").write_text(
        "import part\nfrom headrace.compilation import kernel\n"
        "@kernel('i8(i8)', releases=False, rests_on=(part,))\ndef apply(number):\n    return part.double(number)\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import whole; print(whole.apply.entry(4), whole.apply(5))"
    )
    (tmp_path / "part.py").write_text(part.format(2))
    assert ["8 10"] == run(code, tmp_path / "cache")
    (tmp_path / "part.py").write_text(part.format(3))
    newer = max(path.stat().st_mtime for path in (tmp_path / "cache").rglob("*.nbi")) + 1
    os.utime(tmp_path / "part.py", (newer, newer))
    assert ["12 15"] == run(code, tmp_path / "cache")
