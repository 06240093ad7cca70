"""`strainwatch serve`: one or all services in this process, on one port, until a signal comes.

Starts log, scoring, notify and ingest; ends in the order in which data flows: ingest, scoring (with its checkpoint),
notify, the log, the embedded server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from services.notify.feed import CONNECTIONS_MAX
from services.scoring.scorer import SettingsConflict
from shared.clock import SystemClock
from shared.lifecycle import Stop, watch_parent
from shared.limited_http import LimitedHttp
from tools.composition import Services
from tools.open_log import open_log
from tools.serve_setup import Setup
from tools.server import Server, connections_limit, listening_socket, tune_collector
from tools.tracing import tracing_of

_logger = structlog.get_logger(__name__)


class Company(Protocol):
    """What else the process does."""

    async def run(self, stop: Stop) -> None:
        """Once requests are answered. When it returns nothing happens, when it raises all ends."""


class ServeError(RuntimeError):
    """Serving ended because something went wrong; the text says what to do."""


def serve(setup: Setup, company: Company | None = None) -> None:
    """Serve until a signal asks for the end.

    Raises CannotListen, EmbeddedServerError, LogUnavailable, WrongPartitions, SettingsConflict, StoreMoved, ServeError.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(setup, company))


async def _serve(setup: Setup, company: Company | None) -> None:
    stop = Stop()
    sock = listening_socket(setup.host, setup.port)
    with contextlib.closing(sock), stop.on_signals():
        async with _beside(watch_parent(stop, os.environ)), open_log(setup.environment, stop) as log:
            if log is None:  # asked to end before the store answered
                return
            tracing = tracing_of(setup.which, os.environ)
            connections_max = connections_limit(CONNECTIONS_MAX)
            services = Services(setup, log, CollectorRegistry(), SystemClock(), tracing, connections_max)
            await services.start()
            async with _beside(_watch_services(stop, services)):
                http = services.ingest.http_protocol() if services.ingest is not None else LimitedHttp
                server = Server(services.app(), services.feed_protocol(), services.drain, http, connections_max)
                tune_collector()
                await _serve_until(stop, server, sock, services, company)
            if tracing is not None:
                await asyncio.to_thread(tracing.close)
    if stop.fault is not None:
        raise stop.fault


async def _serve_until(
    stop: Stop, server: Server, sock: socket.socket, services: Services, company: Company | None
) -> None:
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    _logger.info("serving", services=services.names, at=f"{services.setup.host}:{services.setup.port}")
    async with _beside(_keep_company(company, stop, server)):
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        services.ending = True
        _logger.info("ending", why=stop.why)
    server.should_exit = True
    await serving


async def _keep_company(company: Company | None, stop: Stop, server: Server) -> None:
    if company is None:
        return
    await server.serving.wait()
    try:
        await company.run(stop)
    except Exception as fault:
        stop.ask("what ran beside the services failed", fault)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Something that goes on while the block runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _watch_services(stop: Stop, services: Services) -> None:
    """A fault of ours ends the process: whoever started it starts it again, from the checkpoint."""
    try:
        await services.watch()
    except SettingsConflict as fault:
        stop.ask("settings", fault)
    except Exception as fault:
        _logger.critical("service.ended", exc_info=fault)
        told = f"A service ended by a fault of its own ({fault!r}); see the log lines above, and start it again."
        stop.ask("a service ended", ServeError(told))
