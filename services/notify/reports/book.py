"""What a report is made of, read from the log: the tallies of the minute history, and the changes of alerts.

The history is read once and then only what is new of it; of each minute the tallies are kept as they lie there, a few
KB, for as long as the log keeps them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

import msgspec
import structlog

from services.notify.core.shift_alerts import ShiftAlert, read_alert
from services.notify.history import SPAN_MAX_MS
from shared.contract.entries import START, EntryId
from shared.contract.keys import partition_of
from shared.contract.minutes import minute_head, minute_tallies
from shared.contract.signals import BadSignals
from shared.contract.tallies import Tallies, decode_tallies
from shared.log import Log

MINUTES_READ = 64
"""Entries of one read of the history: some MB in the largest centre."""
CHANGES_MAX = 20_000
"""Changes of alerts that one report reads: a bad day of a large centre, some tens of MB."""
CHANGES_READ = 512

_logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pages:
    """Of one partition, by tenant: (end of the minute in ms, its tallies)."""

    after: EntryId = START
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    minutes: defaultdict[str, deque[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(deque))


class Book:
    """Reads for all reports of a process."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pages = [_Pages() for _ in range(log.partitions)]

    async def minutes(self, tenant: str) -> list[tuple[int, bytes]]:
        """All that is kept of a tenant, oldest first: when each minute ended (ms), and it, for `read_minute`.

        Raises LogUnavailable.
        """
        partition = partition_of(tenant, self._log.partitions)
        pages = self._pages[partition]
        async with pages.lock:
            while entries := await self._log.read_history(partition, pages.after, count=MINUTES_READ):
                for pages.after, data in entries:
                    self._keep(pages, data)
                await asyncio.sleep(0)
        return list(pages.minutes.get(tenant, ()))

    def _keep(self, pages: _Pages, data: bytes) -> None:
        try:
            (tenant, at_ms), counted = minute_head(data), minute_tallies(data)
        except BadSignals as fault:
            _logger.error("minute cannot be read", error=str(fault))
            return
        kept = pages.minutes[tenant]
        kept.extend((at_ms, tallies) for tallies in counted)
        while kept and kept[0][0] < at_ms - SPAN_MAX_MS:
            kept.popleft()

    async def alerts(self, tenant: str, from_ms: int, to_ms: int) -> tuple[list[ShiftAlert], bool]:
        """Alerts of a tenant that changed in a period, each at its latest change in it; and whether these are all.

        Raises LogUnavailable.
        """
        partition = partition_of(tenant, self._log.partitions)
        found: dict[str, ShiftAlert] = {}
        after, left = EntryId(max(from_ms, 0), 0), CHANGES_MAX
        while left > 0:
            changes = await self._log.read_alerts(partition, after, count=min(CHANGES_READ, left))
            for after, data in changes:
                if after.ms > to_ms:
                    return list(found.values()), True
                try:
                    alert = read_alert(data)
                except (msgspec.MsgspecError, UnicodeError):
                    continue  # counted when the partition was read
                if alert.tenant == tenant:
                    found[alert.id] = alert
            if len(changes) < min(CHANGES_READ, left):
                return list(found.values()), True
            left -= len(changes)
            await asyncio.sleep(0)
        return list(found.values()), False


def read_minute(data: bytes) -> Tallies | None:
    """One minute; None for one that is damaged, which is reported."""
    try:
        return decode_tallies(data)
    except BadSignals as fault:
        _logger.error("minute cannot be read", error=str(fault))
        return None
