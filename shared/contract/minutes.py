"""Minute history: the course of a day, from scoring to notify. Of each minute the strain, and what it was made of.

A day of whole signals would take gigabytes in a large centre. A line over a day shows no more than whole points, so
that is what is kept; who has none is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shared.contract.signal_columns import Agents, Drivers, Queues, column, read
from shared.contract.signals import BadSignals, TenantSignals
from shared.contract.tallies import Tallies, encode_tallies

VERSION = 1
DRIVERS_MAX = 3
"""Drivers kept of each row, the largest: what a lead acts on. The others are the rest of its strain."""
_BODY_BYTES_MAX = 64 << 20
"""Of one minute, unpacked: a million agents. More is damage."""


class MinuteRows(Struct, frozen=True):
    """Queues or agents whose strain was above half a point."""

    ids: list[str]
    team: bytes
    """i4 [rows]: place in the minute's `teams`, from 1; 0 for none."""
    strain: bytes
    """u1 [rows]: whole points."""
    drivers: list[str]
    counts: bytes
    """u1 [rows]: how many drivers are kept of each row."""
    codes: bytes
    """u1 [shares]: into `drivers`; those of the first row, the largest first, then those of the next."""
    shares: bytes
    """u1 [shares]: whole points."""


class QueueFacts(Struct, frozen=True):
    """Of all queues of the tenant, also those without strain."""

    ids: list[str]
    waiting: bytes
    """i4 [queues]."""
    longest_wait_s: bytes
    """f4 [queues], NaN while nobody waits."""
    predicted_wait_s: bytes
    """f4 [queues], NaN while unknown."""
    agents: bytes
    """i4 [queues], -1 while unknown."""


class Minute(Struct, frozen=True):
    """One tenant at the first whole second of a minute that was looked at."""

    tenant: str
    at_ms: int
    teams: list[str]
    agents: MinuteRows
    queues: MinuteRows
    facts: QueueFacts


class _Entry(Struct, frozen=True):
    version: int
    tenant: str
    at_ms: int
    body: bytes
    tallies: list[bytes] = []
    """What was counted since the minute before; apart, so that who reads one need not unpack the other."""


_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(_Entry)
_minutes = msgspec.msgpack.Decoder(Minute)


def minute_of(signals: TenantSignals) -> Minute:
    """What is kept of a moment. Raises BadSignals."""
    agents, queues = Agents(signals), Queues(signals)
    of_queues = signals.queues
    n = len(queues.ids)
    return Minute(
        tenant=signals.tenant,
        at_ms=signals.at_ms,
        teams=signals.teams,
        agents=_kept(agents),
        queues=_kept(queues),
        facts=QueueFacts(
            ids=queues.ids,
            waiting=of_queues.waiting,
            longest_wait_s=column(read(of_queues.longest_wait_s, "f8", n), "f4"),
            predicted_wait_s=column(read(of_queues.predicted_wait_s, "f8", n), "f4"),
            agents=of_queues.agents,
        ),
    )


def _kept(rows: Agents | Queues) -> MinuteRows:
    points = np.rint(np.nan_to_num(rows.strain)).astype(np.uint8)
    r = np.flatnonzero(points)
    drivers: Drivers = rows.drivers
    row_of = np.repeat(np.arange(points.size), drivers.counts)
    place = np.arange(row_of.size) - drivers.starts[row_of]
    shares = np.rint(drivers.shares).astype(np.uint8)
    kept = np.flatnonzero((place < DRIVERS_MAX) & (shares > 0) & (points[row_of] > 0))
    ids = rows.ids
    return MinuteRows(
        ids=[ids[row] for row in r.tolist()],
        team=column(rows.team[r], "i4"),
        strain=column(points[r], "u1"),
        drivers=drivers.names,
        counts=column(np.bincount(row_of[kept], minlength=points.size)[r], "u1"),
        codes=column(drivers.codes[kept], "u1"),
        shares=column(shares[kept], "u1"),
    )


def encode_minute(minute: Minute, tallies: Sequence[Tallies] = ()) -> bytes:
    """The bytes of one entry of the history; packed, as names repeat their beginnings and most points are few."""
    body = zlib.compress(_encoder.encode(minute), 1)
    return _encoder.encode(
        _Entry(VERSION, minute.tenant, minute.at_ms, body, [encode_tallies(counted) for counted in tallies])
    )


def minute_tallies(data: bytes) -> list[bytes]:
    """What was counted, of an entry of the history, for `decode_tallies`. Raises BadSignals."""
    return _entry(data).tallies


def minute_head(data: bytes) -> tuple[str, int]:
    """Whose minute an entry of the history is, and of when (ms), without unpacking it. Raises BadSignals."""
    entry = _entry(data)
    return entry.tenant, entry.at_ms


def decode_minute(data: bytes) -> Minute:
    """From an entry of the history; that the columns fit together shows when they are read. Raises BadSignals."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(_entry(data).body, _BODY_BYTES_MAX)
        if not unpacker.eof:
            raise BadSignals("This minute is damaged: it does not end.")
        return _minutes.decode(body)
    except (zlib.error, msgspec.MsgspecError, UnicodeError) as fault:
        raise BadSignals(f"This minute is damaged: {fault}") from None


def _entry(data: bytes) -> _Entry:
    try:
        entry = _entries.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise BadSignals(f"This minute is damaged: {fault}") from None
    if entry.version > VERSION:
        raise BadSignals(f"This minute is of version {entry.version}, this reader knows {VERSION}: upgrade notify.")
    return entry


class Course:
    """The rows of a minute as arrays. Raises BadSignals."""

    def __init__(self, rows: MinuteRows) -> None:
        n = len(rows.ids)
        self.ids = rows.ids
        self.team: NDArray[Any] = read(rows.team, "i4", n)
        self.strain: NDArray[Any] = read(rows.strain, "u1", n)
        self.drivers = rows.drivers
        self._counts = read(rows.counts, "u1", n)
        number = int(self._counts.sum())
        self._codes, self._shares = read(rows.codes, "u1", number), read(rows.shares, "u1", number)
        if number and int(self._codes.max()) >= len(self.drivers):
            raise BadSignals("This minute is damaged: a driver without a name.")

    def shares(self) -> NDArray[np.uint8]:
        """Points [rows, driver], 0 where a driver has none or is not among the largest."""
        table = np.zeros((len(self.ids), len(self.drivers)), np.uint8)
        table[np.repeat(np.arange(len(self.ids)), self._counts), self._codes] = self._shares
        return table
