"""A PostgreSQL server on loopback, in a folder that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from headrace.testing.broker.node import find_ports

PATIENCE = 60.0


@contextmanager
def start_postgres() -> Iterator[str]:
    """Start a server for as long as the block takes; gives the address of a database."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-postgres-"))
    as_user: list[str] = []
    if os.getuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(folder, "nobody")
        # Not Popen's own user: that forks, which a process that speaks gRPC does not survive each time.
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    (port,) = find_ports(1)
    data = str(folder / "data")
    initdb = [find_program("initdb"), "-D", data, "-U", "headrace", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C"]
    done = subprocess.run([*as_user, *initdb], cwd=folder, check=False, capture_output=True, text=True)
    assert not done.returncode, f"initdb ended with {done.returncode}: {done.stderr}"
    settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off"]
    words = [word for setting in settings for word in ("-c", setting)]
    server = subprocess.Popen(
        [*as_user, find_program("postgres"), "-D", data, *words],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"postgresql://headrace@127.0.0.1:{port}/postgres"
    try:
        await_server(address, server)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
        shutil.rmtree(folder)


def await_server(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server takes connections."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            assert server.poll() is None, f"the server has ended with {server.returncode}"
            assert time.monotonic() < until, "the server takes no connection"
        else:
            return


def find_program(name: str) -> str:
    """Find a program of PostgreSQL, which Debian keeps apart."""
    known = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    found = next((each for each in known if each), None)
    assert found, "make .venv/.found-postgres"
    return found
