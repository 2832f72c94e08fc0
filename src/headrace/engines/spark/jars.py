"""Spark's Kafka connector: fetched once by Maven, which knows from its own settings where to fetch from.

    python -m headrace.engines.spark.jars

It has to be of Spark's own version. The jars are kept in the virtual environment, or else in the user's cache;
HEADRACE_SPARK_JARS names another folder, for a machine that has no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headrace.errors import ConfigurationError, MissingExtraError

POM = Path(__file__).with_name("pom.xml")
VARIABLE = "HEADRACE_SPARK_JARS"
_HOW = "on Debian: apt-get install openjdk-17-jre-headless maven"
_SHOWN_LINES = 5


def spark_version() -> str:
    """Give the version of Spark that is installed. Raises ``MissingExtraError``."""
    try:
        return version("pyspark")
    except PackageNotFoundError:
        raise MissingExtraError("the engine 'spark' needs pyspark: pip install 'headrace[spark]'") from None


def check_java() -> None:
    """Make sure that there is a JVM to start. Raises ``ConfigurationError`` with how to install it."""
    _find_program("java")


def find_jars() -> list[Path]:
    """Give the jars. Raises ``ConfigurationError`` with how to fetch them where they are not there."""
    folder = _folder()
    if not _complete(folder):
        raise ConfigurationError(
            f"Spark's Kafka connector {spark_version()} is not in {folder}: fetch it with `python -m "
            f"headrace.engines.spark.jars` (needs Maven), or name the folder that has it in {VARIABLE}"
        )
    return sorted(folder.glob("*.jar"))


def fetch_jars() -> Path:
    """Fetch the jars where they are not there yet (10 MB); give their folder.

    Raises ``ConfigurationError`` where Maven is missing or cannot fetch them.
    """
    folder = _folder()
    if _complete(folder):
        return folder
    maven = _find_program("mvn")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as fetching:
        jars = Path(fetching) / "jars"
        command = [maven, "-B", "-q", "--strict-checksums", "-f", str(POM), f"-Dspark.version={spark_version()}"]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            shown = " ".join((done.stdout + done.stderr).split("\n")[:_SHOWN_LINES]).strip()
            raise ConfigurationError(
                f"Maven cannot fetch Spark's Kafka connector; look at its settings and the network, or name a folder "
                f"that has the jars in {VARIABLE}: {shown}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        jars.rename(folder)
    return folder


def _find_program(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which(name, path=f"{home}/bin") if home else None) or shutil.which(name)
    if found is None:
        wanted = "Maven (mvn)" if name == "mvn" else "Java 17 or later"
        raise ConfigurationError(f"the engine 'spark' needs {wanted}, and there is none on the PATH; {_HOW}")
    return found


def _complete(folder: Path) -> bool:
    return any(folder.glob(f"spark-sql-kafka-*-{spark_version()}.jar"))


def _folder() -> Path:
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    name = f"spark-{spark_version()}"
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "headrace" / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / name


if __name__ == "__main__":
    try:
        fetch_jars()
    except (ConfigurationError, MissingExtraError) as error:
        sys.exit(f"headrace: {error}")
