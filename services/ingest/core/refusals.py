"""Why an event was refused, in words that help its sender, and what may be kept of it."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

import msgspec

from shared.contract.actions import ACTIONS
from shared.contract.events import EVENT_TYPES, KINDS, OUTCOMES, REFUSED_KEYS, STATES
from shared.contract.frames import Rejected

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_QUOTED = re.compile(r"`(\w+)`")
_WORDS = {"state": STATES, "outcome": OUTCOMES, "direction": ("inbound", "outbound")}

FIELDS = frozenset(name for event in EVENT_TYPES for name in event.__struct_fields__) | {"type"}
"""All keys of the contract."""
_TEXTS_KEPT = frozenset({"type", "queue", "ts"})
_PERSONAL = frozenset({"caller", "contact", "previous_contact", "agent", "by", "id", "issue", "team", "department"})
_NUMBERS_KEPT = FIELDS - REFUSED_KEYS - _PERSONAL

_KEYS_MAX = 40  # an event of the contract has at most 22; more keys tell the reader nothing new
_KEY_CHARS_MAX = 64
_VALUE_CHARS_MAX = 64


def explain(fault: Exception) -> tuple[str, str]:
    """JSON pointer and detail of a refused event. Values that the sender gave are not repeated."""
    if not isinstance(fault, msgspec.ValidationError) and isinstance(
        fault, (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
    ):
        return "", why_not_json(fault)
    found = _AT.match(str(fault))
    what, path = (found["what"], found["path"] or "") if found else (str(fault), "")
    names = re.findall(r"\.([^.\[]+)", path)
    name = names[-1] if names else ""
    if not name:
        quoted = _QUOTED.search(what)
        name = quoted[1] if quoted and quoted[1] in FIELDS else ""
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in names) or (name and "/" + name)
    return pointer, _detail(name, what)


def _detail(name: str, what: str) -> str:
    if name in REFUSED_KEYS:
        return (
            "Strainwatch measures workload and takes no audio, transcripts, sentiment, keystrokes, biometrics or free"
            f" text about a person: remove the key `{name}`"
        )
    if name == "type" and what.startswith("Invalid value"):
        return f"unknown event type; known types: {', '.join(KINDS)}; {', '.join(ACTIONS)} come from leads only"
    if name in _WORDS and what.startswith("Invalid enum value"):
        return f"`{name}` must be one of {', '.join(_WORDS[name])}"
    if what.startswith(("Number out of range", "Integer value out of range")):
        return f"`{name}` is too large a number"
    return what


def why_not_json(fault: Exception) -> str:
    """Why a body or a line is not JSON that we read."""
    if isinstance(fault, RecursionError):
        return "the JSON is nested too deeply; events are flat objects"
    if isinstance(fault, UnicodeDecodeError):
        return "a text is not valid UTF-8; send JSON in UTF-8"
    told = str(fault) or "malformed JSON"
    advice = next((advice for part, advice in _ADVICE if part in told), "")
    return f"{told}{advice}; send JSON in UTF-8"


_ADVICE = (
    ("truncated", ", or nothing was sent"),
    ("invalid character", ": NaN, Infinity and a byte order mark are no JSON"),
    ("trailing characters", ": several events are an array, or one a line as application/x-ndjson"),
    ("utf-16", ": half of a surrogate pair"),
)
"""For what the parser says of faults whose cause is a usual one."""


_REASONS = (
    ("forbidden_key", re.compile(r"Strainwatch measures workload")),
    ("unknown_type", re.compile(r"unknown event type")),
    ("ahead", re.compile(r"`ts` lies .* ahead of our clock")),
    ("missing_field", re.compile(r".*missing required field")),
    ("not_json", re.compile(r".*(send JSON in UTF-8|nested too deeply)")),
    ("out_of_bounds", re.compile(r".*(too large a number|like seconds|[<>]=? ?-?\d|of length|out of range|finite)")),
    ("wrong_value", re.compile(r".*(must be one of|Invalid|matching regex|is no )")),
    ("wrong_type", re.compile(r"Expected ")),
    ("other", re.compile("")),
)
REASONS = tuple(name for name, _ in _REASONS)
"""Why events are refused, in words short and few enough to be counted by."""


def reason_of(rejected: Rejected) -> str:
    """One of REASONS, by the detail that the sender was told."""
    return next(name for name, pattern in _REASONS if pattern.match(rejected.detail))


_any = msgspec.json.Decoder()
_encode = msgspec.json.encode


def reject_record(tenant: str, at_ms: int, rejected: Rejected, item: bytes) -> bytes:
    """What the rejects stream keeps of a refused event: names, types and sizes of its fields, and the reason.

    Values only of types, queues, times and numbers of the contract; of what is not a JSON object, size and digest.
    """
    record: dict[str, Any] = {
        "tenant": tenant,
        "at_ms": at_ms,
        "index": rejected.index,
        "pointer": rejected.pointer,
        "detail": rejected.detail,
    }
    try:
        event = _any.decode(item)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        return _encode(record | _body(item))
    keys = list(event)[:_KEYS_MAX]
    record["fields"] = {key[:_KEY_CHARS_MAX]: _shape(event[key]) for key in keys}
    record["values"] = {key: _short(event[key]) for key in keys if _may_keep(key, event[key])}
    return _encode(record)


def body_record(tenant: str, at_ms: int, detail: str, body: bytes) -> bytes:
    """What the rejects stream keeps of an unparsable body."""
    return _encode({"tenant": tenant, "at_ms": at_ms, "detail": detail} | _body(body))


def _body(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "digest": blake2b(data, digest_size=16).hexdigest()}


_NAMES = {str: "string", int: "number", float: "number", bool: "boolean", dict: "object", list: "array"}


def _shape(value: object) -> dict[str, Any]:
    size = len(value) if isinstance(value, (str, dict, list)) else None
    return {"type": _NAMES.get(type(value), "null"), "size": size}


def _may_keep(key: str, value: object) -> bool:
    return key in _TEXTS_KEPT if isinstance(value, str) else key in _NUMBERS_KEPT and isinstance(value, (int, float))


def _short(value: object) -> object:
    return value[:_VALUE_CHARS_MAX] if isinstance(value, str) else value
