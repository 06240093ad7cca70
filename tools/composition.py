"""The services of one process, put together: which run here, their common app, their start, their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.ingest import openapi as ingest_openapi
from services.ingest.app import Ingest
from services.ingest.door import EVENTS_PATH
from services.notify import problems
from services.notify.app import Notify
from services.notify.feed import CONNECTIONS_MAX
from services.scoring.app import Scoring
from shared.access import Issuer, KeyRing, TokenVerifier
from shared.api_page import describe_at_docs
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.contract.own import Oidc
from shared.jwks import IssuerKeys, fetch_by_http
from shared.lifecycle import Step, drain_in_order
from shared.log import Log
from shared.process_measures import register_process
from shared.readiness import Dependency, Readiness
from shared.revocations import Revocations
from shared.settings import Environment
from shared.store_watch import StoreWatch
from shared.telemetry import AnswerCounter, Answers, operations_routes
from shared.tracing import Tracing
from tools.ports import Which
from tools.serve_setup import Setup

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

    def __init__(
        self,
        setup: Setup,
        log: Log,
        registry: CollectorRegistry,
        clock: Clock,
        tracing: Tracing | None = None,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self.setup = setup
        self.log = log
        self.registry = registry
        self.names = _PARTS[setup.which]
        self.ending = False
        """Set when the process is about to end, so that `/readyz` takes it out of the rotation."""
        register_process(registry, self.names)
        self.store = StoreWatch(log, clock, registry)
        self._answers = Answers(registry)
        self._clock = clock
        self._looking: asyncio.Task[None] | None = None
        self.ingest: Ingest | None = None
        self.scoring: Scoring | None = None
        self.notify: Notify | None = None
        if "scoring" in self.names:
            self.scoring = Scoring(
                log=log,
                clock=clock,
                registry=registry,
                shard=setup.environment.scoring_shard or (0, 1),
                standby=setup.environment.scoring_shard is None,
                settings=setup.settings,
                tracing=tracing,
            )
        if "notify" in self.names:
            self.notify = Notify(
                log=log,
                verifier=TokenVerifier(setup.jwt_secret or None, _issuer(setup.environment, clock), Revocations(log)),
                clock=clock,
                registry=registry,
                allowed_origins=setup.environment.allowed_origins,
                connections_max=connections_max,
                oidc=_oidc(setup.environment),
                zone_of=setup.zone_of,
                channels=setup.channels,
                public_url=setup.public_url,
                tracing=tracing,
                kept=setup.environment.keep,
                private_networks=setup.environment.private_networks,
            )
        if "ingest" in self.names:
            self.ingest = Ingest(
                log=log,
                keys=KeyRing(log, clock, setup.own_keys),
                caller_secret=setup.caller_secret,
                clock=clock,
                registry=registry,
                lateness_s=setup.lateness_s,
                tracing=tracing,
            )

    async def start(self) -> None:
        """Against the stream, so that whoever sends finds somebody who listens."""
        self._looking = asyncio.create_task(self.store.run())
        for part in (self.notify, self.scoring, self.ingest):
            if part is not None:
                await part.start()

    async def drain(self) -> None:
        """With the stream: what was taken is confirmed, scored, and told before the next part ends."""
        parts = (("ingest", self.ingest), ("scoring", self.scoring), ("notify", self.notify))
        steps: list[Step] = [(name, part.drain) for name, part in parts if part is not None]
        await drain_in_order(steps)
        if self._looking is not None:
            self._looking.cancel()

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

    async def dependencies(self) -> list[Dependency]:
        """What this process depends on, for `/readyz`."""
        found = [Dependency("process", "is ending" if self.ending else None), *self.store.dependencies()]
        for name, part in (("ingest", self.ingest), ("scoring", self.scoring), ("notify", self.notify)):
            if part is not None:
                found += await _asked(name, part.dependencies)
        return found

    def _more(self) -> Mapping[str, Any]:
        return self.scoring.described() if self.scoring is not None else {}

    def feed_protocol(self) -> type[asyncio.Protocol] | None:
        """What the server needs for the feed's websockets, when they are served here."""
        return self.notify.feed_protocol() if self.notify is not None else None

    def app(self) -> FastAPI:
        """All routes of this process."""
        title = "Strainwatch" if len(self.names) > 1 else f"Strainwatch {self.names[0]}"
        app = describe_at_docs(FastAPI(title=title, version=CONTRACT_VERSION, docs_url=None, redoc_url=None))
        problems.install(app)
        app.add_middleware(AnswerCounter, answers=self._answers, apart_from=EVENTS_PATH.decode())
        readiness = Readiness(self._clock, self.dependencies, self._more)
        app.router.routes.extend(operations_routes(self.registry, readiness))
        if self.ingest is not None:
            app.router.routes.extend(self.ingest.routes)
            _describe_ingest(app)
        if self.notify is not None:
            app.include_router(self.notify.router)
        return app


def _issuer(environment: Environment, clock: Clock) -> Issuer | None:
    if environment.jwt_jwks_url is None or environment.jwt_issuer is None:
        return None
    audiences = tuple(name for name in (environment.jwt_audience, environment.oidc_client_id) if name)
    fetch = fetch_by_http(environment.jwt_issuer, environment.private_networks)
    keys = IssuerKeys(environment.jwt_jwks_url, clock, fetch)
    return Issuer(keys, environment.jwt_issuer, audiences, environment.jwt_claims)


def _oidc(environment: Environment) -> Oidc | None:
    if environment.oidc_client_id is None or environment.jwt_issuer is None:
        return None
    return Oidc(environment.jwt_issuer, environment.oidc_client_id, environment.oidc_scope)


async def _asked(name: str, ask: Callable[[], Awaitable[list[Dependency]]]) -> list[Dependency]:
    try:
        async with asyncio.timeout(FAULTS_WAIT_S):
            return await ask()
    except TimeoutError:
        return [Dependency(name, f"gave no answer within {FAULTS_WAIT_S:g} s")]


def _describe_ingest(app: FastAPI) -> None:
    built = app.openapi

    def openapi() -> dict[str, Any]:
        return ingest_openapi.describe(built())

    app.openapi = openapi  # type: ignore[method-assign]
