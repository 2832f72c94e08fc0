"""``headrace score``: tables that are no plain UTF-8 file, read in a process that ends in order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.slow


def run_score(
    *arguments: str | Path, stdin: bytes = b"", prelude: str = "", **environment: str
) -> tuple[int, str, str]:
    """Run the command in a process of its own; ``prelude`` is run first."""
    code = f"{prelude}\nfrom headrace.cli.program import program\nprogram(['score', *__import__('sys').argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


NATIVE_ONLY = """
import pyarrow.csv as arrow_csv
import pyarrow as pa
given = arrow_csv.open_csv
def open_csv(file, reading, *rest):
    assert isinstance(file, pa.OSFile), f"Arrow's threads are given {file!r}"
    assert reading.encoding == "utf8", "Arrow decodes by a function of Python"
    return given(file, reading, *rest)
arrow_csv.open_csv = open_csv
"""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_threads_of_arrow_hold_nothing_of_python(model: Path, encoding: str) -> None:
    # The last reference to a file of Python, let go of by such a thread while the interpreter ends, aborts the process.
    arguments = (model, "-", "--encoding", encoding)
    done = run_score(*arguments, stdin="größe,x\nä,1\n".encode(encoding), prelude=NATIVE_ONLY)
    assert (0, "y\n3.0\n", "") == done


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_process_ends_in_order_every_time(model: Path) -> None:
    table = "größe,x\n".encode("latin-1") + b"1,2\n" * 30_000
    codes = [run_score(model, "-", "--encoding", "latin-1", stdin=table)[0] for _ in range(20)]
    assert [0] * 20 == codes


def test_copy_that_finds_no_room_says_where(model: Path, tmp_path: Path) -> None:
    prelude = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    ignore = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    code, out, told = run_score(
        model, "-", stdin=b"x\n" + b"1\n" * 50_000, prelude=f"{prelude}\n{ignore}", TMPDIR=str(tmp_path)
    )
    assert (5, "") == (code, out)
    assert (
        f"headrace: the temporary copy of - in {tmp_path} cannot be written: File too large. Make room there, or set "
        "TMPDIR\n"
    ) == told


def test_pipe_may_be_the_table(model: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", f"printf 'x\n1\n' > {pipe}"])
    assert (0, "y\n3.0\n", "") == run_score(model, pipe)
    assert 0 == writer.wait()


def test_character_that_two_blocks_share(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.app.csv_tables._BLOCK_BYTES", 13)
    table = tmp_path / "in.csv"
    table.write_bytes("n,x\n\u00e4\U0001f600,1\n".encode("utf-16"))
    assert "y\n3.0\n" == cli("score", model, table, "--encoding", "utf-16").stdout
    table.write_bytes("n,x\na,1".encode("utf-16") + b"\n")
    told = cli("score", model, table, "--encoding", "utf-16").stderr
    assert f"headrace: {table} is not utf-16: truncated data at byte 16; name its encoding" in told
