"""The notify service: what scoring concluded goes to the team leads, and what they do about it goes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry

from services.notify import page, problems, rest
from services.notify.actions import Actions
from services.notify.feed import Feed, feed_protocol
from services.notify.hub import Hub
from shared.access import TokenVerifier
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.log import Log
from shared.telemetry import operations_routes


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
    ) -> None:
        self._registry = registry
        self.hub = Hub(log, clock, registry)
        actions = Actions(log, self.hub)
        self.feed = Feed(self.hub, actions, verifier, clock, allowed_origins)
        self.router = APIRouter()
        """`/v1/board`, `/v1/alerts...` and the page. The feed is not a route: see `feed_protocol`."""
        self.router.include_router(rest.routes(self.hub, actions, verifier, clock))
        self.router.include_router(page.routes())

    def feed_protocol(self) -> type[asyncio.Protocol]:
        """For `uvicorn.Config(ws=...)`."""
        return feed_protocol(self.feed)

    async def start(self) -> None:
        """Follow the log; returns when the alerts were read, or after seconds without the log."""
        await self.hub.start()
        self.feed.start()

    async def drain(self) -> None:
        """Say goodbye to all clients and stop."""
        self.feed.drain()
        await self.hub.stop()

    async def faults(self) -> Mapping[str, str]:
        """What `/readyz` names; empty when ready."""
        return self.hub.faults()

    def app(self) -> FastAPI:
        """The service alone."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.start()
            yield
            await self.drain()

        app = FastAPI(title="Strainwatch notify", version=CONTRACT_VERSION, lifespan=lifespan)
        problems.install(app)
        app.include_router(self.router)
        app.router.routes.extend(operations_routes(self._registry, self.faults))
        return app
