"""The ingest service: wires door, publisher and log, and puts them on an ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute, Route

from services.ingest.core.admission import BODY_BYTES_MAX
from services.ingest.core.problems import Answer, problem
from services.ingest.door import EVENTS_PATH, EVENTS_PER_S_MAX, Door, Pass, head_values
from services.ingest.fast_door import FastDoor, fast_door
from services.ingest.measures import Measures
from services.ingest.openapi import describe
from services.ingest.publisher import Commit, Publisher
from services.ingest.rejects import Rejects
from services.ingest.traced_door import TracedDoor
from shared.access import KeyRing
from shared.api_page import describe_at_docs
from shared.clock import Clock
from shared.log import Log, LogUnavailable
from shared.readiness import Dependency, Readiness
from shared.telemetry import operations_routes
from shared.tracing import Tracing

_PATH = EVENTS_PATH.decode()
PING_TIMEOUT_S = 2.0  # orchestrators ask every few seconds and wait about as long

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]


class Ingest:
    """Everything between an ACD's post and the log. `start` before the first request, `drain` after the last."""

    def __init__(
        self,
        *,
        log: Log,
        keys: KeyRing,
        caller_secret: bytes,
        clock: Clock,
        registry: CollectorRegistry,
        lateness_s: int = 900,
        events_per_s_max: float = EVENTS_PER_S_MAX,
        tracing: Tracing | None = None,
    ) -> None:
        self.registry = registry
        self.measures = Measures(registry)
        self.publisher = Publisher(
            log, caller_secret=caller_secret, clock=clock, measures=self.measures, tracing=tracing
        )
        self.measures.waiting_events = lambda: self.publisher.waiting_events
        self.rejects = Rejects(log, clock, self.measures)
        make_door = Door if tracing is None else partial(TracedDoor, tracing=tracing)
        self.door = make_door(
            keys=keys,
            publisher=self.publisher,
            rejects=self.rejects,
            clock=clock,
            measures=self.measures,
            lateness_s=lateness_s,
            events_per_s_max=events_per_s_max,
        )
        self.endpoint = EventsEndpoint(self.door)
        self.routes: list[BaseRoute] = [Route(_PATH, self.endpoint, include_in_schema=False)]
        # Vendor payloads (/v1/acd/...) join here: each turns into events and goes through the same door.
        self._log = log
        self._clock = clock
        self.keys = keys
        self._refresh: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read the API keys; returns at once, also when the log is away."""
        self._refresh = asyncio.create_task(self.keys.keep_fresh())

    async def drain(self) -> None:
        """Wait until every event taken is confirmed or refused, then stop."""
        await self.publisher.drain()
        await self.rejects.drain()
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.wait([self._refresh])

    def http_protocol(self) -> type[FastDoor]:
        """For `uvicorn.Config(http=...)`: takes `/v1/events` before ASGI. Without it the routes do the same."""
        return fast_door(self.door)

    def in_front_of(self, app: ASGIApp) -> ASGIApp:
        """The app with `/v1/events` taken out before its middleware, which costs more than all the rest together."""
        endpoint = self.endpoint

        async def front(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == _PATH:
                await endpoint(scope, receive, send)
            else:
                await app(scope, receive, send)

        return front

    async def dependencies(self) -> list[Dependency]:
        """What ingest needs: a log that takes writes, and the API keys once."""
        fault = None
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._log.ping()
        except LogUnavailable as away:
            fault = str(away) or "does not answer"
        except TimeoutError:
            fault = f"gave no answer within {PING_TIMEOUT_S:g} s"
        return [
            Dependency("log", fault),
            Dependency("api_keys", None if self.keys.loaded else "could not be read yet"),
        ]

    def readiness(self) -> Readiness:
        """Of ingest alone."""
        return Readiness(self._clock, self.dependencies)


class EventsEndpoint:
    """`POST /v1/events` as a plain ASGI app: no request objects, no models, one answer."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["method"] != "POST":
            await _send(send, problem(405, "send events with POST"))
            return
        request = self._door.check(*head_values(scope["headers"]))
        if isinstance(request, Pass):
            body = await _body(receive)
            if body is None:
                return
            outcome = self._door.too_large() if len(body) > BODY_BYTES_MAX else self._door.take(request, body)
            if not isinstance(outcome, Answer):
                await _done(outcome.commit)
                outcome = self._door.answer(outcome)
            await _send(send, outcome)
        else:
            await _send(send, request)


async def _done(commit: Commit) -> None:
    """Wait for a commit that others share; a sender that goes away takes nothing from them."""
    waiter = asyncio.get_running_loop().create_future()
    commit.when_done(lambda: None if waiter.done() else waiter.set_result(None))
    await waiter


async def _body(receive: Receive) -> bytes | None:
    """The body, cut off soon after it has grown over the limit; None when the sender went away."""
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    parts, size = [body], len(body)
    while message.get("more_body", False) and size <= BODY_BYTES_MAX:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    return b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def create_app(ingest: Ingest) -> ASGIApp:
    """Ingest alone, on one port: a FastAPI app with the events endpoint in front of it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await ingest.start()
        yield
        await ingest.drain()

    app = FastAPI(
        title="Strainwatch ingest",
        description="Events of an ACD in. See `POST /v1/events`.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        routes=[*ingest.routes, *operations_routes(ingest.registry, ingest.readiness())],
    )
    built = app.openapi

    def openapi() -> dict[str, Any]:
        return describe(built())

    app.openapi = openapi  # type: ignore[method-assign]
    describe_at_docs(app)
    return ingest.in_front_of(app)
