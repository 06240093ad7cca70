"""An outbox in this process's memory: for tests and simulations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.contract.entries import START, EntryId
from shared.log_memory_stream import MemoryStream
from shared.outbox import ASIDE_ENTRIES_MAX, Change, OutboxMissing


@dataclass
class OutboxState:
    """What outlives the object that works with it, as in a store."""

    position: EntryId | None = None
    unsettled: list[EntryId] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    holder: tuple[str, float] | None = None


class MemoryOutbox:
    """See `shared.outbox.Outbox`."""

    def __init__(
        self, clock: Clock, alerts: MemoryStream[bytes], aside: MemoryStream[bytes], state: OutboxState
    ) -> None:
        self._clock, self._alerts, self._aside, self._state = clock, alerts, aside, state

    async def hold(self, token: str, *, ttl_ms: int) -> bool:
        """See Outbox."""
        now_s, holder = self._clock.steady_s(), self._state.holder
        if holder is not None and holder[0] != token and holder[1] > now_s:
            return False
        self._state.holder = (token, now_s + ttl_ms / 1000)
        return True

    async def release(self, token: str) -> None:
        """See Outbox."""
        if self._state.holder is not None and self._state.holder[0] == token:
            self._state.holder = None

    async def open(self, after: EntryId | None = None) -> None:
        """See Outbox."""
        if self._state.position is None:
            self._state.position = self._alerts.last if after is None else after

    async def take(self, count: int) -> list[Change]:
        """See Outbox."""
        if self._state.position is None:
            raise OutboxMissing("The outbox is not open.")
        found = await self._alerts.read(self._state.position, count, 0)
        if found:
            self._state.position = found[-1][0]
            self._state.unsettled += [cursor for cursor, _ in found]
        return list(found)

    async def pending(self, after: EntryId, count: int) -> list[Change]:
        """See Outbox."""
        ids = sorted(self._state.unsettled)
        at = bisect_right(ids, after)
        return [(cursor, self._alerts.get(cursor)) for cursor in ids[at : at + count]]

    async def settle(
        self,
        cursors: Sequence[EntryId],
        *,
        notes: Mapping[str, str] | None = None,
        forget: Sequence[str] = (),
        aside: bytes | None = None,
    ) -> None:
        """See Outbox."""
        done = set(cursors)
        self._state.unsettled = [cursor for cursor in self._state.unsettled if cursor not in done]
        await self.note(notes or {}, forget)
        if aside is not None:
            self._aside.add(self._aside.next_id(self._clock.now_ms()), aside)
            self._aside.drop_first(max(0, len(self._aside.ids) - ASIDE_ENTRIES_MAX))

    async def notes(self) -> dict[str, str]:
        """See Outbox."""
        return dict(self._state.notes)

    async def note(self, notes: Mapping[str, str], forget: Sequence[str] = ()) -> None:
        """See Outbox."""
        self._state.notes |= notes
        for name in forget:
            self._state.notes.pop(name, None)

    async def waiting(self) -> int | None:
        """See Outbox."""
        new = await self._alerts.read(self._state.position or START, len(self._alerts.ids), 0)
        return len(self._state.unsettled) + (len(new) if self._state.position is not None else 0)
