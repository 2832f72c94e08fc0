"""Kafka Streams with JPMML-Evaluator (AGPL: fetched to be measured, nothing else), built here and run as it is run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROTOS = HERE.parents[2] / "src/headrace/wire/proto"
PROTOC = "com.google.protobuf:protoc:4.36.2:exe:linux-x86_64"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


@dataclass(frozen=True, slots=True)
class Streams:
    """The program, built."""

    path: str

    def command(
        self, bootstrap: str, records: str, models: str, results: str, *, total: int, exactly_once: bool
    ) -> list[str]:
        """Give the command that serves ``total`` records, or with 0 until its standard input ends."""
        guarantee = "exactly_once_v2" if exactly_once else "at_least_once"
        program = ["java", "-Xms1g", "-Xmx1g", "-cp", self.path, "ModelServer"]
        return [*program, bootstrap, records, models, results or "-", guarantee, str(total)]

    def rate(self, command: list[str]) -> float:
        """Run it to its end; give records a second over the second half."""
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        *_, unscored, rate = done.stdout.splitlines()
        if unscored != "unscored 0":
            raise SystemExit(f"Kafka Streams did not score every record: {unscored}")
        return float(rate)


def build(folder: Path) -> Streams | None:
    """Fetch and compile the program; None, with the reason told, where something for it is missing."""
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if missing:
        print(f"Kafka Streams is not measured: {', '.join(missing)} missing")
        return None
    libraries, generated, classes = folder / "libraries", folder / "generated", folder / "classes"
    generated.mkdir(parents=True)
    maven = ["mvn", "-B", "-q", "-f", str(HERE / "pom.xml")]
    _run([*maven, "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"])
    _run([*maven, _COPY, f"-Dartifact={PROTOC}", f"-DoutputDirectory={folder}"])
    (protoc,) = folder.glob("protoc-*.exe")
    protoc.chmod(0o700)
    _run([str(protoc), f"-I{PROTOS}", f"--java_out={generated}", *map(str, sorted(PROTOS.glob("*.proto")))])
    sources = [*sorted((HERE / "src").rglob("*.java")), *sorted(generated.rglob("*.java"))]
    javac = ["javac", "--release", "17", "-nowarn", "-cp", f"{libraries}/*", "-d", str(classes)]
    _run([*javac, *map(str, sources)])
    return Streams(f"{classes}:{libraries}/*")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed while Kafka Streams was built:\n{done.stdout}{done.stderr}")
