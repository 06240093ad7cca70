"""uvicorn as we need it: our socket, our signals, and the parts drained between the last request and the end."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.limited_http import LimitedHttp

USER_TIMEOUT_MS = 8_000
"""How long sent bytes may stay unacknowledged. Neither uvicorn nor websockets let go of a peer that stopped reading:
it would hold its memory, and a shutdown, for ever."""
BACKLOG = 2048
GRACE_S = 8
"""For answers that are on their way at the end; requests take milliseconds, ACDs give up after 10 s."""
COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""Containers made between two rounds over the youngest (Python's own choice: 700), and how many rounds until the older
ones are looked at. 50,000 containers are some 5 MB at most."""
KEEP_ALIVE_S = 75
"""Longer than the idle time of common load balancers (60 s), so that they close first and never send into a close."""


def tune_collector() -> None:
    """Set Python's cyclic garbage collector for a process that serves. To be called when all is imported and made.

    Requests make no cycles, but a batch makes so many containers that the collector would run several times in it and,
    now and then, over everything that was imported; what stands at the start is therefore left out of its rounds for
    good, and it runs a tenth as often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


HEADERS = [
    ("X-Content-Type-Options", "nosniff"),  # no answer is taken for another type than it says
    ("Referrer-Policy", "no-referrer"),  # names of agents stand in some addresses
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),  # nothing here asks for it
    ("Cross-Origin-Resource-Policy", "same-origin"),  # no other site's page draws our answers into itself
]
"""Of every answer. `Strict-Transport-Security` is for the proxy that ends TLS: this process does not know of it."""
FILES_KEPT = 512
"""Open files that are not connections of clients: the store, outgoing channels, the program's own."""


def connections_limit(wanted: int) -> int:
    """How many clients' connections this process can take, up to `wanted`; asks the system for as many files first."""
    try:
        import resource
    except ImportError:  # a system without such a limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + FILES_KEPT
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - FILES_KEPT))


class CannotListen(RuntimeError):
    """The address cannot be served; the text says what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket; it begins to listen when it is served. Raises CannotListen."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as fault:
        raise CannotListen(f"{host!r} is no address of this machine ({fault.strerror}); see --host") from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the feed's own deadlines have to do
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.bind(address)
        sock.listen(BACKLOG)  # another server on the same port is seen here, not at bind
    except OSError as fault:
        sock.close()
        if fault.errno == errno.EADDRINUSE:
            advice = f"{where} is in use: stop what runs there, or choose another with --port or STRAINWATCH_PORT"
        elif fault.errno == errno.EACCES:
            advice = f"this user may not listen at {where}: choose a port above 1023 with --port or STRAINWATCH_PORT"
        else:
            advice = f"cannot listen at {where} ({fault.strerror}): see --host and --port"
        raise CannotListen(advice) from None
    return sock


class Server(uvicorn.Server):
    """Serves `app` on a bound socket until `should_exit` is set; then drains.

    First no new connection and no new request, then `drain` (the feed is still there and hears the last alerts), then
    goodbye to whoever is left.
    """

    def __init__(
        self,
        app: ASGIApp,
        feed: type[asyncio.Protocol] | None,
        drain: Callable[[], Awaitable[None]],
        http: type[HttpToolsProtocol] = LimitedHttp,
        connections_max: int | None = None,
    ) -> None:
        logging.getLogger("uvicorn").setLevel(logging.ERROR)  # at WARNING it tells of each malformed request
        super().__init__(
            uvicorn.Config(
                app,
                http=http,
                ws=feed or "none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                headers=HEADERS,
                limit_concurrency=connections_max,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._drain = drain
        self.serving = asyncio.Event()
        """Set when requests are answered."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are heard elsewhere (`shared.lifecycle.Stop`)."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self.serving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol):
                connection.shutdown()
        await self._drain()
        await super().shutdown(sockets)
