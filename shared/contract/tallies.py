"""Tallies: what was counted in a minute, from scoring to notify. They stand beside the minute in the history.

Each contact counts once for each fact, in the minute in which the fact became known: a minute that was told is never
told again. A row is a team (whose queue it was) with an issue and a department; a contact whose issue comes to be known
later is taken off the row without an issue and put on the one with it, so a row may fall below 0 in a minute, sums over
hours do not.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shared.contract.signal_columns import read
from shared.contract.signals import BadSignals

COUNTERS = (
    "offered", "answered", "in_time", "abandoned", "waits", "wait_s", "repeats", "handled", "strain_minutes",
    "resolved", "unresolved", "transferred", "escalated", "callback", "complaints", "compliments", "abusive",
    "visits_avoided", "opportunities",
)  # fmt: skip
"""`in_time`: answered within the time of the queue's service level; `waits`: waits that are known, with `wait_s` their
sum; `strain_minutes`: strain of the queue (0..100) when the contact arrived x minutes that it was handled."""
QUEUE_COUNTERS = COUNTERS[:9]
"""Those that are counted of each queue, too."""
GROUP_MIN = 5
"""People in a group that is shown; fewer would say something of one of them."""
_BODY_BYTES_MAX = 16 << 20
"""Of one minute, unpacked: some 200,000 rows. More is damage."""


class UnitValues(Struct, frozen=True, omit_defaults=True):
    """What the centre itself says one of each is worth, in `currency`; None: not said."""

    visit_avoided: float | None = None
    opportunity: float | None = None
    repeat_avoided: float | None = None
    currency: str | None = None


class QueueTallies(Struct, frozen=True):
    """Of all queues of the tenant. Arrivals are compared where the usual was known: else both are 0."""

    ids: list[str]
    team: bytes
    """i4 [queues]: place in `teams`, from 1; 0 for none."""
    over_line: bytes
    """u1 [queues]: 1 where the strain was at the alert line or above as the minute ended."""
    goal: bytes
    """f4 [queues]: part of the answered that should be answered in time."""
    arrived: bytes
    """f4 [queues]: arrivals in minutes that are compared."""
    usual: bytes
    """f4 [queues]: what was usual for them."""
    counters: list[str]
    counts: bytes
    """f4 [counters, queues]."""


class IssueTallies(Struct, frozen=True):
    """Of the issues that came up, or that were due to; over all queues of the tenant."""

    ids: list[str]
    mentioned: bytes
    """f4 [issues]: mentions in minutes that are compared."""
    usual: bytes
    """f4 [issues]: what was usual for them."""
    usual_repeats: bytes
    """f4 [issues]: part of the contacts of the seven days before that were repeats; NaN: too little is known."""


class TallyRows(Struct, frozen=True):
    """Where anything was counted."""

    team: bytes
    """i4 [rows]: of the queue: place in `teams`, from 1; 0 for none."""
    issue: bytes
    """i4 [rows]: place in the issues, from 1; 0 for none."""
    department: bytes
    """i4 [rows]: place in `departments`, from 1; 0 for none."""
    counters: list[str]
    counts: bytes
    """f4 [counters, rows]."""


class People(Struct, frozen=True):
    """Agents who were there as the minute ended, of a team, or of all (team None); never fewer than five."""

    team: str | None
    agents: int
    over_line: int
    on_break: int


class Tallies(Struct, frozen=True):
    """One tenant, from `from_ms` on and before `to_ms`."""

    tenant: str
    from_ms: int
    to_ms: int
    zone: str | None
    """IANA name of the tenant's zone, as the settings say."""
    values: UnitValues
    teams: list[str]
    departments: list[str]
    queues: QueueTallies
    issues: IssueTallies
    rows: TallyRows
    people: list[People]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Tallies)


def encode_tallies(tallies: Tallies) -> bytes:
    """Packed: most counts are 0, and names repeat their beginnings."""
    return zlib.compress(_encoder.encode(tallies), 1)


def decode_tallies(data: bytes) -> Tallies:
    """The inverse. Raises BadSignals."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(data, _BODY_BYTES_MAX)
        if not unpacker.eof:
            raise BadSignals("These tallies are damaged: they do not end.")
        return _decoder.decode(body)
    except (zlib.error, msgspec.MsgspecError, UnicodeError) as fault:
        raise BadSignals(f"These tallies are damaged: {fault}") from None


class Counted:
    """Tallies as arrays; `counts` is [counter of COUNTERS, row], `of_queues` [counter of QUEUE_COUNTERS, queue].

    What this version counts and that one did not is 0. Raises BadSignals.
    """

    def __init__(self, tallies: Tallies) -> None:
        rows, queues, issues = tallies.rows, tallies.queues, tallies.issues
        q, i, n = len(queues.ids), len(issues.ids), len(rows.team) // 4
        self.team_of_queue = _codes(queues.team, q, len(tallies.teams))
        self.over_line: NDArray[Any] = read(queues.over_line, "u1", q)
        self.goal: NDArray[Any] = read(queues.goal, "f4", q)
        self.arrived: NDArray[Any] = read(queues.arrived, "f4", q)
        self.usual_arrivals: NDArray[Any] = read(queues.usual, "f4", q)
        self.mentioned: NDArray[Any] = read(issues.mentioned, "f4", i)
        self.usual_mentions: NDArray[Any] = read(issues.usual, "f4", i)
        self.usual_repeats: NDArray[Any] = read(issues.usual_repeats, "f4", i)
        self.team = _codes(rows.team, n, len(tallies.teams))
        self.issue = _codes(rows.issue, n, i)
        self.department = _codes(rows.department, n, len(tallies.departments))
        self.counts = _counts(rows.counts, rows.counters, COUNTERS, n)
        self.of_queues = _counts(queues.counts, queues.counters, QUEUE_COUNTERS, q)


def _counts(data: bytes, given: list[str], wanted: tuple[str, ...], n: int) -> NDArray[np.float64]:
    values = read(data, "f4", n * len(given)).reshape(len(given), n)
    out = np.zeros((len(wanted), n))
    for place, name in enumerate(given):
        if name in wanted:
            out[wanted.index(name)] = values[place]
    return out


def _codes(data: bytes, n: int, high: int) -> NDArray[Any]:
    codes = read(data, "i4", n)
    if n and not (int(codes.min()) >= 0 and int(codes.max()) <= high):
        raise BadSignals("These tallies are damaged: a place that is none.")
    return codes
