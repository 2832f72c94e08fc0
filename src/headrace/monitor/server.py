"""The monitor: one application on one address, on a thread of its own.

Rules:

1. The address is taken before the engine is built, so that one that is in use is told at once.
2. The server's thread has an event loop of its own and shares nothing with the engine's but values.
3. Closing ends streams that are open and waits for the thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from headrace.errors import ConfigurationError, HeadraceError
from headrace.monitor import commanding, desk, inference, looking, metrics
from headrace.monitor.access import Access, Gate
from headrace.monitor.answers import answer, explain_error
from headrace.monitor.openapi import describe_interface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.monitor.operations import Premises

OPERATIONS = (
    *looking.OPERATIONS,
    *commanding.OPERATIONS,
    *desk.OPERATIONS,
    *inference.OPERATIONS,
    *metrics.OPERATIONS,
)
SITE = Path(__file__).parent / "site"
CONNECTIONS = 200
"""Open streams and requests under way; more are answered with 503."""

_WAIT = 10.0


def build_application(premises: Premises, access: Access, most_bytes: int = 64 * 2**20) -> Starlette:
    """Build the application; ``most_bytes`` is the largest body that it takes."""
    document = describe_interface(OPERATIONS)

    async def show_document(_: Request) -> Response:
        return answer(document)

    async def show_page(_: Request) -> Response:
        return FileResponse(SITE / "index.html", headers={"cache-control": "no-cache"})

    routes = [
        *(Route(each.path, each.handler, methods=[each.method]) for each in OPERATIONS),
        Route("/v1/openapi.json", show_document),
        Route("/", show_page),
        Mount("/site", StaticFiles(directory=SITE)),
    ]
    writes = {each.path for each in OPERATIONS if each.writes}
    application = Starlette(
        routes=routes,
        middleware=[Middleware(Gate, access=access, writes=writes)],
        exception_handlers={HTTPException: explain_error, HeadraceError: explain_error, Exception: explain_error},
        lifespan=_tick,
    )
    application.router.redirect_slashes = False
    application.state.premises = premises
    application.state.most_bytes = most_bytes
    application.state.closing = False
    return application


@asynccontextmanager
async def _tick(application: Starlette) -> AsyncIterator[None]:
    """Add a point to the series every second for as long as the application runs."""
    premises: Premises = application.state.premises

    async def run() -> None:
        while True:
            premises.series.add(premises.watcher.view, time.time_ns() // 1_000_000)
            await asyncio.sleep(1.0)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def take_address(address: str, port: int) -> socket.socket:
    """Bind a socket to an address; port 0 takes any that is free. Raises ``ConfigurationError``."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        taken = socket.socket(family, socket.SOCK_STREAM)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((address, port))
        except BaseException:
            taken.close()
            raise
    except OSError as error:
        message = f"the monitor cannot listen on {address} port {port}: {error.strerror}; set monitor.port to another"
        raise ConfigurationError(message) from error
    return taken


class Monitor:
    """Serves an application from ``start`` to ``close``, on a socket that its owner has bound and will close."""

    def __init__(self, application: Starlette, taken: socket.socket) -> None:
        self._application = application
        self._socket = taken
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="on",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="headrace-monitor", daemon=True)

    @property
    def url(self) -> str:
        """The page's address."""
        address, port = self._socket.getsockname()[:2]
        return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"

    def start(self) -> None:
        """Begin to serve; it does when this returns."""
        self._thread.start()
        self._server.began.wait(_WAIT)

    def close(self) -> None:
        """End every answer that is under way, and the thread."""
        self._application.state.closing = True
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(_WAIT)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


class _Server(uvicorn.Server):
    """A server within a thread: signals are its program's, and it tells when it has begun."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.began = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.began.set()
