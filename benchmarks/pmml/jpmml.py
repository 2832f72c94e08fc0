"""JPMML-Evaluator on the JVM, in a process of its own. It is AGPL software: fetched to be measured, nothing else."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent / "jpmml"
HEAP = "-Xmx1g"


def build(directory: Path) -> list[Path] | None:
    """Fetch and compile; returns the class path, None where there is no JDK, no Maven or no network."""
    if not all(shutil.which(program) for program in ("java", "javac", "mvn")):
        return None
    libraries = directory / "libraries"
    fetch = ["mvn", "-B", "-q", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    fetched = subprocess.run([*fetch, f"-DoutputDirectory={libraries}"], check=False, capture_output=True)
    source = HERE / "src/main/java/Scoring.java"
    compiled = subprocess.run(
        ["javac", "--release", "17", "-cp", f"{libraries}/*", "-d", str(directory / "classes"), str(source)],
        check=False,
        capture_output=True,
    )
    return None if fetched.returncode or compiled.returncode else [directory / "classes", libraries / "*"]


class Jpmml:
    """One loaded model. ``load_seconds`` is a cold parse, as a process that just started makes it."""

    def __init__(self, path: list[Path], model: Path, table: Path) -> None:
        self._process = subprocess.Popen(
            ["java", HEAP, "-XX:+UseSerialGC", "-cp", ":".join(map(str, path)), "Scoring", str(model), str(table)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.load_seconds = int(self._read().split()[1]) / 1e9

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def rate(self, seconds: float) -> float:
        """Score for so long; returns records a second."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{int(seconds * 1000)}\n")
        self._process.stdin.flush()
        records, nanoseconds = self._read().split()
        return int(records) / int(nanoseconds) * 1e9

    def warm(self, seconds: float) -> None:
        """Score until the JVM has compiled what it will."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.rate(min(1.0, seconds))

    def memory(self) -> float:
        """Return the memory that the process has in use, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
