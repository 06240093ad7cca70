"""The last part of a trace: an alert's change read from the log, and its frames written.

Which trace a change belongs to stands in the entry that caused it, and that is read afterwards, beside everything else:
no alert waits for its trace. Only where traces are on.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from services.notify.core.alerts import Change
from shared.contract.entries import cause_of, traceparent_of
from shared.contract.keys import partition_of
from shared.log import Log, LogUnavailable
from shared.tracing import Tracing

WAITING_MAX = 1_000
"""Changes whose entry is still to be read; in a storm the rest goes untraced."""


class _Told(NamedTuple):
    change: Change
    read_ms: float
    """When it was handed to the hub."""
    written_ms: float
    frames: int


class Traces:
    """Spans of changes that were told."""

    def __init__(self, log: Log, tracing: Tracing) -> None:
        self._log = log
        self._tracing = tracing
        self._waiting: asyncio.Queue[_Told] = asyncio.Queue(WAITING_MAX)

    def told(self, change: Change, read_ms: float, written_ms: float, frames: int) -> None:
        """A change went out; never waits."""
        if not self._waiting.full():
            self._waiting.put_nowait(_Told(change, read_ms, written_ms, frames))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            told = await self._waiting.get()
            try:
                await self._span(told)
            except LogUnavailable:
                continue  # it goes untraced

    async def _span(self, told: _Told) -> None:
        head, cause = told.change.head, cause_of(told.change.cursor)
        partition = partition_of(head.tenant, self._log.partitions)
        found = await self._log.read(partition, cause.before, count=1)
        parent = traceparent_of(found[0].fields) if found and found[0].id == cause else b""
        if not parent:
            return
        cursor = str(told.change.cursor)
        whole = self._tracing.begin("alert to leads", parent, began_ms=told.read_ms, kind=head.kind, cursor=cursor)
        if whole is not None:
            frames = self._tracing.begin("write frames", whole, began_ms=told.read_ms)
            if frames is not None:
                frames.end(ended_ms=told.written_ms, frames=told.frames)
            whole.end(ended_ms=told.written_ms)
