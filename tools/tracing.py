"""Whether this process traces: only where the usual OTEL_... variables ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings import BadSetup
from shared.tracing import Tracing

_ASKS = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracing_of(service: str, variables: Mapping[str, str]) -> Tracing | None:
    """Traces, or None where they are off. Raises BadSetup where they are asked for and not installed."""
    asked = next((name for name in _ASKS if variables.get(name)), None)
    off = variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or variables.get("OTEL_TRACES_EXPORTER") == "none"
    if asked is None or off:
        return None
    try:
        from shared.tracing_otel import otel_tracing
    except ModuleNotFoundError as missing:
        told = f"{asked}: traces need {missing.name}; install `strainwatch[otel]`, or unset the variable"
        raise BadSetup([told]) from None
    return otel_tracing(service, variables)
