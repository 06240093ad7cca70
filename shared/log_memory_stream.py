"""One stream of the memory adapter: values under ascending ids, with readers that wait for more."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

from shared.contract.entries import START, EntryId
from shared.log_rules import WAIT_MS_MAX

T = TypeVar("T")


class MemoryStream(Generic[T]):
    """`last` is the last id ever given, also when its entry is gone."""

    def __init__(self) -> None:
        self.ids: list[EntryId] = []
        self.values: list[T] = []
        self.last = START
        self._changed = asyncio.Event()

    @property
    def first(self) -> EntryId:
        """First id that is there, START for none."""
        return self.ids[0] if self.ids else START

    def next_id(self, now_ms: int) -> EntryId:
        """Ids ascend even when the clock goes back."""
        return EntryId(now_ms, 0) if now_ms > self.last.ms else EntryId(self.last.ms, self.last.seq + 1)

    def add(self, entry_id: EntryId, value: T) -> None:
        """Append, and wake the readers that wait."""
        assert entry_id > self.last
        self.ids.append(entry_id)
        self.values.append(value)
        self.last = entry_id
        self._changed.set()
        self._changed = asyncio.Event()

    def get(self, entry_id: EntryId) -> T | None:
        """The value of an id, None when it is not there."""
        at = bisect_left(self.ids, entry_id)
        return self.values[at] if at < len(self.ids) and self.ids[at] == entry_id else None

    async def read(self, after: EntryId, count: int, block_ms: int) -> list[tuple[EntryId, T]]:
        """At most `count` after a position; waits up to `block_ms` of real time for the first."""
        if block_ms > 0 and not (self.ids and self.ids[-1] > after):
            try:
                async with asyncio.timeout(min(block_ms, WAIT_MS_MAX) / 1000):
                    while not (self.ids and self.ids[-1] > after):
                        await self._changed.wait()
            except TimeoutError:
                return []
        at = bisect_right(self.ids, after)
        return list(zip(self.ids[at : at + count], self.values[at : at + count], strict=True))

    def last_before(self, before: EntryId | None, count: int) -> list[tuple[EntryId, T]]:
        """At most `count` before a position (None: of all), the latest first."""
        end = len(self.ids) if before is None else bisect_left(self.ids, before)
        begin = max(0, end - count)
        return list(zip(self.ids[begin:end], self.values[begin:end], strict=True))[::-1]

    def drop_before(self, entry_id: EntryId) -> None:
        """Forget what is older than an id."""
        self.drop_first(bisect_left(self.ids, entry_id))

    def drop_first(self, number: int) -> None:
        """Forget the oldest."""
        del self.ids[:number], self.values[:number]

    def drop_after(self, entry_id: EntryId) -> None:
        """Forget what is newer than an id, as if it had never been."""
        at = bisect_right(self.ids, entry_id)
        del self.ids[at:], self.values[at:]
        self.last = min(self.last, entry_id)
