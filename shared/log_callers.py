"""The repeat-caller index of the memory adapter; the store's is in `append.lua` and gives the same answers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from shared.log import Lookup
from shared.log_rules import CALLERS_KEPT, REPEAT_MS_MAX

NONE_MS = -1
"""The answer when no other contact came within 7 days before."""


class _Contact(NamedTuple):
    contact: int
    ts_ms: int
    answer_ms: int


class CallerIndex:
    """The last contacts under each key, ascending by their own time, and what each was answered."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, list[_Contact]]] = {}

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
                return other.answer_ms
        earlier = [other.ts_ms for other in known if other.ts_ms < lookup.ts_ms]
        answer_ms = lookup.ts_ms - earlier[-1] if earlier else NONE_MS
        if answer_ms > REPEAT_MS_MAX:
            answer_ms = NONE_MS
        fresh = sorted([*known, _Contact(lookup.contact, lookup.ts_ms, answer_ms)], key=lambda other: other.ts_ms)
        self._known[lookup.key] = (now_ms + REPEAT_MS_MAX, fresh[-CALLERS_KEPT:])
        return answer_ms
