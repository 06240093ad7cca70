"""Processes that stop answering without dying, and come back when others have taken their place."""

from __future__ import annotations

import asyncio
import signal
import time

from shared.contract.entries import EntryId
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

LEADS = 20
STORE_STOPPED_S = 12.0
"""Longer than any time limit on the way: every append of that time ends without an answer."""


async def checkpoint_at(it: System) -> EntryId:
    """Where the checkpoint stands."""
    assert it.log is not None
    checkpoint = await it.log.load_checkpoint(0)
    return EntryId(0, 0) if checkpoint is None else checkpoint.position


@fault("SIGSTOP of the scorer, SIGCONT once its standby took over", "two scorers on one partition")
async def zombie_scorer(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        for _ in range(chaos.share(5)):
            frozen = await it.owned()
            other = next(s for s in it.services.values() if s.which == "scoring" and s is not frozen)
            at_s = time.monotonic()
            frozen.signal(signal.SIGSTOP)
            position = (await it.state()).events_last
            generation = (await it.state()).generation
            await it.scored_from(position)
            row.recovered(time.monotonic() - at_s)
            await other.terminate()  # it writes its checkpoint: the frozen one must not take it back
            saved = await checkpoint_at(it)
            frozen.signal(signal.SIGCONT)
            other.start()
            await asyncio.sleep(it.rng.uniform(0, 2))
            await it.owned()
            row.expect((await it.state()).generation > generation, "nobody took over")
            row.expect(await checkpoint_at(it) >= saved, "the checkpoint was rolled back")
            await other.answers()
        row.judged(await it.judged())


@fault("SIGSTOP of the log server for 12 s during appends", "every append of that time ends without an answer")
async def frozen_store(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        for _ in range(chaos.share(20)):
            await asyncio.sleep(1)
            it.store.signal(signal.SIGSTOP)
            await asyncio.sleep(STORE_STOPPED_S)
            at_s = time.monotonic()
            it.store.signal(signal.SIGCONT)
            await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged again")  # noqa: B023
            await it.scored_from((await it.state()).events_last)
            row.recovered(time.monotonic() - at_s)
        row.figures["503 meanwhile"] = load.ledger.answers[503]
        row.expect(load.ledger.answers[503], "nothing was refused while the store was frozen")
        row.judged(await it.judged())
        row.figures["entries an event"] = it.copies
