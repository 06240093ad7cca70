"""A real ingest on a real port, for tests: uvicorn in this event loop, any log behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from prometheus_client import CollectorRegistry

from services.ingest.app import Ingest, create_app
from shared.access import KeyRing, demo_key_record, encode_api_key
from shared.clock import Clock, ManualClock
from shared.contract.block import Block
from shared.contract.entries import START, Events, parse_entry
from shared.limited_http import LimitedHttp
from shared.log import Log

KEY = {"authorization": "Bearer sk_demo"}
FAST = False
"""Whether events are taken inside uvicorn's protocol or by the ASGI endpoint; a fixture of test_fast_door sets it."""


SERVERS: dict[int, uvicorn.Server] = {}


def server_of(ingest: Ingest) -> uvicorn.Server:
    """The server before an ingest that is being served."""
    return SERVERS[id(ingest)]


@asynccontextmanager
async def serving(
    log: Log, clock: Clock | None = None, **options: Any
) -> AsyncIterator[tuple[httpx2.AsyncClient, Ingest]]:
    """A client of an ingest that serves the tenant `demo`; drains at the end."""
    await log.put_api_key("demo", encode_api_key(demo_key_record()))
    keys = KeyRing(log)
    await keys.refresh()
    ingest = Ingest(
        log=log,
        keys=keys,
        caller_secret=b"c" * 32,
        clock=clock or ManualClock(),
        registry=CollectorRegistry(),
        **options,
    )
    http = ingest.http_protocol() if FAST else LimitedHttp
    app = create_app(ingest)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, http=http, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    SERVERS[id(ingest)] = server
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=KEY, timeout=60) as client:
            yield client, ingest
    finally:
        server.should_exit = True
        await task
        del SERVERS[id(ingest)]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes soon."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def blocks(log: Log, partition: int = 0) -> list[Block]:
    """All blocks of a partition."""
    bodies = [parse_entry(entry.fields) for entry in await log.read(partition, START)]
    return [body.block for body in bodies if isinstance(body, Events)]
