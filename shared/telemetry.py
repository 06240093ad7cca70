"""What operators see: JSON log lines, Prometheus numbers, and the health routes that all services share.

Log lines carry ids and counts, never names of people, callers or bodies of requests.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def configure_logging(service: str, level: str = "info") -> None:
    """One JSON object a line on standard error, each naming its service."""

    def name_service(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_service,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


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


def operations_routes(registry: CollectorRegistry, faults: Callable[[], Awaitable[Mapping[str, str]]]) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`. `faults` names each dependency that fails, with the reason."""

    async def healthz(_: Request) -> Response:
        return _reply(200, {"status": "alive"})

    async def readyz(_: Request) -> Response:
        found = await faults()
        return _reply(503 if found else 200, {"status": "not ready" if found else "ready", "faults": dict(found)})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=METRICS_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _reply(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
