"""The lines between the parts: silent, slow, cut, one-way, between each pair."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.proxy import FaultProxy, Way
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

LEADS = 20
SILENT_S = 7.0
"""Longer than the lease of a scorer and than the 5 s for which an answer of the store is waited for."""
SLOW_S = 0.15
SLOW_FOR_S = 4.0


async def _well_again(it: System, since_s: float) -> None:
    ledger = it.loads[0].ledger
    await until(lambda: ledger.acknowledged_at_s > since_s, "events are acknowledged again")
    await it.scored_from((await it.state()).events_last)
    last = (await it.state()).alerts_last
    await until(lambda: all(lead.last is not None and lead.last >= last for lead in it.leads), "leads hear all again")


async def _owner_line(it: System) -> FaultProxy:
    return it.lines[f"{(await it.owned()).name}-store"]


@fault("partition between each pair", "packets vanish for 7 s, connections stay open: both ways, then each way alone")
async def partition(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        names = ["ingest-store", "notify-store", "scoring", "acd-ingest", "leads-notify"]
        ways: list[tuple[Way, ...]] = [(), ("up",), ("down",)]
        cases = [(name, way) for name in names for way in ways]
        if chaos.runs < len(cases):
            cases = [(name, it.rng.choice(ways)) for name in names]
        for name, way in cases:
            proxy = await _owner_line(it) if name == "scoring" else it.lines[name]
            proxy.silence(*way)
            await asyncio.sleep(SILENT_S)
            at_s = time.monotonic()
            proxy.heal()
            await _well_again(it, at_s)
            row.recovered(time.monotonic() - at_s)
        row.judged(await it.judged())


@fault("lines that are slow, or cut after n bytes", "0.15 s each way; resets at random bytes of every line")
async def flaky(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        for name, proxy in list(it.lines.items()):
            proxy.latency_s = SLOW_S
            await asyncio.sleep(SLOW_FOR_S / len(it.lines))
            proxy.heal()
            for _ in range(chaos.runs):
                proxy.cut_after(it.rng.randrange(1, 6_000), it.rng.choice(["up", "down"]))
                await asyncio.sleep(it.rng.uniform(0, 0.5))
                row.runs += 1
            row.figures["lines"] = [*row.figures.get("lines", []), name]
        row.figures["lines"] = len(row.figures["lines"])
        at_s = time.monotonic()
        await _well_again(it, at_s)
        row.judged(await it.judged())
