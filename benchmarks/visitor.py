"""Asks a monitor as a page and a Prometheus do, until it is ended: ``python -m benchmarks.visitor URL``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import httpx

PATIENCE = 300.0


async def ask(url: str) -> None:
    """Ask as a page and a Prometheus do, until the process is ended."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:

        async def poll(path: str, seconds: float) -> None:
            while True:
                (await client.get(path)).raise_for_status()
                await asyncio.sleep(seconds)

        async def follow() -> None:
            async with client.stream("GET", "/v1/events/stream") as response:
                print("asking", flush=True)
                async for _ in response.aiter_bytes():
                    pass

        await asyncio.gather(follow(), poll("/v1/slots", 2.0), poll("/metrics", 1.0))


if __name__ == "__main__":
    with suppress(httpx.HTTPError):
        asyncio.run(ask(sys.argv[1]))
