"""What a job of Flink needs on this machine: PyFlink, a Java that it runs on, and its Kafka connector.

    python -m headrace.app.flink.premises

fetches the connector, once, by Maven, which knows from its own settings where to fetch from. It is kept in the virtual
environment, or else in the user's cache; HEADRACE_FLINK_JARS names another folder, for a machine that has no network.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headrace.errors import ConfigurationError, MissingExtraError, SourceError

POM = Path(__file__).with_name("pom.xml")
FLINK = "2.3.0"
CONNECTOR = "5.0.0-2.2"
VARIABLE = "HEADRACE_FLINK_JARS"
_JAVAS = (11, 17, 21)
_JAVA_VERSION = re.compile(r'version "(\d+)')
_HOW = "on Debian: apt-get install openjdk-17-jre-headless maven"
_SHOWN_LINES = 5
_CONNECT_SECONDS = 10.0


def check_flink() -> None:
    """Make sure that PyFlink is here, and a Java that it runs on.

    Raises ``MissingExtraError`` and ``ConfigurationError`` with what to do.
    """
    try:
        found = version("apache-flink")
    except PackageNotFoundError:
        raise MissingExtraError(
            f"the engine 'flink' needs PyFlink {FLINK}, which is not in {sys.prefix}: install apache-flink=={FLINK} "
            "and headrace into an environment of their own, and run headrace from there"
        ) from None
    if found.partition(".")[0] != FLINK.partition(".")[0]:
        raise ConfigurationError(f"PyFlink is {found}, and Headrace needs {FLINK}: install apache-flink=={FLINK}")
    check_java()


def check_java() -> None:
    """Make sure that there is a Java that Flink runs on. Raises ``ConfigurationError``."""
    program = _find_program("java")
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = _JAVA_VERSION.search(told.stderr + told.stdout)
    known = " or ".join(str(each) for each in _JAVAS)
    if found is None or int(found[1]) not in _JAVAS:
        shown = "of an unknown version" if found is None else f"Java {found[1]}"
        raise ConfigurationError(f"{program} is {shown}, and Flink runs on Java {known}: set JAVA_HOME; {_HOW}")


def check_cluster(host: str, port: str) -> None:
    """Make sure that a cluster's REST interface can be reached. Raises ``SourceError``."""
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise SourceError(
            f"no job manager can be reached at {host}:{port} ({error}): start the cluster, or name the address of its "
            "REST interface with --jobmanager HOST:PORT"
        ) from error


def find_connector() -> Path:
    """Give the connector's jar. Raises ``ConfigurationError`` with how to fetch it where it is not there."""
    jar = _place()
    if jar.is_file():
        return jar
    others = sorted(jar.parent.glob("flink-sql-connector-kafka-*.jar"))
    instead = f" (there is {others[0].name}, which does not fit)" if others else ""
    raise ConfigurationError(
        f"Flink's Kafka connector {jar.name} is not in {jar.parent}{instead}: fetch it with `python -m "
        f"headrace.app.flink.premises` (needs Maven), or name the folder that has it in {VARIABLE}"
    )


def fetch_connector() -> Path:
    """Fetch the connector where it is not there yet (10 MB). Raises ``ConfigurationError`` where Maven cannot."""
    jar = _place()
    if jar.is_file():
        return jar
    maven = _find_program("mvn")
    jar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jar.parent, prefix=".fetching-") as fetching:
        command = [maven, "-B", "-q", "--strict-checksums", "-f", str(POM)]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={fetching}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            shown = " ".join((done.stdout + done.stderr).split("\n")[:_SHOWN_LINES]).strip()
            raise ConfigurationError(
                f"Maven cannot fetch Flink's Kafka connector; look at its settings and the network, or name a folder "
                f"that has it in {VARIABLE}: {shown}"
            )
        (Path(fetching) / jar.name).rename(jar)
    return jar


def _find_program(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which(name, path=f"{home}/bin") if home else None) or shutil.which(name)
    if found is None:
        wanted = "Maven (mvn)" if name == "mvn" else "Java 17"
        raise ConfigurationError(f"the engine 'flink' needs {wanted}, and there is none on the PATH; {_HOW}")
    return found


def _place() -> Path:
    return _folder() / f"flink-sql-connector-kafka-{CONNECTOR}.jar"


def _folder() -> Path:
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    name = f"flink-{FLINK}"
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "headrace" / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / name


if __name__ == "__main__":
    try:
        fetch_connector()
    except ConfigurationError as error:
        sys.exit(f"headrace: {error}")
