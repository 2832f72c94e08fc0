"""Questions to the state of the instances, by HTTP: the book's three, and one that every instance answers for all.

::

    GET /state/instances                 where every instance answers, and for which stores
    GET /state/instances/{store}         the same of the instances that hold a store
    GET /state/{store}/value             what serves here, and what it did for the partitions of this instance
    GET /state/{store}/values            the same of every instance, asked for and added up

Rules:

1. The only store is ``modelStore``. ``?data_type=&slot=`` choose a slot, else it is the first one.
2. Instances are found in the group's own metadata: the name under which each is known to the broker holds its address.
   The group's coordinator drops whoever stops to be heard of, so there is no register that could be out of date.
3. What is told is as of the last commit. ``duration``, ``min`` and ``max`` are milliseconds, ``since`` is milliseconds
   since the epoch.
4. Loopback needs no token; another address does not begin without one. Instances ask each other with it.
"""

from __future__ import annotations

import hmac
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
from confluent_kafka import KafkaException

from headrace.engines.kafka.members import PREFIX
from headrace.errors import ConfigurationError
from headrace.transports.kafka.troubles import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headrace.transports.kafka.connection import Connection

STORE = "modelStore"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PORTS = 100
_SECONDS = 5.0
_LONGEST = 2**20

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Instance:
    """Where an instance answers."""

    host: str
    port: int

    def describe(self) -> dict[str, Any]:
        """Give it as the book's programs do."""
        return {"host": self.host, "port": self.port, "storeNames": [STORE]}


def find_instances(connection: Connection, group: str) -> list[Instance]:
    """Find the instances that answer, by the group's metadata. Raises ``KafkaException``."""
    described = connection.admin.describe_consumer_groups([group], request_timeout=_SECONDS)[group].result(_SECONDS)
    found = set()
    for member in described.members:
        address = read_address(member.client_id)
        if address is not None:
            found.add(address)
    return sorted(found, key=lambda each: (each.host, each.port))


def read_address(client: str) -> Instance | None:
    """Read the address within the name of a client, None where it has none."""
    _, _, address = client.removeprefix(PREFIX).partition("/")
    host, _, port = address.rpartition(":")
    if not client.startswith(PREFIX) or not host or not port.isdecimal():
        return None
    return Instance(host.strip("[]"), int(port))


class Desk:
    """Answers questions on a thread of its own. ``report`` gives what the slots of this instance did.

    Takes the first free port from ``port`` on: each further instance on a machine has the next one. ``advertised`` is
    the host by which the others reach this one. Raises ``ConfigurationError`` where an address other than loopback has
    no token, or where no port is free.
    """

    def __init__(self, host: str, port: int, advertised: str = "", token: str = "") -> None:
        if host not in _LOOPBACK and not token:
            raise ConfigurationError(
                f"queries.address is {host}: an address other than 127.0.0.1 needs a token (queries.token_env or "
                "queries.token_file), since whoever reaches it may ask"
            )
        self._token = token
        self._ask: Callable[[str, Mapping[str, str]], Answer] = lambda path, query: (503, {"error": "starting"})  # noqa: ARG005
        self._server = _open_server(host, port, self._answer)
        self.instance = Instance(advertised or host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="headrace-queries", daemon=True)

    @property
    def address(self) -> str:
        """Where this instance answers."""
        host = f"[{self.instance.host}]" if ":" in self.instance.host else self.instance.host
        return f"{host}:{self.instance.port}"

    def open(self, connection: Connection, group: str, report: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """Begin to answer."""
        questions = Questions(connection, group, report, self.instance, self._token)
        self._ask = questions.answer
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _answer(self, target: str, authorization: str) -> Answer:
        if self._token and not hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode()):
            return 401, {"error": "a token is needed: Authorization: Bearer TOKEN"}
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self._ask(parts.path, query)


@dataclass(frozen=True, slots=True)
class Questions:
    """What can be asked, and the answers."""

    connection: Connection
    group: str
    report: Callable[[], Sequence[Mapping[str, Any]]]
    own: Instance
    token: str

    def answer(self, path: str, query: Mapping[str, str]) -> Answer:
        """Answer one question: a status and a value."""
        match path.strip("/").split("/"):
            case ["state", "instances"]:
                return self._list_instances("")
            case ["state", "instances", store]:
                return self._list_instances(store)
            case ["state", store, "value" | "values"] if store != STORE:
                return 404, {"error": f"there is no store {store!r}; there is: {STORE}"}
            case ["state", _, "value"]:
                return self._tell_own(query)
            case ["state", _, "values"]:
                return self._tell_all(query)
        return 404, {"error": f"there is no {path!r}; ask /state/instances or /state/{STORE}/value"}

    def _list_instances(self, store: str) -> Answer:
        if store not in {"", STORE}:
            return 200, []
        try:
            return 200, [each.describe() for each in find_instances(self.connection, self.group)]
        except KafkaException as error:
            return 503, {"error": self.connection.settings.redact(f"the group cannot be asked: {explain(error)}")}

    def _tell_own(self, query: Mapping[str, str]) -> Answer:
        told = [each for each in self.report() if _is_asked_for(each, query)]
        return (200, told[0]) if told else (404, {"error": "no model serves in that slot"})

    def _tell_all(self, query: Mapping[str, str]) -> Answer:
        try:
            found = find_instances(self.connection, self.group)
        except KafkaException as error:
            return 503, {"error": self.connection.settings.redact(f"the group cannot be asked: {explain(error)}")}
        parts = []
        for each in found:
            status, value = self._tell_own(query) if each == self.own else self._ask(each, query)
            part = {"host": each.host, "port": each.port}
            parts.append({**part, "value": value} if status == 200 else {**part, "error": value.get("error", "")})
        values = [part["value"] for part in parts if "value" in part]
        return 200, {"instances": parts, "total": add_up(values)}

    def _ask(self, instance: Instance, query: Mapping[str, str]) -> Answer:
        host = f"[{instance.host}]" if ":" in instance.host else instance.host
        asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        url = f"http://{host}:{instance.port}/state/{STORE}/value" + (f"?{asked}" if asked else "")
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"} if self.token else {})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310
                return 200, msgspec.json.decode(reply.read(_LONGEST), type=dict[str, Any])
        except urllib.error.HTTPError as error:
            return error.code, {"error": f"it answers {error.code}"}
        except (OSError, msgspec.MsgspecError) as error:
            return 503, {"error": f"it does not answer: {error}"}


def add_up(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what several instances tell of a slot; the model's name is that of the greatest position."""
    if not values:
        return {"invocations": 0, "duration": 0.0, "min": None, "max": None}
    newest = max(values, key=lambda each: each["position"])
    same = [each for each in values if each["position"] == newest["position"]]
    lows = [each["min"] for each in same if each["min"] is not None]
    highs = [each["max"] for each in same if each["max"] is not None]
    return {
        **newest,
        "since": min(each["since"] for each in same),
        "invocations": sum(each["invocations"] for each in same),
        "duration": sum(each["duration"] for each in same),
        "min": min(lows, default=None),
        "max": max(highs, default=None),
    }


def _is_asked_for(value: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return all(value.get(name) == query[name] for name in ("data_type", "slot") if name in query)


def _open_server(host: str, port: int, answer: Callable[[str, str], Answer]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        server_version = "headrace"
        sys_version = ""
        timeout = _SECONDS

        def do_GET(self) -> None:
            status, value = answer(self.path, self.headers.get("Authorization", ""))
            content = msgspec.json.encode(value)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 the library's own name
            """Tell nothing: who asks is no event."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = False  # two instances of one port would take turns in answering

    refused = OSError("none was tried")
    for each in range(port, port + _PORTS) if port else (0,):
        try:
            return Server((host, each), Handler)
        except OSError as error:
            refused = error
    raise ConfigurationError(f"queries: no port of {host} from {port} on is free: {refused.strerror}")
