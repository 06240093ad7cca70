"""What OpenAPI says of bodies: the contract's own JSON Schemas, written out where they are used."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from services.notify.problems import MEDIA_TYPE
from shared.contract.frames import ProblemDetails


def schema_of(type_: Any) -> dict[str, Any]:
    """JSON Schema of a contract type, without references."""
    written = _written_out(*_components(type_))
    assert isinstance(written, dict)
    return written


@cache
def _components(type_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    (schema,), parts = msgspec.json.schema_components([type_], ref_template="{name}")
    return schema, parts


def body_schema(frame: type) -> dict[str, Any]:
    """JSON Schema of the REST body that stands for a client frame: its fields beside `kind` and `alert`."""
    schema = schema_of(frame)
    fields = {name: part for name, part in schema["properties"].items() if name not in ("kind", "alert")}
    required = [name for name in schema.get("required", []) if name in fields]
    return {"type": "object", "properties": fields, **({"required": required} if required else {})}


def json_content(type_: Any) -> dict[str, Any]:
    """An OpenAPI response with a contract type."""
    return {"description": "OK", "content": {"application/json": {"schema": schema_of(type_)}}}


def _written_out(part: Any, parts: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            return _written_out(parts[part["$ref"]], parts)
        return {key: _written_out(value, parts) for key, value in part.items()}
    if isinstance(part, list):
        return [_written_out(value, parts) for value in part]
    return part


_problem = {MEDIA_TYPE: {"schema": schema_of(ProblemDetails)}}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No valid token", "content": _problem},
    403: {"description": "Not for this role", "content": _problem},
    404: {"description": "No such alert in scope", "content": _problem},
    409: {"description": "Somebody was first", "content": _problem},
    413: {"description": "The body is too large", "content": _problem},
    422: {"description": "A parameter or the body does not fit", "content": _problem},
    429: {"description": "Asked too often; see Retry-After", "content": _problem},
    503: {"description": "The log does not answer; see Retry-After", "content": _problem},
}
