"""What operators see: JSON log lines, Prometheus numbers, and the health routes that all services share.

Log lines carry ids and counts, never names of people, callers or bodies of requests (docs/operations.md).
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.readiness import Readiness

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def configure_logging(service: str, level: str = "info") -> None:
    """One JSON object a line on standard error, each naming its service. `level` is one of settings.LOG_LEVELS."""

    def name_service(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Repeats(time.monotonic),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_service,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


REPEAT_S = 60.0
REPEATS_MAX = 1_000
"""Lines remembered; far more than there are things to warn of."""


class Repeats:
    """Leaves out warnings that come again within a minute; the next one says how many were left out.

    Two lines are the same when they differ in nothing but numbers. One with a traceback is never left out.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen: dict[object, list[float]] = {}
        """What a line says -> when it was written, how many were left out since."""

    def __call__(self, _: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """See structlog. Raises DropEvent."""
        if level not in ("warning", "error") or "exc_info" in event:
            return event
        what = tuple(sorted((key, str(said)) for key, said in event.items() if not isinstance(said, int | float)))
        now_s = self._now_s()
        seen = self._seen.get(what)
        if seen is not None and now_s - seen[0] < REPEAT_S:
            seen[1] += 1
            raise structlog.DropEvent
        if seen is not None and seen[1]:
            event["repeated"] = int(seen[1])
        if len(self._seen) >= REPEATS_MAX:
            self._seen.clear()
        self._seen[what] = [now_s, 0]
        return event


def _json(value: object, **_: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


class Tallies(Collector):
    """Numbers that hot paths keep as plain integers and that are read only when somebody asks.

    `read` yields (name, help, labels, value); a name that ends in `_total` is a counter, any other a gauge.
    """

    def __init__(self, read: Callable[[], Iterable[tuple[str, str, Mapping[str, str], float]]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are known when they are read."""
        return []

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        families: dict[str, Metric] = {}
        for name, text, labels, value in self._read():
            family = families.get(name)
            if family is None:
                made = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                family = families[name] = made(name, text, labels=list(labels))
            family.add_metric(list(labels.values()), value)  # type: ignore[attr-defined]
        return families.values()


def operations_routes(registry: CollectorRegistry, readiness: Readiness) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`."""

    async def healthz(_: Request) -> Response:
        return _reply(200, {"status": "alive"})

    async def readyz(_: Request) -> Response:
        verdict = await readiness.look()
        return _reply(200 if verdict.ready else 503, verdict.body)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=METRICS_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _reply(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


Message = MutableMapping[str, Any]
_App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

_ANSWERS = "strainwatch_http_answers_total"
_STATUSES = (200, 400, 401, 403, 404, 409, 422, 429, 500, 503)
"""Shown as 0 from the start, so that a rate sees the first one too."""


class Answers:
    """How many answers an app gave, by status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.by_status: Counter[int] = Counter(dict.fromkeys(_STATUSES, 0))
        registry.register(Tallies(self._read))

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        for status, number in sorted(self.by_status.items()):
            text = "Answers of all routes but `POST /v1/events`, by status"
            yield _ANSWERS, text, {"status": str(status)}, number


class AnswerCounter:
    """Middleware that counts answers. What is answered at `apart_from` is counted elsewhere."""

    def __init__(self, app: _App, answers: Answers, apart_from: str) -> None:
        self._app = app
        self._answers = answers
        self._apart_from = apart_from

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["path"] == self._apart_from:
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answers.by_status[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counted)
