"""JSON Schema (2020-12) and AsyncAPI 3 of the contract, made from its structs."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from shared.contract import CONTRACT_VERSION, events
from shared.contract.alerts import Alert
from shared.contract.audit import AuditPage
from shared.contract.course import SubjectCourse
from shared.contract.frames import SUBPROTOCOL, Accepted, AlertPage, AnyClientFrame, AnyServerFrame, Board
from shared.contract.frames import ProblemDetails as ProblemBody
from shared.contract.own import Me, OwnAgent, SignInWays
from shared.contract.reports import ShiftReport
from shared.contract.rules import Rules

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFS = "#/$defs/{name}"
_PARTS = "#/components/schemas/{name}"

_TS: Schema = {
    "description": "Milliseconds since 1970 UTC, or RFC 3339 with an offset.",
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": events.TS_MS_MAX},
        {"type": "string", "format": "date-time"},
    ],
}
_REFUSED: Schema = {
    "description": (
        "Keys that are refused by name, whatever they hold: Strainwatch measures workload, and what it must not know "
        "it must not be sent."
    ),
    "propertyNames": {"not": {"enum": sorted(events.REFUSED_KEYS)}},
}
_HANDLE_TIME: Schema = {
    "description": "Handle time is `handle_time_s`, or `talk_s` + `hold_s` + `acw_s`.",
    "anyOf": [{"required": ["handle_time_s"]}, {"required": ["talk_s"]}],
}


def events_schema() -> Schema:
    """One event of `POST /v1/events`. Other keys are dropped, refused ones make the event be refused."""
    schema = _schema("event", "An event that an ACD sends.", events.AnyEvent)
    for name, part in schema["$defs"].items():
        part["properties"] = {k: v for k, v in part["properties"].items() if k not in events.REFUSED_KEYS}
        part["properties"]["ts"] = _TS
        part["allOf"] = [{"$ref": _DEFS.format(name="Refused")}]
        if name == events.ContactHandled.__name__:
            part["allOf"].append(_HANDLE_TIME)
    schema["$defs"]["Refused"] = _REFUSED
    return schema


def alert_schema() -> Schema:
    """An alert, as the API, the feed and `strainwatch replay --json` show it."""
    return _schema("alert", "An alert at its latest change.", Alert)


def server_frames_schema() -> Schema:
    """Frames of the feed that the server sends."""
    return _schema("server-frame", "A frame of the feed that the server sends.", AnyServerFrame)


def client_frames_schema() -> Schema:
    """Frames of the feed that a client sends."""
    return _schema("client-frame", "A frame of the feed that a client sends.", AnyClientFrame)


def body_schema(name: str, body: type) -> Schema:
    """The body of a REST answer."""
    return _schema(name, _first_line(body), body)


BODIES: dict[str, type] = {
    "accepted": Accepted,
    "problem": ProblemBody,
    "board": Board,
    "alert-page": AlertPage,
    "me": Me,
    "own-agent": OwnAgent,
    "sign-in": SignInWays,
    "audit-page": AuditPage,
    "rules": Rules,
    "course": SubjectCourse,
    "shift-report": ShiftReport,
}
"""File name -> the struct of a REST body."""


def feed_asyncapi() -> Schema:
    """The feed as AsyncAPI 3."""
    server, client = get_args(AnyServerFrame), get_args(AnyClientFrame)
    _, parts = msgspec.json.schema_components([*server, *client], ref_template=_PARTS)
    channel = "#/channels/feed"

    def operation(action: str, summary: str, frames: tuple[type, ...]) -> Schema:
        return {
            "action": action,
            "channel": {"$ref": channel},
            "summary": summary,
            "messages": [{"$ref": f"{channel}/messages/{_kind(frame)}"} for frame in frames],
        }

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Strainwatch feed",
            "version": CONTRACT_VERSION,
            "description": (
                f"A websocket at /v1/feed, subprotocol `{SUBPROTOCOL}`, JSON text frames. Programs send the token as "
                "`Authorization: Bearer` with the handshake, browsers as the first frame `authenticate` within 5 s. "
                "Cursor and epoch are opaque."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": {
            "local": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": "`strainwatch serve all` and `strainwatch demo`.",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {
            "feed": {
                "address": "/v1/feed",
                "messages": {
                    _kind(frame): {"$ref": f"#/components/messages/{_kind(frame)}"} for frame in (*server, *client)
                },
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "serverFrames": operation("send", "What the server tells a team lead's client.", server),
            "clientFrames": operation("receive", "What a client may say.", client),
        },
        "components": {
            "messages": {
                _kind(frame): {
                    "name": _kind(frame),
                    "summary": _first_line(frame),
                    "contentType": "application/json",
                    "payload": {"$ref": _PARTS.format(name=frame.__name__)},
                }
                for frame in (*server, *client)
            },
            "schemas": _opened(parts),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _schema(name: str, description: str, root: Any) -> Schema:
    (top,), parts = msgspec.json.schema_components([root], ref_template=_DEFS)
    return {
        "$schema": DIALECT,
        "$id": f"urn:strainwatch:contract:{CONTRACT_VERSION}:{name}",
        "description": description,
        **top,
        "$defs": _opened(parts),
    }


def _opened(parts: dict[str, Schema]) -> dict[str, Schema]:
    """Descriptions on one line each; the order is that of the structs."""
    for part in parts.values():
        if "description" in part:
            part["description"] = " ".join(part["description"].split())
    return parts


def _kind(frame: type) -> str:
    config: Any = frame.__struct_config__  # type: ignore[attr-defined]
    return str(config.tag)


def _first_line(struct: type) -> str:
    return (struct.__doc__ or "").strip().partition("\n")[0]
