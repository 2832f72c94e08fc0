"""The broker's jars: fetched once by Maven, which knows from its own settings where to fetch from.

    python -m headrace.testing.broker

They are kept in the virtual environment, or else in the user's cache; HEADRACE_BROKER_JARS names another folder, for a
machine that has no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.errors import ConfigurationError

POM = Path(__file__).with_name("pom.xml")
VERSION = "4.3.1"
VARIABLE = "HEADRACE_BROKER_JARS"
_HOW = "on Debian: apt-get install openjdk-17-jre-headless maven"
_SHOWN_LINES = 5


def find_program(name: str) -> str:
    """Find a program of the JDK, or Maven's. Raises ``ConfigurationError`` with how to install it."""
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which(name, path=f"{home}/bin") if home else None) or shutil.which(name)
    if found is None:
        wanted = "Maven (mvn)" if name == "mvn" else f"a JDK of version 17 or later ({name})"
        raise ConfigurationError(f"the Kafka broker for tests needs {wanted}, and there is none on the PATH; {_HOW}")
    return found


def jars_folder() -> Path:
    """Give the folder in which the jars are, or will be."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "headrace" / f"kafka-{VERSION}"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / f"kafka-{VERSION}"


def fetch_jars() -> Path:
    """Fetch the jars where they are not there yet (45 MB); gives their folder.

    Raises ``ConfigurationError`` where Maven is missing or cannot fetch them.
    """
    folder = jars_folder()
    if any(folder.glob(f"kafka_*-{VERSION}.jar")):
        return folder
    maven = find_program("mvn")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as fetching:
        jars = Path(fetching) / "jars"
        command = [maven, "-B", "-q", "--strict-checksums", "-f", str(POM)]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            shown = " ".join((done.stdout + done.stderr).split("\n")[:_SHOWN_LINES]).strip()
            raise ConfigurationError(
                f"Maven cannot fetch the Kafka broker; look at its settings and the network, or name a folder that has "
                f"the jars in {VARIABLE}: {shown}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        jars.rename(folder)
    return folder
