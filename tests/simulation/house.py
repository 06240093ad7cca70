"""The services as machines of a simulation: the real objects, put together as `strainwatch serve` does it."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextvars import Context
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.ingest.app import Ingest
from services.notify.app import Notify
from services.notify.channels import service as channels
from services.scoring.app import Scoring
from services.scoring.core.parameters import check_settings
from services.scoring.scorer import Timing
from shared.access import KeyRing, TokenVerifier, encode_api_key, mint, new_api_key
from shared.log import Retention
from shared.settings import settings_of
from tests.simulation.lead import Lead
from tests.simulation.link import Link
from tests.simulation.loop import BEGIN_MS, Machine, SimLoop
from tests.simulation.receiver import CHANNEL, Post, Receiver
from tests.simulation.store import Line, SimLog

SECRET = b"a secret for tests, of 32 bytes or more"
TIMING = Timing(checkpoint_s=7.0, trim_s=11.0)
"""Checkpoints and trims come often, so that many faults meet them; the lease is as it is in use."""
RETENTION = Retention(alerts_ms=40 * 3_600_000)
"""Of alerts two nights instead of a week; the rest is as it is in use."""
SETTINGS = b"""
revision = 3
[alerts."queue.strain"]
open_line = 30
open_hold_s = 0
close_line = 25
close_hold_s = 5
escalate_after_s = 40
[alerts."agent.strain"]
open_line = 12
open_hold_s = 4
close_line = 8
close_hold_s = 10
escalate_after_s = 30
"""
ASK_S = 12.0
"""How long who asks over HTTP waits for an answer."""


class Host(ABC):
    """A place where a service runs: when its machine dies, the next one comes up in its place."""

    kind = ""

    def __init__(self, loop: SimLoop, log: SimLog, name: str, rng: Random) -> None:
        self.loop, self.log, self.name, self.rng = loop, log, name, rng
        self.machine: Machine | None = None
        self.line: Line
        self.dead: list[Machine] = []
        self.set_by_ms = 0
        """By how much the machine's clock was set; its hardware clock outlives the process."""

    @property
    def up(self) -> bool:
        """Whether a process runs (perhaps stopped)."""
        return self.machine is not None

    def boot(self) -> None:
        """Start the service anew."""
        assert self.machine is None
        self.machine = machine = Machine(self.loop, self.name, Random(self.rng.getrandbits(64)))
        machine.clock.set_by_ms = self.set_by_ms
        self.line = Line(self.log, machine)
        machine.now(self._make, machine.clock)
        machine.run(self._start())

    def kill(self) -> None:
        """As kill -9."""
        if self.machine is not None:
            self.machine.kill()
            self.dead.append(self.machine)
            self.machine = None
            self._killed()

    async def drain(self) -> None:
        """As SIGTERM: the service ends in order, or after a while as it is ended by its orchestrator."""
        machine = self.machine
        if machine is None:
            return
        ended = machine.run(self._drain())
        await asyncio.wait([ended], timeout=30)
        if self.machine is machine:
            if ended.done():
                ended.result()
            self.kill()

    def set_clock(self, by_ms: int) -> None:
        """Set the wall clock."""
        self.set_by_ms = by_ms
        if self.machine is not None:
            self.machine.clock.set_by_ms = by_ms

    @abstractmethod
    def _make(self, clock: Any) -> None:
        """Put the service together, on this machine's clock."""

    @abstractmethod
    async def _start(self) -> None:
        """As its process begins."""

    @abstractmethod
    async def _drain(self) -> None:
        """As SIGTERM ends it."""

    def _killed(self) -> None:  # noqa: B027 - not every host is seen from outside
        """What the outside sees at once."""


class IngestHost(Host):
    kind = "ingest"

    def _make(self, clock: Any) -> None:
        self.service = Ingest(
            log=self.line, keys=KeyRing(self.line), caller_secret=SECRET, clock=clock, registry=CollectorRegistry()
        )

    async def _start(self) -> None:
        await self.service.start()

    async def _drain(self) -> None:
        await self.service.drain()


class ScoringHost(Host):
    kind = "scoring"

    def _make(self, clock: Any) -> None:
        settings = settings_of(SETTINGS, check=check_settings, now_ms=BEGIN_MS)
        self.service = Scoring(
            log=self.line,
            clock=clock,
            registry=CollectorRegistry(),
            engine="simulated",
            settings=settings,
            timing=TIMING,
        )

    async def _start(self) -> None:
        await self.service.start()

    async def _drain(self) -> None:
        await self.service.drain()


class NotifyHost(Host):
    kind = "notify"
    receiver: Receiver

    def _make(self, clock: Any) -> None:
        assert self.machine is not None
        post = Post(self.receiver, self.machine)
        with patch.object(channels, "sender_of", lambda *_: post):
            self.service = Notify(
                log=self.line,
                verifier=TokenVerifier(SECRET),
                clock=clock,
                registry=CollectorRegistry(),
                channels=(CHANNEL,),
            )
        for worker in self.service.channels.workers:
            worker._chance = self.machine.rng.random
        self._app: FastAPI | None = None
        self.protocol = self.service.feed_protocol()
        self.server_state = SimpleNamespace(connections=set())
        self.links: list[Link] = []
        self.serves = False

    @property
    def app(self) -> FastAPI:
        """The routes; made when the first asks, since making them takes longer than most answers."""
        if self._app is None:
            self._app = FastAPI(openapi_url=None)
            self._app.router.routes.extend(self.service.router.routes)
        return self._app

    async def _start(self) -> None:
        await self.service.start()
        self.serves = True

    async def _drain(self) -> None:
        self.serves = False
        await self.service.drain()
        # As the server does after its services: what is still open then is cut.
        for _ in range(40):
            if not self.service.feed.connections:
                return
            await asyncio.sleep(0.5)
        raise AssertionError("connections are left open after the goodbye")

    def _killed(self) -> None:
        for link in self.links:
            link.server_died()

    def accept(self, lead: Lead) -> bool:
        """Take a lead's connection; False when nobody listens."""
        if self.machine is None or not self.serves:
            return False
        link = Link(self.machine, lead, Random(lead.rng.getrandbits(64)))
        self.links = [known for known in self.links if not known._gone]
        self.links.append(link)
        lead.connect(link, self.machine.now(self.protocol, None, self.server_state, None))
        return True


async def ask(host: Host, app: Any, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """One HTTP request to a service, past its socket: (status, body), or (0, b"") when no answer comes."""
    machine = host.machine
    if machine is None:
        return 0, b""
    loop = machine.loop
    answer: asyncio.Future[tuple[int, bytes]] = loop.create_future()
    status, parts = 0, list[bytes]()
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("10.0.0.9", 1), "server": ("desk", 80), "state": {},
    }  # fmt: skip
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await loop.create_future()  # the sender stays
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    def give() -> None:
        if not answer.done():
            answer.set_result((status, b"".join(parts)))

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                loop.call_later(host.rng.uniform(0.0005, 0.02), give, context=Context())

    task = machine.run(app(scope, receive, send))
    await asyncio.wait([answer], timeout=ASK_S)
    if not answer.done():
        return 0, b""
    if task.done() and not task.cancelled():
        task.result()
    return answer.result()


def key_of(tenant: str, rng: Random) -> tuple[str, str, bytes]:
    """An API key's text, id and record."""
    text, record = new_api_key(tenant, ("events:write",), random_bytes=rng.randbytes, now_ms=BEGIN_MS)
    return text, record.id, encode_api_key(record)


def token_of(tenant: str, teams: tuple[str, ...], sub: str) -> str:
    """A token that outlasts every run and its clocks."""
    return mint(SECRET, tenant=tenant, teams=teams, role="lead", sub=sub, exp_s=BEGIN_MS // 1000 + 10**7)


def as_json(body: bytes) -> Any:
    """The body of an answer."""
    return json.loads(body) if body else None
