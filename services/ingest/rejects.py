"""Writes records of refused events to the rejects stream, in the background and never more than the store bears."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from services.ingest.core.bucket import Bucket
from services.ingest.core.refusals import body_record, reject_record
from services.ingest.measures import Measures
from shared.clock import Clock
from shared.contract.frames import Rejected
from shared.contract.keys import partition_of
from shared.log import Log, LogUnavailable

RECORDS_PER_S_MAX = 100.0
RECORDS_BURST_MAX = 1_000
"""A broken sender repeats the same fault; some thousand records tell it all, and each costs as much as a good event."""
WAITING_RECORDS_MAX = 2_000
"""Records that wait for the log, about 2 MB; more are dropped and counted."""
WRITE_TIMEOUT_S = 6.0  # as for events


class Rejects:
    """Records are made at once, without personal data, so that nothing of a request outlives it."""

    def __init__(self, log: Log, clock: Clock, measures: Measures) -> None:
        self._log = log
        self._clock = clock
        self._measures = measures
        self._bucket = Bucket(RECORDS_PER_S_MAX, RECORDS_BURST_MAX, clock.steady_s())
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._task: asyncio.Task[None] | None = None

    def events(self, tenant: str, at_ms: int, rejected: list[Rejected], items: list[bytes]) -> None:
        """Keep records of refused events."""
        for why, item in zip(rejected, items, strict=True):
            if self._room():
                self._put(tenant, reject_record(tenant, at_ms, why, item))
            else:
                self._measures.reject_records_dropped += 1

    def body(self, tenant: str, at_ms: int, detail: str, body: bytes) -> None:
        """Keep a record of a body that could not be read."""
        if self._room():
            self._put(tenant, body_record(tenant, at_ms, detail, body))
        else:
            self._measures.reject_records_dropped += 1

    async def drain(self) -> None:
        """Return when all records are written or dropped."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _room(self) -> bool:
        return len(self._waiting) < WAITING_RECORDS_MAX and self._bucket.wait_s(self._clock.steady_s()) == 0.0

    def _put(self, tenant: str, record: bytes) -> None:
        self._bucket.take(1)
        self._waiting.append((partition_of(tenant, self._log.partitions), record))
        if self._task is None:
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                partition, record = self._waiting.popleft()
                try:
                    async with asyncio.timeout(WRITE_TIMEOUT_S):
                        await self._log.reject(partition, record)
                    self._measures.reject_records += 1
                except (LogUnavailable, TimeoutError):
                    # Records are a help for people, not a promise: with the log away they go.
                    self._measures.reject_records_dropped += 1 + len(self._waiting)
                    self._waiting.clear()
                except Exception:
                    self._measures.reject_records_dropped += 1
                    structlog.get_logger().exception("reject.failed")
        finally:
            self._task = None
