"""The scoring service: a scorer for each partition that is its own, and its health routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.scoring.core.parameters import load_parameters
from services.scoring.identity import engine_name
from services.scoring.measures import Measures, Reading
from services.scoring.scorer import Phase, Scorer, Status, Timing
from shared.api_page import describe_at_docs
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.contract.entries import Settings
from shared.contract.events import rfc3339
from shared.log import Log
from shared.readiness import Dependency, Readiness, hindering
from shared.telemetry import operations_routes
from shared.tracing import Tracing

READY = frozenset({Phase.STANDBY, Phase.RUNNING})
LAG_S_MAX = 10.0
"""A running scorer that is further behind is not ready: boards show what was, and alerts come late."""


class Scoring:
    """Scorers of the partitions p with p mod N = i, for `shard` (i, N)."""

    def __init__(
        self,
        *,
        log: Log,
        clock: Clock,
        registry: CollectorRegistry,
        shard: tuple[int, int] = (0, 1),
        standby: bool = False,
        settings: Settings | None = None,
        timing: Timing | None = None,
        engine: str | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """A `standby` gives way to the scorers of shards.

        `engine` is the name that goes into the log; tests give one. Raises BadSettings.
        """
        if settings is not None:
            load_parameters(settings.document)
        index, count = shard
        self._registry = registry
        self._clock = clock
        self._measures = Measures(registry, self._readings)
        name = engine or engine_name()
        self._scorers = [
            Scorer(
                log,
                partition,
                clock=clock,
                tally=self._measures.partition(partition),
                engine=name,
                settings=settings,
                timing=timing,
                standby=standby,
                tracing=tracing,
            )
            for partition in range(index, log.partitions, count)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to score; returns at once."""
        self._tasks = [asyncio.create_task(scorer.run()) for scorer in self._scorers]

    async def wait(self) -> None:
        """Until drained. Raises SettingsConflict as soon as it shows, which may be minutes after the start."""
        if self._tasks:
            await asyncio.gather(*(asyncio.shield(task) for task in self._tasks))

    async def drain(self) -> None:
        """Publish, checkpoint at exactly the last output, give the leases back."""
        for scorer in self._scorers:
            scorer.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
            for task in self._tasks:
                if not task.cancelled():
                    task.exception()  # told by `wait`

    def status(self) -> list[Status]:
        """Where each partition stands."""
        return [scorer.status() for scorer in self._scorers]

    async def faults(self) -> Mapping[str, str]:
        """What hinders, by name; empty when ready."""
        return hindering(await self.dependencies())

    async def dependencies(self) -> list[Dependency]:
        """Each partition of this shard, and the settings."""
        states = self.status()
        settings = next((at.settings_fault for at in states if at.settings_fault), None)
        return [
            *(Dependency(f"partition {at.partition}", _fault(at)) for at in states),
            Dependency("settings", settings, hinders=False),  # what is in force goes on being used
        ]

    def readiness(self) -> Readiness:
        """Of scoring alone."""
        return Readiness(self._clock, self.dependencies, self.described)

    def described(self) -> Mapping[str, Any]:
        """Where each partition stands, for `/readyz`."""
        return {"partitions": [_described(at) for at in self.status()]}

    def _readings(self) -> Iterator[Reading]:
        for at in self.status():
            yield Reading(at.partition, str(at.phase), at.lag_s, at.checkpoint_age_s, at.event_age_s)

    def app(self) -> FastAPI:
        """The service alone."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.start()
            yield
            await self.drain()

        app = describe_at_docs(
            FastAPI(
                title="Strainwatch scoring", version=CONTRACT_VERSION, lifespan=lifespan, docs_url=None, redoc_url=None
            )
        )
        app.router.routes.extend(operations_routes(self._registry, self.readiness()))
        return app


def _fault(at: Status) -> str | None:
    if at.phase not in READY:
        return f"{at.phase}: {at.detail}" if at.detail else str(at.phase)
    if at.phase is Phase.RUNNING and at.lag_s is not None and at.lag_s > LAG_S_MAX:
        return f"{at.lag_s:.0f} s behind"
    return None


def _described(at: Status) -> dict[str, Any]:
    return {
        "partition": at.partition,
        "phase": str(at.phase),
        "since": rfc3339(at.since_ms),
        "position": str(at.position) if at.position else None,
        "lag_s": at.lag_s,
        "checkpoint_age_s": at.checkpoint_age_s,
    }
