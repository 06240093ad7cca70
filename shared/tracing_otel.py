"""Traces by OpenTelemetry (the extra `otel`), set up by the usual `OTEL_...` variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.settings import BadSetup
from shared.tracing import Attribute, Span

SAMPLED = 0.01
"""Part of the traces that are kept unless OTEL_TRACES_SAMPLER says more: ten a second of a thousand posts."""
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_propagator = TraceContextTextMapPropagator()


class OtelSpan:
    """See `tracing.Span`."""

    __slots__ = ("span",)

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    @property
    def traceparent(self) -> bytes:
        """See Span."""
        at = self.span.get_span_context()
        return b"00-%032x-%016x-%02x" % (at.trace_id, at.span_id, at.trace_flags)

    def end(self, fault: str = "", *, ended_ms: float | None = None, **attributes: Attribute) -> None:
        """See Span."""
        if attributes:
            self.span.set_attributes(attributes)
        if fault:
            self.span.set_status(trace.StatusCode.ERROR, fault)
        self.span.end(None if ended_ms is None else int(ended_ms * 1_000_000))


class OtelTracing:
    """See `tracing.Tracing`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("strainwatch")

    def begin(
        self,
        name: str,
        parent: Span | bytes = b"",
        *,
        links: Sequence[Span] = (),
        began_ms: float | None = None,
        **attributes: Attribute,
    ) -> OtelSpan | None:
        """See Tracing."""
        text = parent if isinstance(parent, bytes) else parent.traceparent
        context = _propagator.extract({"traceparent": text.decode("latin-1")}) if text else None
        span = self._tracer.start_span(
            name,
            context,
            kind=trace.SpanKind.INTERNAL,
            links=[trace.Link(one.span.get_span_context()) for one in links if isinstance(one, OtelSpan)],
            start_time=None if began_ms is None else int(began_ms * 1_000_000),
            attributes=attributes,
        )
        return OtelSpan(span) if span.is_recording() else None

    def close(self) -> None:
        """See Tracing."""
        self._provider.shutdown()


def otel_tracing(service: str, variables: Mapping[str, str], processor: SpanProcessor | None = None) -> OtelTracing:
    """As the variables say; a processor of one's own takes the place of the exporter. Raises BadSetup."""
    resource = Resource.create({} if variables.get("OTEL_SERVICE_NAME") else {"service.name": f"strainwatch-{service}"})
    sampler = None if variables.get("OTEL_TRACES_SAMPLER") else ParentBased(TraceIdRatioBased(SAMPLED))
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(processor or BatchSpanProcessor(_exporter(variables)))
    return OtelTracing(provider)


def _exporter(variables: Mapping[str, str]) -> Any:
    name = variables.get("OTEL_TRACES_EXPORTER") or "otlp"
    if name == "otlp":
        protocol = variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or variables.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        name = _PROTOCOLS.get(protocol or "http/protobuf", name)
    found = entry_points(group="opentelemetry_traces_exporter", name=name)
    if not found:
        raise BadSetup([f"OTEL_TRACES_EXPORTER: no exporter {name!r} is installed; add its package, or use otlp"])
    return next(iter(found)).load()()
