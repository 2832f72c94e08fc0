"""One Kafka broker in a process of its own, which is also its controller.

1. It listens on loopback only, on ports that were free and that no outgoing connection takes.
2. All that it writes is in one folder, which goes with it when it is closed.
3. It keeps its ports and its data over ``stop``, ``kill`` and ``restart``.
4. It does not outlive the process that started it, however that ends.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from headrace.errors import ConfigurationError
from headrace.testing.broker.artifacts import fetch_jars, find_program
from headrace.testing.broker.security import Security

_HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections (32768 and up)."""
_POLL_SECONDS = 0.02
_STOP_SECONDS = 30.0
_SHOWN_LINES = 3
_STARTED = "Kafka Server started"
# Waits for the end of a pipe that this process holds, which comes with the process's own end, whatever happened.
_WATCH = 'read -r _; kill -9 "$0" 2>/dev/null; rm -rf "$1"'
_LOGGING = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n%xThrowable
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
"""
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "auto.create.topics.enable": "false",
        # A killed broker may come back once its session is over: 9 s by default.
        "broker.session.timeout.ms": "5000",
        "broker.heartbeat.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
    }
)


class Broker:
    """A broker that starts in seconds and can be stopped, killed and paused: a context manager.

    ``server`` holds settings of the server's own that go before ours. ``security`` says what clients have to bring.
    ``java`` are options of the virtual machine. Raises ``ConfigurationError`` where a JDK or Maven is missing, or
    where the server refuses its settings.
    """

    def __init__(
        self,
        server: Mapping[str, str] = MappingProxyType({}),
        *,
        security: Security | None = None,
        java: tuple[str, ...] = ("-Xmx512m", "-Xms256m"),
        start_seconds: float = 90.0,
    ) -> None:
        self._server, self._security, self._java = server, security or Security(), java
        self._start_seconds = start_seconds
        self._internal, self._client, self._controller = find_ports(3)
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-broker-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the broker."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the broker."""
        self.close()

    @property
    def bootstrap(self) -> str:
        """The address for clients, which have to bring what ``security`` says."""
        return f"{_HOST}:{self._client if self._has_clients else self._internal}"

    @property
    def inside(self) -> str:
        """The address at which everything is allowed, in the clear: for making topics, users and rules."""
        return f"{_HOST}:{self._internal}"

    @property
    def settings(self) -> dict[str, str]:
        """A client's settings, with those of the first user where there are users."""
        users = list(self._security.users)
        return self.settings_of(users[0] if users and self._security.mechanisms else None)

    def settings_of(self, user: str | None) -> dict[str, str]:
        """Give a client's settings for one user; None for those that every client needs."""
        settings = {"bootstrap.servers": self.bootstrap} | self._security.client_settings(self._folder)
        return settings if user is None else settings | self._security.user_settings(user)

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self._folder / "server.log"

    @property
    def pid(self) -> int | None:
        """The server's process; None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def _has_clients(self) -> bool:
        """Whether clients have a listener of their own."""
        return self._security.protocol != "PLAINTEXT"

    def start(self) -> None:
        """Start the server and wait until it serves; nothing where it runs."""
        if self._process is not None:
            return
        if not (self._folder / "data").exists():
            self._format()
        self.log.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            command = self._command("kafka.Kafka", *self._java)
            self._process = subprocess.Popen(  # noqa: S603
                [*command, str(self._properties)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._watchdog = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCH, str(self._process.pid), str(self._folder)], stdin=subprocess.PIPE
        )
        self._wait()

    def stop(self) -> None:
        """End the server in good order (SIGTERM) and wait for it; after half a minute, end it at once."""
        self._signal(signal.SIGTERM, signal.SIGCONT)
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the server at once (SIGKILL) and wait for it."""
        self._signal(signal.SIGKILL)
        self._forget()

    def pause(self) -> None:
        """Halt the server (SIGSTOP): it holds its connections and does not answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have a paused server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop the server where it runs, and start it on the same ports with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Kill the server and remove all that it wrote."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, *signals: signal.Signals) -> None:
        if self._process is not None:
            for number in signals:
                self._process.send_signal(number)

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _command(self, program: str, *options: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return [find_program("java"), *options, logging, "-cp", f"{fetch_jars()}/*", program]

    def _format(self) -> None:
        """Write the settings, and make the storage that they describe."""
        self._properties.write_text("".join(f"{key}={_escape(value)}\n" for key, value in self._settings().items()))
        (self._folder / "log4j2.properties").write_text(_LOGGING)
        cluster = "h" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        command = [*self._command("kafka.tools.StorageTool", *_QUICK), "format", "-t", cluster]
        command += ["-c", str(self._properties), *self._security.format_arguments()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise ConfigurationError(f"the broker's storage cannot be made: {_last(done.stdout + done.stderr)}")

    def _settings(self) -> dict[str, str]:
        ports = {"CONTROLLER": self._controller, "INTERNAL": self._internal}
        protocols = {"CONTROLLER": "PLAINTEXT", "INTERNAL": "PLAINTEXT"}
        if self._has_clients:
            ports["CLIENT"] = self._client
            protocols["CLIENT"] = self._security.protocol
        listeners = {name: f"{name}://{_HOST}:{port}" for name, port in ports.items()}
        return {
            **_DEFAULTS,
            "controller.quorum.voters": f"1@{_HOST}:{self._controller}",
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(listeners[name] for name in listeners if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
            "log.dirs": str(self._folder / "data"),
            **self._security.make_server_settings(self._folder),
            **self._server,
        }

    def _wait(self) -> None:
        assert self._process is not None
        end = time.monotonic() + self._start_seconds
        while _STARTED not in (written := self.log.read_text(errors="replace")):
            if self._process.poll() is not None:
                self._forget()
                raise ConfigurationError(f"the broker does not start: {_last(written)}")
            if time.monotonic() > end:
                self.kill()
                raise ConfigurationError(f"the broker has not started in {self._start_seconds:g} s: {_last(written)}")
            time.sleep(_POLL_SECONDS)


def find_ports(count: int) -> list[int]:
    """Find free ports, held all at once so that they differ."""
    chosen = random.Random(os.urandom(8))  # noqa: S311
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in chosen.sample(_PORTS, k=200):
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((_HOST, port))
                found.append(port)
            if len(found) == count:
                return found
    raise ConfigurationError(f"there are not {count} free ports from {_PORTS.start} to {_PORTS.stop}")


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _last(written: str) -> str:
    """Give the last lines that tell of an error, or else the last there are."""
    lines = [line.strip() for line in written.splitlines() if line.strip() and not line.startswith("\tat ")]
    telling = [line for line in lines if "ERROR" in line or "FATAL" in line or "Exception" in line]
    return "; ".join((telling or lines)[-_SHOWN_LINES:]) or "it wrote nothing"
