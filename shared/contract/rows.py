"""Which field of which event stands in which column of a block, both ways.

| kind | n0 | n1 | n2 | n3 | n4 | other |
|---|---|---|---|---|---|---|
| queue.observed | waiting | longest_wait_s | agents_staffed | agents_available | agents_busy | |
| contact.answered | wait_s | announced_wait_s | | | | |
| contact.abandoned | wait_s | | | | | |
| contact.handled | handle_time_s | wait_s | satisfaction | | | department |
| contact.repeated | since_previous_s | | | | | |
| agent.state | | | | | | team |
| agent.check_in | load | | | | | |
| agent.supported | | | | | | by |

`flags`: bits 0-2 outcome, 3-5 state, 6-7 direction, 8 complaint, 9 abusive, 10 compliment, 11 opportunity,
12 visit_avoided, 13-15 channel; 0 is "not said".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from shared.contract import events as e
from shared.contract.block import Block, Row
from shared.contract.block_wire import HASHED, NAMED, NUMBERS
from shared.contract.hashes import TenantHashes

OBSERVED, OFFERED, ANSWERED, ABANDONED, HANDLED, REPEATED, STATE, QUALITY_CHECK, CHECK_IN, SUPPORTED = range(10)
assert e.KINDS[HANDLED] == "contact.handled"
assert e.KINDS[SUPPORTED] == "agent.supported"

OUTCOME_MASK, STATE_SHIFT, STATE_MASK, DIRECTION_SHIFT, CHANNEL_SHIFT = 7, 3, 7, 6, 13
COMPLAINT, ABUSIVE, COMPLIMENT, OPPORTUNITY, VISIT_AVOIDED = (1 << bit for bit in range(8, 13))
INBOUND, OUTBOUND = 1, 2

_NAN = float("nan")
_DIRECTION = {"inbound": INBOUND << DIRECTION_SHIFT, "outbound": OUTBOUND << DIRECTION_SHIFT}
REASON: dict[str | None, str | None] = {None: None, **{word: word for word in e.REASONS}}

STATE_CODES = {word: i + 1 for i, word in enumerate(e.STATES)}
"""State -> code in the engine; 0 is "never said"."""

KIND_OF: dict[type[e.Event], int] = {event_type: kind for kind, event_type in enumerate(e.EVENT_TYPES)}
"""Class of an event -> its code in a block."""

_CONTACT = {"queue": "queue", "contact": "contact"}
PLACES: tuple[dict[str, str], ...] = (  # by kind: column -> field
    {
        "queue": "queue", "n0": "waiting", "n1": "longest_wait_s", "n2": "agents_staffed", "n3": "agents_available",
        "n4": "agents_busy",
    },
    {**_CONTACT, "caller": "caller", "issue": "issue"},
    {**_CONTACT, "agent": "agent", "n0": "wait_s", "n1": "announced_wait_s"},
    {**_CONTACT, "n0": "wait_s"},
    {
        **_CONTACT, "agent": "agent", "caller": "caller", "issue": "issue", "other": "department",
        "n0": "handle_time_s", "n1": "wait_s", "n2": "satisfaction",
    },
    {
        **_CONTACT, "agent": "agent", "caller": "caller", "issue": "issue", "previous": "previous_contact",
        "n0": "since_previous_s",
    },
    {"agent": "agent", "other": "team", "reason": "reason"},
    {"agent": "agent"},
    {"agent": "agent", "n0": "load"},
    {"agent": "agent", "other": "by"},
)  # fmt: skip


class _Channels(dict[str, int]):
    """Bits of a channel's name, however it is written."""

    def __missing__(self, channel: str) -> int:
        return self.get(channel.lower(), self["other"])


FLAGS: dict[int, dict[str, Mapping[Any, int]]] = {
    OFFERED: {
        "channel": _Channels({word: (i + 1) << CHANNEL_SHIFT for i, word in enumerate(e.CHANNELS)}),
        "direction": _DIRECTION,
    },
    HANDLED: {
        "outcome": {word: i + 1 for i, word in enumerate(e.OUTCOMES)},
        "direction": _DIRECTION,
        "complaint": {False: 0, True: COMPLAINT},
        "abusive": {False: 0, True: ABUSIVE},
        "compliment": {False: 0, True: COMPLIMENT},
        "opportunity": {False: 0, True: OPPORTUNITY},
        "visit_avoided": {False: 0, True: VISIT_AVOIDED},
    },
    STATE: {"state": {word: (i + 1) << STATE_SHIFT for i, word in enumerate(e.STATES)}},
}
"""By kind: field -> its words -> the bits of `flags` that each sets; None sets none."""


def row_of(event: e.Event, tenant: str, ts_ms: int, hashes: TenantHashes) -> Row:
    """The row of a validated event."""
    kind = KIND_OF[type(event)]
    columns: dict[str, Any] = {name: getattr(event, field) for name, field in PLACES[kind].items()}
    for name in ("contact", "previous"):
        columns[name] = 0 if columns.get(name) is None else hashes.contact(columns[name])
    columns["caller"] = 0 if columns.get("caller") is None else hashes.caller(columns["caller"])
    for name in NUMBERS:
        columns[name] = _NAN if columns.get(name) is None else columns[name]
    columns["reason"] = REASON.get(columns.get("reason"), "other")
    said = [(getattr(event, field), bits) for field, bits in FLAGS.get(kind, {}).items()]
    flags = sum(bits[word] for word, bits in said if word is not None)
    return Row(kind, tenant, ts_ms, event.id, flags=flags, **columns)


class RowHashes:
    """Hashes of one tenant, for many rows. Contacts that are no UUIDs are remembered; callers never are."""

    CONTACTS_MAX = 32_768
    """A contact comes three times (offered, answered, handled), mostly within the time of so many others; ~5 MB."""

    def __init__(self, tenant: str, secret: bytes) -> None:
        hashes = TenantHashes(tenant, secret)
        self.uuid_keys = hashes.uuid_keys
        self.caller_keyed = hashes.caller_keyed
        self.contact = lru_cache(self.CONTACTS_MAX)(hashes.contact)


class Lot(NamedTuple):
    """Events of one tenant, in order, with their times."""

    tenant: str
    hashes: RowHashes
    events: Sequence[e.Event]
    ts_ms: Sequence[int]


Asked = tuple[bytes, int, int, bytes]
"""A question to the repeat-caller index: key, contact, ts in ms, whom it went out to (the fields of `log.Lookup`)."""


def encode_events(lots: Sequence[Lot]) -> tuple[bytes, list[Asked]]:
    """The block of some events, and what to ask the repeat-caller index, in the order of `entries.lookup_rows`."""
    from shared.contract.encoder import EventsEncoder

    encoder = EventsEncoder()
    for lot in lots:
        encoder.add(*lot)
    return encoder.finish()


def describe(block: Block, row: int) -> dict[str, Any]:
    """One event of a block as a person would read it (`strainwatch log tail`); hashes stay hashes."""
    kind = int(block.kind[row])
    out: dict[str, Any] = {
        "type": e.KINDS[kind] if kind < len(e.KINDS) else kind,
        "id": block.event_id(row),
        "ts": int(block.ts_ms[row]),
        "tenant": block.strings[block.tenant[row]],
    }
    for name in NAMED:
        code = int(getattr(block, name)[row])
        if code:
            out[name] = block.strings[code]
    for name in HASHED:
        value = int(getattr(block, name)[row])
        if value:
            out[name] = f"{value:016x}"
    flags = int(block.flags[row])
    if flags & OUTCOME_MASK:
        out["outcome"] = e.OUTCOMES[(flags & OUTCOME_MASK) - 1]
    state = flags >> STATE_SHIFT & STATE_MASK
    if state:
        out["state"] = e.STATES[state - 1]
    for name, bit in (("complaint", COMPLAINT), ("abusive", ABUSIVE), ("compliment", COMPLIMENT)):
        if flags & bit:
            out[name] = True
    for column, name in PLACES[kind].items() if kind < len(PLACES) else ():
        if column in NUMBERS:
            number = float(getattr(block, column)[row])
            if number == number:
                out[name] = number
    return out
