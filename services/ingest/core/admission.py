"""Admission: the bytes of a request, judged. Pure; never raises for anything a client can send.

A body is one event (a JSON object), a JSON array of events, or NDJSON. An event that is refused does not refuse the
others. A line of NDJSON that is not JSON is one refused event; a JSON body that is not JSON is refused whole. Indexes
count events from 0; in NDJSON blank lines do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import msgspec
from msgspec import Raw

from services.ingest.core.glance import may_carry_refused, plain_times
from services.ingest.core.refusals import explain, why_not_json
from shared.contract.events import AnyEvent, Event, Refused, event_decoder, ts_to_ms
from shared.contract.frames import Rejected
from shared.contract.plain_events import PlainEvents
from shared.contract.plain_reader import SAVES_TIME, read_plain

BODY_BYTES_MAX = 1 << 20
"""1 MiB: about 4,000 events. Larger batches gain nothing (256 KiB is fastest) and one would delay all others."""
EVENTS_MAX = 10_000
"""Of the shortest events (100 bytes) 1 MiB holds as many; one request must fit into one entry of the log."""
AHEAD_MS_MAX = 600_000
"""Ten minutes: clocks of ACDs drift by seconds to minutes; what is further ahead has a wrong zone or unit."""
# Depth needs no limit of its own: events are flat, and the decoder stops at about 1,000 levels (RecursionError).


class Form(Enum):
    """How the body is to be read."""

    JSON = 1
    NDJSON = 2


class Admitted(NamedTuple):
    """Good events with their times in ms, and the refused ones. `refused` holds what the rejects stream needs."""

    events: list[Event]
    ts_ms: list[int]
    rejected: list[Rejected]
    refused: list[bytes]
    """The bytes of each rejected event."""


class Unparsable(NamedTuple):
    """The body as a whole cannot be read (400), or holds too many events (413)."""

    status: int
    detail: str


_FORMS = {
    b"": Form.JSON,
    b"application/json": Form.JSON,
    b"application/x-ndjson": Form.NDJSON,
    b"application/ndjson": Form.NDJSON,
}


def form_of(content_type: bytes) -> Form | None:
    """The form that a `Content-Type` names (absent: JSON); None when it is none of ours. Parameters are allowed."""
    form = _FORMS.get(content_type)
    if form is None:
        form = _FORMS.get(content_type.partition(b";")[0].strip().lower())
    return form


_one = msgspec.json.Decoder(AnyEvent)
_many = msgspec.json.Decoder(list[AnyEvent])
_one_refused = msgspec.json.Decoder(Refused)
_many_refused = msgspec.json.Decoder(list[Refused])  # type: ignore[valid-type]
_judged = event_decoder()
_raws = msgspec.json.Decoder(list[Raw])
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SPACE = b" \t\r\n"


def admit_plain(body: bytes, form: Form, now_ms: int) -> PlainEvents | None:
    """What `admit` would admit, without an object for each event; None when `admit` has to judge the body.

    That is so for everything refused and everything unusual; and for a single event, where there is nothing to gain.
    """
    if not SAVES_TIME or (form is Form.JSON and body[:1] == b"{"):
        return None
    return read_plain(body, form is Form.NDJSON, now_ms + AHEAD_MS_MAX, EVENTS_MAX)


def admit(body: bytes, form: Form, now_ms: int) -> Admitted | Unparsable:
    """Judge a body at a moment in ms since 1970 UTC."""
    looks_bad = may_carry_refused(body)
    try:
        if form is Form.NDJSON:
            # Not `decode_lines`, to which a line may be half an event, or two: what stands beside would then decide.
            lines = _lines(body)
            events = [_one.decode(line) for line in lines]
            if looks_bad:
                for line in lines:
                    _one_refused.decode(line)
        elif body[:1] == b"{":
            events = [_one.decode(body)]
            if looks_bad:
                _one_refused.decode(body)
        elif body.lstrip(_SPACE)[:1] == b"[":
            events = _many.decode(body)
            if looks_bad:
                _many_refused.decode(body)
        else:
            return _slowly(body, form, now_ms)
    except _FAULTS:
        return _slowly(body, form, now_ms)
    ts_ms = plain_times(events, now_ms + AHEAD_MS_MAX)
    if ts_ms is None or not events:
        return _slowly(body, form, now_ms)
    if len(events) > EVENTS_MAX:
        return _too_many(len(events))
    return Admitted(events, ts_ms, [], [])


def _slowly(body: bytes, form: Form, now_ms: int) -> Admitted | Unparsable:
    """Take the body apart, so that each event is judged by itself."""
    if form is Form.NDJSON:
        lines = _lines(body)
        return _each(lines, now_ms) if lines else Unparsable(400, "the body holds no event; send one a line")
    if body.lstrip(_SPACE)[:1] == b"[":
        try:
            items = [bytes(item) for item in _raws.decode(body)]
        except _FAULTS as fault:
            return Unparsable(400, why_not_json(fault))
        return _each(items, now_ms)
    try:
        _one.decode(body)
    except msgspec.ValidationError:
        pass
    except _FAULTS as fault:
        return Unparsable(400, why_not_json(fault))
    return _each([body], now_ms)


def _each(items: Sequence[bytes], now_ms: int) -> Admitted | Unparsable:
    if len(items) > EVENTS_MAX:
        return _too_many(len(items))
    out = Admitted([], [], [], [])
    for index, item in enumerate(items):
        try:
            event = _judged.decode(item)
            ts = ts_to_ms(event.ts)
            if ts > now_ms + AHEAD_MS_MAX:
                ahead_s = (ts - now_ms) // 1000
                raise ValueError(f"`ts` lies {ahead_s:,} s ahead of our clock; check the ACD's clock and time zone")
        except (ValueError, OverflowError, RecursionError) as fault:
            pointer, detail = explain(fault)
            out.rejected.append(Rejected(index, pointer, detail))
            out.refused.append(item)
        else:
            out.events.append(event)
            out.ts_ms.append(ts)
    return out


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip(_SPACE)]


def _too_many(count: int) -> Unparsable:
    return Unparsable(413, f"{count:,} events in one request; send at most {EVENTS_MAX:,}, best a few hundred")
