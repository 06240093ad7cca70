"""`POST /v1/events` in OpenAPI, from the contract's own types."""

from __future__ import annotations

from typing import Any

import msgspec

from services.ingest.core.admission import BODY_BYTES_MAX, EVENTS_MAX
from shared.contract.events import EVENT_TYPES, REFUSED_KEYS, AnyEvent
from shared.contract.frames import Accepted, ProblemDetails

_REF = "#/components/schemas/{name}"
_PROBLEMS = {
    "400": "The body is not JSON",
    "401": "No valid API key",
    "403": "The key lacks the scope `events:write`",
    "405": "Events are sent with POST",
    "408": "The request was not whole in time",
    "413": "Body or batch too large",
    "415": "Media type not supported",
    "422": "Every event was refused",
    "429": "The key sends too much; see Retry-After",
    "431": "The headers are too large",
    "503": "The log cannot take events now; see Retry-After",
}
_DESCRIPTION = f"""One event, a JSON array of events, or NDJSON.

Answered after the log has confirmed the events; sending an event twice is harmless. `accepted` + rejected = events
sent; `late` ones are accepted, but too old to be judged. At most {BODY_BYTES_MAX:,} bytes and {EVENTS_MAX:,} events.

Unknown keys are dropped. These keys are refused, because Strainwatch measures workload only:
{", ".join(f"`{key}`" for key in sorted(REFUSED_KEYS))}."""


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Add ingest's paths and schemas to an OpenAPI document, in place."""
    (any_event, done, trouble), schemas = msgspec.json.schema_components(
        (AnyEvent, Accepted, ProblemDetails), ref_template=_REF
    )
    for event in EVENT_TYPES:
        schema = schemas[event.__name__]
        schema["properties"] = {k: v for k, v in schema["properties"].items() if k not in REFUSED_KEYS}
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**schemas, "Event": any_event})
    components.setdefault("securitySchemes", {})["api_key"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `sk_...`",
    }
    one = {"$ref": _REF.format(name="Event")}
    document.setdefault("paths", {})["/v1/events"] = {
        "post": {
            "summary": "Send events",
            "description": _DESCRIPTION,
            "operationId": "post_events",
            "security": [{"api_key": []}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"oneOf": [one, {"type": "array", "items": one}]}},
                    "application/x-ndjson": {"schema": {"type": "string", "description": "One event a line"}},
                },
            },
            "responses": {
                "202": {"description": "Confirmed by the log", "content": {"application/json": {"schema": done}}},
                **{
                    status: {"description": text, "content": {"application/problem+json": {"schema": trouble}}}
                    for status, text in _PROBLEMS.items()
                },
            },
        }
    }
    return document
