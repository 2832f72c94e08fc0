"""Prism, the runner on this machine: built once by Go, which knows from its own settings where to fetch from.

    python -m headrace.engines.beam.runner

It is kept in the virtual environment, or else in the user's cache; HEADRACE_PRISM names another program, for a machine
that has no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from headrace.errors import ConfigurationError

VERSION = "2.77.0"
VARIABLE = "HEADRACE_PRISM"
_PACKAGE = f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{VERSION}"
_SHOWN = 400

WHOLE_KEYS = "--experiments=prism_disable_sdf_split"
"""Prism 2.77 splits a slow bundle within a key and runs the key twice at once, without its state: not with this."""


def local_options() -> list[str]:
    """Give the options that run a pipeline on this machine, its workers in this process."""
    return ["--environment_type=LOOPBACK", f"--prism_location={find_prism()}", WHOLE_KEYS]


def find_prism() -> Path:
    """Give the program. Raises ``ConfigurationError`` with how to build it where it is not there."""
    program = _place()
    if not program.is_file():
        raise ConfigurationError(
            f"Beam's runner Prism is not at {program}: build it with `python -m {__spec__.name}` (needs Go), "
            f"or name the program in {VARIABLE}"
        )
    return program


def build_prism() -> Path:
    """Build the program where it is not there yet (two minutes). Raises ``ConfigurationError`` where Go cannot."""
    program = _place()
    if program.is_file():
        return program
    go = shutil.which("go")
    if go is None:
        raise ConfigurationError("Beam's runner Prism is built by Go 1.25 or later, and there is none on the PATH")
    program.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(program.parent)}
    done = subprocess.run(  # noqa: S603
        [go, "install", _PACKAGE], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ConfigurationError(f"Go cannot build Beam's runner Prism: {done.stderr.strip()[-_SHOWN:]}")
    return program


def _place() -> Path:
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "headrace" / f"prism-{VERSION}" / "prism"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / f"prism-{VERSION}" / "prism"


if __name__ == "__main__":
    try:
        build_prism()
    except ConfigurationError as error:
        sys.exit(f"headrace: {error}")
