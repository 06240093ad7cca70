"""What the tests of scoring share: a busy stretch of calls as entries, a log to feed, and the judgement of a replay."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import cache
from inspect import isawaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry

from services.scoring.app import Scoring
from services.scoring.core.parameters import check_settings
from services.scoring.scorer import Phase, Timing
from shared.clock import ManualClock
from shared.contract.entries import START, Entry, EntryId, Settings
from shared.log import Log
from shared.log_memory import MemoryLog
from shared.settings import settings_of
from tools.bank_calls import BankCalls
from tools.log_export import export_log
from tools.replay import replay
from tools.replay_input import BareEvents, exported_entries

CALLS = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"
BUSY_MS = (983_786_400_000, 983_787_300_000)  # 10:00 to 10:15 of the day in the file
TENANT = "demo"
QUICK = Timing(renew_s=0.05, claim_s=0.02, tick_ms=50, checkpoint_s=0.0, trim_s=0.0, backoff_s=(0.01, 0.1))
"""Checkpoints and trims as often as it goes."""
RARE = Timing(renew_s=0.05, claim_s=0.02, tick_ms=50, backoff_s=(0.01, 0.1))
"""A crash finds the checkpoint of the last drain, or none: the clock of these tests stands still."""
EAGER = b"""
revision = 3
[alerts."queue.strain"]
open_line = 30
open_hold_s = 0
close_line = 25
close_hold_s = 5
[alerts."agent.strain"]
open_line = 20
open_hold_s = 10
close_line = 15
close_hold_s = 10
"""


def settings_from(text: bytes) -> Settings:
    return settings_of(text, check=check_settings, now_ms=BUSY_MS[0])


@cache
def busy_stretch(first_ms: int = BUSY_MS[0]) -> tuple[Entry, ...]:
    """A quarter of an hour in which calls come faster than they can be answered: one event an entry."""
    with CALLS.open() as lines:
        events = [event for event in BankCalls(lines).events() if BUSY_MS[0] <= event["ts"] < BUSY_MS[1]]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        moved = [event | {"ts": event["ts"] - BUSY_MS[0] + first_ms} for event in events]
        path.write_text("".join(json.dumps(event) + "\n" for event in moved))
        return tuple(BareEvents([path], TENANT).entries())


def memory_log() -> tuple[MemoryLog, ManualClock]:
    clock = ManualClock(BUSY_MS[0])
    return MemoryLog(clock=clock), clock


async def feed(log: Log, clock: ManualClock, entries: Iterable[Entry]) -> EntryId:
    """Append entries at their own times; where it ended."""
    last = START
    for entry in entries:
        clock.step((max(entry.id.ms, clock.now_ms()) - clock.now_ms()) / 1000)
        last = await log.append(0, entry.fields)
    return last


def scoring(log: Log, clock: Any, *, timing: Timing = RARE, **given: Any) -> Scoring:
    return Scoring(log=log, clock=clock, registry=CollectorRegistry(), timing=timing, engine="tested", **given)


@asynccontextmanager
async def running(log: Log, clock: Any, **given: Any) -> AsyncIterator[Scoring]:
    """Scoring from its first reading to an orderly end."""
    service = scoring(log, clock, **given)
    await service.start()
    try:
        await in_phase(service, Phase.RUNNING)
        yield service
    finally:
        await service.drain()


async def crash(service: Scoring, clock: ManualClock) -> None:
    """End it as kill -9 does: nothing is published, saved or given back any more; its lease runs out."""
    for task in service._tasks:
        task.cancel()
    await asyncio.wait(service._tasks)
    clock.advance(60)
    clock.step(-60)


async def until(holds: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until something holds; `holds` may be asynchronous."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = holds()
            if isawaitable(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.005)


async def in_phase(service: Scoring, phase: Phase) -> None:
    """Wait until the first partition is in a phase."""
    await until(lambda: service.status()[0].phase is phase)


async def scored(log: Log, up_to: EntryId) -> None:
    """Wait until an entry was judged."""

    async def published() -> bool:
        return (await log.state(0)).published >= up_to

    await until(published)


async def alerts_of(log: Log) -> list[bytes]:
    """The alerts stream."""
    out: list[bytes] = []
    after = START
    while changes := await log.read_alerts(0, after):
        out += [data for _, data in changes]
        after = changes[-1][0]
    return out


async def events_of(log: Log, field: bytes) -> list[bytes]:
    """The values of one field in the entries that have it."""
    out: list[bytes] = []
    after = START
    while entries := await log.read(0, after):
        out += [entry.fields[field] for entry in entries if field in entry.fields]
        after = entries[-1].id
    return out


async def replayed(log: Log, folder: Path) -> list[bytes]:
    """The alerts that a replay of the exported log gives."""
    path = folder / "export.ndjson"
    path.write_bytes(b"".join([line + b"\n" async for line in export_log(log)]))
    out: list[bytes] = []
    replay(exported_entries([path]), clock_gaps=True, on_alert=out.append)
    return out
