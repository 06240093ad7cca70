"""The notify service: what scoring concluded goes to the team leads, and what they do about it goes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry

from services.notify import agents, audit, page, problems, rest, signin, stream
from services.notify.actions import Actions
from services.notify.agent_events import AgentEvents
from services.notify.channels.service import Channels
from services.notify.core.channel_settings import Channel
from services.notify.door import Door
from services.notify.feed import CONNECTIONS_MAX, Feed, feed_protocol
from services.notify.hub import Hub
from services.notify.reports import routes as reports
from services.notify.trail import Trail
from shared.access import TokenVerifier
from shared.addresses import Network
from shared.api_page import describe_at_docs
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.contract.own import Oidc
from shared.log import Log, Retention
from shared.readiness import Dependency, Readiness
from shared.telemetry import operations_routes
from shared.tracing import Tracing


class Notify:
    """Hub, feed and routes, put together. Alone it is an `app`; beside others its `router` joins theirs."""

    def __init__(
        self,
        *,
        log: Log,
        verifier: TokenVerifier,
        clock: Clock,
        registry: CollectorRegistry,
        allowed_origins: tuple[str, ...] = (),
        connections_max: int = CONNECTIONS_MAX,
        oidc: Oidc | None = None,
        zone_of: Callable[[str], str | None] = lambda _: None,
        channels: Sequence[Channel] = (),
        public_url: str | None = None,
        tracing: Tracing | None = None,
        kept: Retention | None = None,
        private_networks: tuple[Network, ...] | None = None,
    ) -> None:
        """`oidc` is where the page may send people to sign in; `zone_of` gives a tenant's time zone; `kept` says how
        long the log keeps its streams, as agents are told."""
        self._registry = registry
        self._verifier = verifier
        self.hub = Hub(log, clock, registry, tracing)
        trail = Trail(log, clock, self.hub.metrics)
        actions = Actions(log, self.hub, trail)
        self.door = door = Door(self.hub, verifier, clock)
        self.feed = Feed(self.hub, actions, verifier, clock, allowed_origins, connections_max)
        self.channels = Channels(
            channels,
            log=log,
            clock=clock,
            registry=registry,
            newest=self.hub.top,
            public_url=public_url,
            private_networks=private_networks,
        )
        self._make_routes: Callable[[], tuple[APIRouter, ...]] = lambda: (
            rest.routes(self.hub, actions, door),
            stream.routes(self.feed, door),
            agents.routes(self.hub, AgentEvents(self.hub, actions, trail), door, kept),
            audit.routes(trail, door),
            signin.routes(door, oidc, zone_of),
            reports.routes(log, self.hub, door),
            page.routes(connect=page.origins(oidc)),
        )

    @cached_property
    def router(self) -> APIRouter:
        """`/v1/board`, `/v1/alerts...`, `/v1/reports/...`, `/v1/stream`, the page. The websocket is no route."""
        router = APIRouter()
        for routes in self._make_routes():
            router.include_router(routes)
        return router

    def feed_protocol(self) -> type[asyncio.Protocol]:
        """For `uvicorn.Config(ws=...)`."""
        return feed_protocol(self.feed)

    async def start(self) -> None:
        """Follow the log; returns when the alerts were read, or after seconds without the log."""
        if self._verifier.revocations is not None:
            self.hub.run(self._verifier.revocations.keep_fresh(), "revocations")
        if self._verifier.issuer is not None:
            self.hub.run(self._verifier.issuer.keys.keep_fresh(), "issuer keys")
        await self.hub.start()
        self.feed.start()
        self.channels.start()

    async def drain(self) -> None:
        """Say goodbye to all clients and stop."""
        self.feed.drain()
        await self.channels.stop()
        await self.hub.stop()

    async def dependencies(self) -> list[Dependency]:
        """What notify needs."""
        return self.hub.dependencies()

    def readiness(self) -> Readiness:
        """Of notify alone."""
        return Readiness(self.hub.clock, self.dependencies)

    def app(self) -> FastAPI:
        """The service alone."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.start()
            yield
            await self.drain()

        app = describe_at_docs(
            FastAPI(
                title="Strainwatch notify", version=CONTRACT_VERSION, lifespan=lifespan, docs_url=None, redoc_url=None
            )
        )
        problems.install(app)
        app.include_router(self.router)
        app.router.routes.extend(operations_routes(self._registry, self.readiness()))
        return app
