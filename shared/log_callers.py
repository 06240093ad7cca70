"""The repeat-caller index of the memory adapter; the store's is in `append.lua` and gives the same answers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.contract.block import Row
from shared.contract.hashes import caller_issue_key
from shared.contract.rows import DIRECTION_SHIFT, HANDLED, OFFERED, OUTBOUND
from shared.log import Lookup
from shared.log_rules import CALLERS_KEPT, OUTBOUND_KEPT, REPEAT_MS_MAX

NONE_MS = -1
"""The answer when no other contact came within 7 days before."""


def lookups_of(rows: Iterable[Row]) -> list[Lookup]:
    """What events ask, as `encoder` asks it for a whole block."""
    return [
        Lookup(
            caller_issue_key(row.caller, row.issue),
            row.contact,
            row.ts_ms,
            row.caller.to_bytes(8, "little") if (row.flags >> DIRECTION_SHIFT) & 3 == OUTBOUND else b"",
        )
        for row in rows
        if row.caller and row.kind in (OFFERED, HANDLED)
    ]


class _Contact(NamedTuple):
    contact: int
    ts_ms: int
    answer: int  # in ms, or the count


class CallerIndex:
    """The last contacts under each key, ascending by their own time, and what each was answered; the same by person for
    those that went out."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, list[_Contact]]] = {}
        self._went_out: dict[bytes, tuple[int, list[_Contact]]] = {}

    def fields(self, lookups: Sequence[Lookup], now_ms: int) -> dict[bytes, bytes]:
        """What an append adds to an entry for its lookups."""
        if not lookups:
            return {}
        answers, counts = self.answers(lookups, now_ms), self.counts(lookups, now_ms)
        return {b"r": answers, b"o": counts} if counts else {b"r": answers}

    def counts(self, lookups: Sequence[Lookup], now_ms: int) -> bytes:
        """Contacts to the same person for each outbound lookup, this one included, as uint16 side by side."""
        counts = [self._count(lookup, now_ms) for lookup in lookups if lookup.outbound]
        return struct.pack(f"<{len(counts)}H", *counts)

    def _count(self, lookup: Lookup, now_ms: int) -> int:
        expires_ms, known = self._went_out.get(lookup.outbound, (0, []))
        if expires_ms <= now_ms:
            known = []
        for other in known:
            if other.contact == lookup.contact:
                return other.answer
        within = [other for other in known if 0 <= lookup.ts_ms - other.ts_ms <= REPEAT_MS_MAX]
        count = 1 + len(within)
        fresh = sorted([*known, _Contact(lookup.contact, lookup.ts_ms, count)], key=lambda other: other.ts_ms)
        self._went_out[lookup.outbound] = (now_ms + REPEAT_MS_MAX, fresh[-OUTBOUND_KEPT:])
        return count

    def answers(self, lookups: Sequence[Lookup], now_ms: int) -> bytes:
        """Milliseconds since the previous contact for each lookup, -1 for none, as int64 side by side."""
        answers = [self._answer(lookup, now_ms) for lookup in lookups]
        return struct.pack(f"<{len(answers)}q", *answers)

    def _answer(self, lookup: Lookup, now_ms: int) -> int:
        expires_ms, known = self._known.get(lookup.key, (0, []))
        if expires_ms <= now_ms:
            known = []
        for other in known:
            if other.contact == lookup.contact:
                return other.answer
        earlier = [other.ts_ms for other in known if other.ts_ms < lookup.ts_ms]
        answer_ms = lookup.ts_ms - earlier[-1] if earlier else NONE_MS
        if answer_ms > REPEAT_MS_MAX:
            answer_ms = NONE_MS
        fresh = sorted([*known, _Contact(lookup.contact, lookup.ts_ms, answer_ms)], key=lambda other: other.ts_ms)
        self._known[lookup.key] = (now_ms + REPEAT_MS_MAX, fresh[-CALLERS_KEPT:])
        return answer_ms
