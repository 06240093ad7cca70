"""The scoring service: a scorer for each partition that is its own, and its health routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.scoring.core.parameters import load_parameters
from services.scoring.identity import engine_name
from services.scoring.measures import Measures, Reading
from services.scoring.scorer import Phase, Scorer, Status, Timing
from shared.clock import Clock
from shared.contract import CONTRACT_VERSION
from shared.contract.entries import Settings
from shared.log import Log
from shared.telemetry import operations_routes

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
        settings: Settings | None = None,
        timing: Timing | None = None,
        engine: str | None = None,
    ) -> None:
        """`engine` is the name that goes into the log; tests give one. Raises BadSettings."""
        if settings is not None:
            load_parameters(settings.document)
        index, count = shard
        self._registry = registry
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
        """What `/readyz` names; empty when ready."""
        return dict(self._faults())

    def _faults(self) -> Iterator[tuple[str, str]]:
        for at in self.status():
            name = f"partition {at.partition}"
            if at.phase not in READY:
                yield name, f"{at.phase}: {at.detail}" if at.detail else str(at.phase)
            elif at.phase is Phase.RUNNING and at.lag_s is not None and at.lag_s > LAG_S_MAX:
                yield name, f"{at.lag_s:.0f} s behind"

    def _readings(self) -> Iterator[Reading]:
        for at in self.status():
            yield Reading(at.partition, str(at.phase), at.lag_s, at.checkpoint_age_s)

    def app(self) -> FastAPI:
        """The service alone."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.start()
            yield
            await self.drain()

        app = FastAPI(title="Strainwatch scoring", version=CONTRACT_VERSION, lifespan=lifespan)
        app.router.routes.append(self.ready_route(self.faults))
        app.router.routes.extend(operations_routes(self._registry, self.faults))
        return app

    def ready_route(self, faults: Callable[[], Awaitable[Mapping[str, str]]]) -> Route:
        """`/readyz` as everywhere, and with it where each partition stands. It goes before the common one.

        `faults` are those of the process, which may hold other services besides.
        """

        async def readyz(_: Request) -> Response:
            found = await faults()
            body = {
                "status": "not ready" if found else "ready",
                "faults": dict(found),
                "partitions": [_described(at) for at in self.status()],
            }
            return Response(msgspec.json.encode(body), 503 if found else 200, media_type="application/json")

        return Route("/readyz", readyz)


def _described(at: Status) -> dict[str, Any]:
    return {
        "partition": at.partition,
        "phase": str(at.phase),
        "position": str(at.position) if at.position else None,
        "lag_s": at.lag_s,
        "checkpoint_age_s": at.checkpoint_age_s,
    }
