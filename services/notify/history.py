"""Minute history as drill-downs ask for it: read from the log when asked, kept while there is room.

Unpacking a day of a large centre takes seconds, so it is done in a thread, one at a time, and the minutes of a tenant
that was asked for are kept: the next question reads only what is new.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from services.notify.core.course import Leaf, Moment
from shared.contract.course import SubjectType
from shared.contract.entries import EntryId
from shared.contract.keys import partition_of
from shared.contract.minutes import decode_minute, minute_head
from shared.contract.signals import BadSignals
from shared.log import Log, Retention

SPAN_MAX_MS = Retention().history_ms
"""As long as the log keeps minutes."""
KEPT_BYTES = 64 << 20
"""Of unpacked minutes in this process: 26 h of 3,000 agents, 4 h of 20,000; the rest is unpacked again when asked."""
READ_ENTRIES = 32
"""Minutes of one read and one stretch in the thread: 2 MB of a large centre."""
BEFORE_MS = 120_000
"""A minute is published after it happened; ids are of the publication, by the store's clock, which may be behind."""


@dataclass
class _Run:
    """The minutes of one tenant whose entries came after `floor`, up to `top`, without a hole."""

    floor: EntryId
    top: EntryId
    leaves: deque[tuple[EntryId, Leaf]] = field(default_factory=deque)
    size: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, at: EntryId, leaf: Leaf) -> None:
        self.leaves.append((at, leaf))
        self.size += leaf.size

    def drop_first(self) -> None:
        self.floor, leaf = self.leaves.popleft()
        self.size -= leaf.size


class History:
    """The minutes of all tenants, as far as somebody asked."""

    def __init__(self, log: Log, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._log = log
        self._kept_bytes = kept_bytes
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._thread = asyncio.Semaphore(1)

    async def moments(self, tenant: str, type_: SubjectType, id_: str, from_ms: int, to_ms: int) -> list[Moment]:
        """What each minute from one moment to another says of a subject. Raises LogUnavailable."""
        begin = EntryId(max(0, from_ms - BEFORE_MS), 0)
        run = self._runs.setdefault(tenant, _Run(begin, begin))
        self._runs.move_to_end(tenant)
        found: list[Moment] = []
        async with run.lock:
            if begin < run.floor:  # longer ago than what is kept: looked at, and let go
                await self._read(tenant, begin, run.floor, type_, id_, found, None)
            kept = [leaf for _, leaf in run.leaves]
            async with self._thread:
                found += await asyncio.to_thread(lambda: [leaf.look(type_, id_) for leaf in kept])
            await self._read(tenant, run.top, None, type_, id_, found, run)
        return [moment for moment in found if from_ms <= moment.at_ms <= to_ms]

    async def _read(
        self,
        tenant: str,
        after: EntryId,
        last: EntryId | None,
        type_: SubjectType,
        id_: str,
        found: list[Moment],
        run: _Run | None,
    ) -> None:
        partition = partition_of(tenant, self._log.partitions)
        while entries := await self._log.read_history(partition, after, count=READ_ENTRIES):
            meant = [(at, data) for at, data in entries if last is None or at <= last]
            async with self._thread:
                leaves, moments = await asyncio.to_thread(_unpacked, tenant, meant, type_, id_)
            found += moments
            after = entries[-1][0]
            if run is not None:
                for at, leaf in leaves:
                    run.add(at, leaf)
                run.top = after
                self._make_room(run)
            if len(meant) < len(entries):
                return

    def _make_room(self, used: _Run) -> None:
        """Forget what is older than the log, then whole tenants that nobody asked for lately, then the oldest."""
        while used.leaves and used.leaves[0][1].at_ms < used.leaves[-1][1].at_ms - SPAN_MAX_MS:
            used.drop_first()
        while sum(run.size for run in self._runs.values()) > self._kept_bytes:
            oldest = next(iter(self._runs))
            if self._runs[oldest] is not used:
                del self._runs[oldest]
            elif used.leaves:
                used.drop_first()
            else:
                return

    @property
    def kept_bytes(self) -> int:
        """What is kept now, about."""
        return sum(run.size for run in self._runs.values())


def _unpacked(
    tenant: str, entries: list[tuple[EntryId, bytes]], type_: SubjectType, id_: str
) -> tuple[list[tuple[EntryId, Leaf]], list[Moment]]:
    """In a thread. The history holds other records and other tenants too, and may hold what this reader does not know:
    they are passed over."""
    leaves = []
    for at, data in entries:
        try:
            if minute_head(data)[0] == tenant:
                leaves.append((at, Leaf(decode_minute(data))))
        except BadSignals:
            continue
    return leaves, [leaf.look(type_, id_) for _, leaf in leaves]
