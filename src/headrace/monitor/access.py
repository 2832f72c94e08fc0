"""Who may ask for what: hosts, origins, tokens.

Rules:

1. A request must name a host that the monitor is known by, so that no web page reaches it under its own name. Where
   every request needs a token and no hosts are configured, any name will do.
2. A request that a browser sends for another page (its ``Origin`` is not the host) is refused.
3. With a read token, reading needs it or the write token; with a write token, writing needs that one, and with a read
   token alone it needs that. Scoring a posted record changes nothing and counts as reading. The page's own files and
   the health answers are open: they tell nothing of records.
4. Without tokens only a loopback address is served.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError
from headrace.monitor.answers import refuse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN = ("/health/", "/v2/health/", "/site/", "/v1/openapi.json")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
]


@dataclass(frozen=True, slots=True)
class Access:
    """What is served to whom. Empty tokens ask for none; ``hosts`` are further names of the monitor."""

    address: str = "127.0.0.1"
    read_token: str = ""
    write_token: str = ""
    hosts: Collection[str] = ()

    def check(self) -> None:
        """Raise ``ConfigurationError`` where others than this machine could come in without a token."""
        if not is_loopback(self.address) and not (self.read_token and self.write_token):
            missing = "read_token" if not self.read_token else "write_token"
            message = (
                f"monitor.address is {self.address}, which other machines reach, and there is no {missing}: name its"
                f" environment variable or file ({missing}_env, {missing}_file), or listen on 127.0.0.1"
            )
            raise ConfigurationError(message)

    def knows_host(self, host: str) -> bool:
        """Tell whether a ``Host`` header names this monitor."""
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        if not self.hosts and self.read_token and self.write_token:
            return True
        return name.lower() in {*_LOOPBACK, self.address, f"[{self.address}]", *self.hosts}

    def allows(self, token: str, *, writing: bool) -> bool:
        """Tell whether a bearer of this token ("" for none) may read, or write."""
        if not self.read_token and not (writing and self.write_token):
            return True
        wanted = [self.write_token or self.read_token] if writing else [self.read_token, self.write_token]
        return any(each and hmac.compare_digest(token.encode(), each.encode()) for each in wanted)


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Gate:
    """Lets requests through to an application, as ``Access`` says; ``writes`` are the paths that change something."""

    def __init__(self, app: ASGIApp, access: Access, writes: Collection[str]) -> None:
        self._app = app
        self._access = access
        self._writes = frozenset(writes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        refusal = self._judge(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send_guarded)

    def _judge(self, scope: Scope) -> ASGIApp | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._access.knows_host(host):
            return refuse(421, f"the host {host!r} is not one of this monitor: name it in monitor.hosts")
        origin = headers.get(b"origin")
        if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
            return refuse(403, f"the origin {origin!r} is not that of this monitor: its page is at http://{host}/")
        path: str = scope["path"]
        if path == "/" or path.startswith(OPEN):
            return None
        writing = path in self._writes and scope["method"] not in {"GET", "HEAD", "OPTIONS"}
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        if self._access.allows(token.strip() if scheme.lower() == "bearer" else "", writing=writing):
            return None
        kind = "write" if writing else "read"
        told = f"{path} needs the {kind} token: send it as Authorization: Bearer TOKEN"
        return refuse(401, told, headers={"www-authenticate": "Bearer"})
