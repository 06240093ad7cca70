"""Senders that never pause, and what they were told; and whether alerts are those of a replay of the log."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from pathlib import Path

from redis import RedisError

from shared.contract.entries import START, EntryId
from shared.log import Log, LogUnavailable, Lookup
from tools.log_export import export_log
from tools.replay import replay
from tools.replay_input import exported_entries

WAIT_S = 60.0
"""Bounds a wait for a condition, on a machine that does other things too."""
PAUSE_S = 0.02
"""After a refusal, as a sender that was told to come again soon."""


async def until(holds: Callable[[], object], what: str = "") -> None:
    """Wait until something holds, bounded; `holds` may be asynchronous. Where nobody answers, it counts as not."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    found = holds()
                    if isawaitable(found):
                        found = await found
                except (LogUnavailable, RedisError):  # in a failover connections are closed
                    found = False
                if found:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {WAIT_S:g} s: {what or holds}") from None


class Load:
    """One sender for each partition: an entry after the other, each sent until it is acknowledged."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.acked: defaultdict[int, list[tuple[EntryId, bytes]]] = defaultdict(list)
        self.refused: defaultdict[int, int] = defaultdict(int)
        self.pause_s_max: defaultdict[int, float] = defaultdict(float)
        """Longest time between two acknowledgements."""

    async def _send(self, partition: int) -> None:
        number, last_s = 0, time.monotonic()
        while True:
            value = b"%d" % number
            asked = [Lookup(number.to_bytes(8, "little"), number, number)] if number % 2 else []
            try:
                stands = await self.log.append(partition, {b"t": value}, asked)
            except LogUnavailable:
                self.refused[partition] += 1
                await asyncio.sleep(PAUSE_S)
                continue
            now_s = time.monotonic()
            self.pause_s_max[partition] = max(self.pause_s_max[partition], now_s - last_s)
            self.acked[partition].append((stands, value))
            number, last_s = number + 1, now_s

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send for as long as the block runs."""
        tasks = [asyncio.create_task(self._send(p)) for p in range(self.log.partitions)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for done in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(done, asyncio.CancelledError), done

    async def more(self, partition: int, number: int = 50) -> None:
        """Wait for some more acknowledgements."""
        goal = len(self.acked[partition]) + number
        await until(lambda: len(self.acked[partition]) >= goal, f"{number} acknowledgements of partition {partition}")

    async def lost(self, partition: int) -> list[EntryId]:
        """Acknowledged entries that are not in the log as they were acknowledged."""
        held = await entries_of(self.log, partition)
        return [stands for stands, value in self.acked[partition] if held.get(stands) != value]


async def entries_of(log: Log, partition: int) -> dict[EntryId, bytes]:
    """What the senders sent of a partition, by position."""
    found: dict[EntryId, bytes] = {}
    after = START
    while entries := await log.read(partition, after, count=2_000):
        found |= {entry.id: entry.fields.get(b"t", b"") for entry in entries}
        after = entries[-1].id
    return found


def answered(call: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[bool]]:
    """Whether the log answers a call."""

    async def holds() -> bool:
        await call()
        return True

    return holds


async def alerts_of(log: Log, partition: int) -> list[bytes]:
    """The alerts of a partition."""
    out: list[bytes] = []
    after = START
    while changes := await log.read_alerts(partition, after):
        out += [data for _, data in changes]
        after = changes[-1][0]
    return out


async def replayed(log: Log, partition: int, folder: Path) -> list[bytes]:
    """The alerts that one uninterrupted replay of a partition gives."""
    path = folder / f"export-{partition}.ndjson"
    path.write_bytes(b"".join([line + b"\n" async for line in export_log(log, partition=partition)]))
    out: list[bytes] = []
    replay(exported_entries([path]), clock_gaps=True, on_alert=out.append)
    return out
