"""Programs that are measured beside Headrace, each in a process of its own.

JPMML-Evaluator is AGPL software: fetched to be measured, nothing else. pypmml is a JVM behind Python calls; it is
measured where it is installed (``pip install pypmml``).
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
HEAPS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
"""MB, in the order in which they are tried."""


def build(directory: Path) -> list[Path] | None:
    """Fetch and compile JPMML; returns the class path, None where there is no JDK, no Maven or no network."""
    if not all(shutil.which(program) for program in ("java", "javac", "mvn")):
        return None
    libraries = directory / "libraries"
    fetch = ["mvn", "-B", "-q", "-f", str(HERE / "jpmml/pom.xml"), "dependency:copy-dependencies"]
    fetched = subprocess.run([*fetch, f"-DoutputDirectory={libraries}"], check=False, capture_output=True)
    source = HERE / "jpmml/src/main/java/Scoring.java"
    compiled = subprocess.run(
        ["javac", "--release", "17", "-cp", f"{libraries}/*", "-d", str(directory / "classes"), str(source)],
        check=False,
        capture_output=True,
    )
    return None if fetched.returncode or compiled.returncode else [directory / "classes", libraries / "*"]


class PeerError(Exception):
    """A peer ended before it answered."""


class Peer:
    """One loaded model in a process that scores when it is told to. ``load_seconds``: how long it took to load."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.load_seconds = self._read()[-1] / 1e9
        except PeerError:
            self.close()
            raise

    def _read(self) -> list[int]:
        """Read the numbers of an answer; a process that ends says so in words, or not at all."""
        assert self._process.stdout is not None
        words = self._process.stdout.readline().removeprefix("loaded ").split()
        if not words or not all(word.isdigit() for word in words):
            raise PeerError
        return [int(word) for word in words]

    def rate(self, seconds: float, size: int = 1) -> float:
        """Score batches of a size for so long; returns records a second."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{int(seconds * 1000)} {size}\n")
        self._process.stdin.flush()
        records, nanoseconds = self._read()
        return records / nanoseconds * 1e9

    def warm(self, seconds: float) -> None:
        """Score until what compiles has compiled what it will."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.rate(min(1.0, seconds))

    def memory(self) -> float:
        """Return the greatest memory that the process had resident, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def open_jpmml(path: list[Path], model: Path, table: Path, heap: int = 1024) -> Peer:
    """Start JPMML. Raises ``PeerError`` where the heap, in MB, is too small."""
    names = ":".join(map(str, path))
    options = [f"-Xmx{heap}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
    return Peer(["java", *options, "-cp", names, "Scoring", str(model), str(table)])


def find_least_memory(path: list[Path], model: Path, table: Path) -> tuple[int, float]:
    """Return the smallest heap with which JPMML loads a model and scores with it, and the process's peak, in MB."""
    for heap in HEAPS:
        try:
            peer = open_jpmml(path, model, table, heap)
        except PeerError:
            continue
        try:
            peer.rate(1.0)
            return heap, peer.memory()
        except (PeerError, BrokenPipeError):
            continue
        finally:
            peer.close()
    raise PeerError(f"no heap up to {HEAPS[-1]} MB is enough")


def open_pypmml(model: Path, table: Path) -> Peer | None:
    """Start pypmml by way of JPype, the quicker of its two; None where it is not installed."""
    if importlib.util.find_spec("pypmml") is None or shutil.which("java") is None:
        return None
    return Peer([sys.executable, "-m", "benchmarks.pmml.pypmml_loop", str(model), str(table)])
