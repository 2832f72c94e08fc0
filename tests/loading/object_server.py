"""Objects over HTTP as S3 serves them: enough of the protocol to be asked for one, by a client that signs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EMPTY = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"


@dataclass
class Objects:
    """What is there by path, and what was asked; paths in ``denied`` are answered with 403."""

    held: dict[str, bytes]
    denied: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    signed: set[bool] = field(default_factory=set)
    url: str = ""


@contextmanager
def serve_objects(held: dict[str, bytes]) -> Iterator[Objects]:
    """Serve objects on loopback for as long as the block takes."""
    objects = Objects(held)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path, _, query = self.path.partition("?")
            objects.asked.append(path)
            objects.signed.add("AWS4-HMAC-SHA256" in self.headers.get("authorization", ""))
            content = objects.held.get(path)
            if path in objects.denied:
                self.send(403, b"")
            elif content is not None:
                span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
                first, last = (int(span[1]), int(span[2])) if span else (0, len(content) - 1)
                part = content[first : last + 1]
                told = {"content-range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"} if span else {}
                self.send(206 if span else 200, part, told, body=body)
            elif "list-type" in query:
                self.send(200, EMPTY, {"content-type": "application/xml"})
            else:
                self.send(404, b"", body=body)

        def send(self, status: int, content: bytes, told: dict[str, str] | None = None, *, body: bool = True) -> None:
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **(told or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        objects.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield objects
        finally:
            server.shutdown()
            thread.join()
