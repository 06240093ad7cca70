"""The services of one process, put together: which run here, their common app, their start, their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.ingest import openapi as ingest_openapi
from services.ingest.app import Ingest
from services.notify import problems
from services.notify.app import Notify
from services.scoring.app import Scoring
from shared.access import KeyRing, TokenVerifier
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.lifecycle import Step, drain_in_order
from shared.log import Log
from shared.telemetry import operations_routes
from tools.serve_setup import Setup, Which

LOOK_S = 0.5
FAULTS_WAIT_S = 3.0  # orchestrators ask every few seconds; a part that gives no answer is not ready

_PARTS: dict[Which, tuple[str, ...]] = {
    "all": ("ingest", "scoring", "notify"),
    "ingest": ("ingest",),
    "scoring": ("scoring",),
    "notify": ("notify",),
}


class Services:
    """The services of a setup, on one log and one registry."""

    def __init__(self, setup: Setup, log: Log, registry: CollectorRegistry, clock: Clock) -> None:
        self.setup = setup
        self.log = log
        self.registry = registry
        self.names = _PARTS[setup.which]
        self.ending = False
        """Set when the process is about to end, so that `/readyz` takes it out of the rotation."""
        self.ingest: Ingest | None = None
        self.scoring: Scoring | None = None
        self.notify: Notify | None = None
        if "scoring" in self.names:
            self.scoring = Scoring(
                log=log,
                clock=clock,
                registry=registry,
                shard=setup.environment.scoring_shard,
                settings=setup.settings,
            )
        if "notify" in self.names:
            self.notify = Notify(log=log, verifier=TokenVerifier(setup.jwt_secret), clock=clock, registry=registry)
        if "ingest" in self.names:
            self.ingest = Ingest(
                log=log,
                keys=KeyRing(log),
                caller_secret=setup.caller_secret,
                clock=clock,
                registry=registry,
                lateness_s=setup.lateness_s,
            )

    async def start(self) -> None:
        """Against the stream, so that whoever sends finds somebody who listens."""
        for part in (self.notify, self.scoring, self.ingest):
            if part is not None:
                await part.start()

    async def drain(self) -> None:
        """With the stream: what was taken is confirmed, scored, and told before the next part ends."""
        parts = (("ingest", self.ingest), ("scoring", self.scoring), ("notify", self.notify))
        steps: list[Step] = [(name, part.drain) for name, part in parts if part is not None]
        await drain_in_order(steps)

    async def watch(self) -> None:
        """Return never; raise what ended a service: a fault of ours, or SettingsConflict."""
        scoring = asyncio.create_task(self.scoring.wait()) if self.scoring is not None else None
        try:
            while True:
                if scoring is not None and scoring.done() and not self.ending:
                    scoring.result()
                    raise RuntimeError("scoring ended by itself")
                if self.notify is not None and self.notify.hub.crashed is not None:
                    raise self.notify.hub.crashed
                await asyncio.sleep(LOOK_S)
        finally:
            if scoring is not None:
                scoring.cancel()
                await asyncio.gather(scoring, return_exceptions=True)

    async def faults(self) -> Mapping[str, str]:
        """What fails now, by name; empty when this process is ready."""
        found = {"process": "is ending"} if self.ending else {}
        for name, part in (("ingest", self.ingest), ("scoring", self.scoring), ("notify", self.notify)):
            if part is not None:
                found |= await _asked(name, part.faults)
        return found

    def feed_protocol(self) -> type[asyncio.Protocol] | None:
        """What the server needs for the feed's websockets, when they are served here."""
        return self.notify.feed_protocol() if self.notify is not None else None

    def app(self) -> FastAPI:
        """All routes of this process."""
        title = "Strainwatch" if len(self.names) > 1 else f"Strainwatch {self.names[0]}"
        app = FastAPI(title=title, version=CONTRACT_VERSION)
        problems.install(app)
        if self.scoring is not None:
            app.router.routes.append(self.scoring.ready_route(self.faults))
        app.router.routes.extend(operations_routes(self.registry, self.faults))
        if self.ingest is not None:
            app.router.routes.extend(self.ingest.routes)
            _describe_ingest(app)
        if self.notify is not None:
            app.include_router(self.notify.router)
        return app


async def _asked(name: str, faults: Callable[[], Awaitable[Mapping[str, str]]]) -> dict[str, str]:
    try:
        async with asyncio.timeout(FAULTS_WAIT_S):
            return dict(await faults())
    except TimeoutError:
        return {name: f"gave no answer within {FAULTS_WAIT_S:g} s"}


def _describe_ingest(app: FastAPI) -> None:
    built = app.openapi

    def openapi() -> dict[str, Any]:
        return ingest_openapi.describe(built())

    app.openapi = openapi  # type: ignore[method-assign]
