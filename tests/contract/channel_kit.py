"""Outgoing channels at work: a real log, real receivers on loopback, and a clock that a test moves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from services.notify.channels.service import Channels
from services.notify.channels.signature import new_secret
from services.notify.core.channel_settings import Channel
from services.notify.core.routing import Route
from shared.clock import ManualClock, SystemClock
from shared.contract.alerts import Alert, Change
from shared.contract.entries import START, EntryId
from shared.log import Log
from tests.contract.notify_house import Engine, alert

WAIT_S = 90.0  # bounds a wait; a sending process that starts on a busy machine takes seconds
SECRET = new_secret()


@dataclass
class Received:
    """One request, and what it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def alert(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found

    @property
    def told(self) -> tuple[str, str]:
        return self.alert["id"], self.alert["phase"]


Answer = tuple[int, dict[str, str]]


class Receiver:
    """An HTTP server on a free port. `answer` decides; a status of 0 says nothing for ever."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.answer: Callable[[Received], Answer] = lambda _: (204, {})
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hidden-path"

    @property
    def taken(self) -> list[Received]:
        """What was answered with success."""
        return [request for request in self.requests if 200 <= request.status < 300]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [request.told for request in self.taken]

    async def open(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen, again at the same port if it did before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Received(head[0].split(" ")[1], headers, body, 0)
            status, more = self.answer(request)
            request.status = status
            self.requests.append(request)
            if status == 0:
                await asyncio.sleep(3600)
            lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
            writer.write(f"HTTP/1.1 {status} Said\r\n{lines}content-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


def webhook(url: str, name: str = "hook", *routes: Route, **fields: Any) -> Channel:
    """A channel to a receiver on loopback."""
    routes = routes or (Route("routes[0]", name),)
    return Channel(**{"name": name, "type": "webhook", "url": url, "secrets": (SECRET,), "allow_private": True,
                      "routes": routes, **fields})  # fmt: skip


def step(old: Alert, phase: Any, severity: Any = None, **fields: Any) -> Alert:
    """The alert one step later."""
    at = f"2026-01-31T08:{len(old.history):02d}:00.000Z"
    severity = severity or old.severity
    history = [*old.history, Change(at, phase, severity, **fields)]
    return msgspec.structs.replace(old, phase=phase, severity=severity, updated_at=at, history=history)


@dataclass
class Floor:
    """A log with an engine, and as many channel services as a test starts."""

    log: Log
    engine: Engine
    clock: ManualClock
    top: EntryId = START
    registries: list[CollectorRegistry] = field(default_factory=list)
    running: list[Channels] = field(default_factory=list)

    async def publish(self, *alerts: Alert) -> None:
        """Changes of one entry each."""
        for one in alerts:
            self.top = await self.engine.publish(one)

    async def start(self, *channels: Channel, public_url: str | None = None) -> Channels:
        """One process with these channels; returns when it has begun."""
        registry = CollectorRegistry()
        made = Channels(
            channels,
            log=self.log,
            clock=self.clock,
            registry=registry,
            newest=lambda _: self.top,
            public_url=public_url,
        )
        self.registries.append(registry)
        self.running.append(made)
        made.start()
        return made

    async def begun(self, *names: str) -> None:
        """Wait until channels have their outboxes open."""
        workers = [w for channels in self.running for w in channels.workers]
        await self.until(lambda: all(any(w.opened for w in workers if w.channel.name == name) for name in names), 0.0)

    async def until(self, condition: Callable[[], bool], pace_s: float = 1.0) -> None:
        """Let the clock run, a second for each hundredth, until something is so."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self.clock.advance(pace_s)
                await asyncio.sleep(0.01)

    async def pass_s(self, seconds: float, real_s: float = 0.8) -> None:
        """Let time pass in which nothing is expected."""
        for _ in range(20):
            self.clock.advance(seconds / 20)
            await asyncio.sleep(real_s / 20)

    def count(self, name: str, channel: str = "hook", **labels: str) -> float:
        """A counter of the process that was started last."""
        return self.registries[-1].get_sample_value(name, {"channel": channel, **labels}) or 0.0


@contextlib.asynccontextmanager
async def floor(log: Log) -> AsyncIterator[Floor]:
    """Everything stops with the block."""
    engine = Engine(log)
    await engine.claim()
    made = Floor(log, engine, ManualClock(SystemClock().now_ms()))
    try:
        yield made
    finally:
        await asyncio.gather(*(channels.stop() for channels in made.running))


def opened(id: str = "a-1", **fields: Any) -> Alert:
    """An alert that has just opened."""
    return alert(id, **fields)
