"""kill -9 of each process under load: at random moments, and at the points where it would hurt most.

One system runs and is killed over and over; every so many kills it is settled, and the oracle compares everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial

import redis

from shared.contract.block import Row as Event
from shared.contract.block import encode_block
from shared.contract.entries import block_fields
from shared.contract.rows import HANDLED
from tests.chaos.processes import Service, Store
from tests.chaos.proxy import FaultProxy
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

KILLS_A_LIFE = 25
"""Kills between two judgements: enough to be quick, few enough to find the one that broke something."""
SHARE_MIN = 10
"""Kills for which a life of its own is worth its start."""
LEADS = 20
PAUSE_S = 1.0
"""Longest pause between a recovery and the next kill; each draws its own, so that the moments are random."""
RECOVERY_S = 60.0

TAKEOVERS_AT_ONCE = 2
"""Systems side by side in which scorers are killed: a takeover is mostly waiting for a lease to run out."""

PAST_MS = 26 * 60_000
"""Of so long a restored engine must know the event ids."""
BUSY_ENTRIES, BUSY_ENTRIES_SHORT = 156_000, 5_000
"""100 entries a second for that long in a long run; some in a short one. The first scorer has to judge all of them."""
BUSY_WAIT_S = 900.0
LONG_RUNS = 20
BUSY_SHARE = 16
PIPED = 1_000
FORESEEN_S = 45.0
"""A standby looks each 30 s."""

Kill = Callable[[System], Awaitable[float]]
"""Kills once, waits for recovery; the seconds from the kill until what it served went on."""


async def _lives(chaos: Chaos, row: Row, kill: Kill, *, at_once: int = 1) -> None:
    """Kill `chaos.runs` times, in as many lives as that takes; `at_once` of them beside each other."""
    left, at_once = chaos.runs, min(at_once, -(-chaos.runs // SHARE_MIN))

    async def live() -> None:
        nonlocal left
        while left > 0 and not chaos.over():
            share = min(-(-chaos.runs // at_once), KILLS_A_LIFE, left)
            left -= share
            async with system(chaos, row) as it:
                await it.owned()
                it.load()
                await it.join(LEADS)
                while share > 0 and not chaos.over():
                    await asyncio.sleep(it.rng.uniform(0, PAUSE_S))
                    row.recovered(await kill(it))
                    share -= 1
                row.judged(await it.judged())
            chaos.so_far(row)

    async with asyncio.TaskGroup() as lives:
        for _ in range(at_once):
            lives.create_task(live())


async def _new_answer(it: System, since_s: float) -> float:
    """Wait for the first 202 after a moment; the seconds from it."""
    ledger = it.loads[0].ledger
    await until(lambda: ledger.acknowledged_at_s > since_s, "events are acknowledged again")
    return ledger.acknowledged_at_s - since_s


def _end(service: Service) -> float:
    """kill -9 now; when that was."""
    service.kill()
    assert service.process is not None
    service.process.wait()
    return time.monotonic()


async def _back(service: Service, proxy: FaultProxy) -> None:
    proxy.reset()
    proxy.heal()
    service.start()


# --- ingest


@fault("kill -9 of ingest", "each second or so, under load")
async def kill_ingest(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        at_s = _end(it.services["ingest"])
        await _back(it.services["ingest"], it.lines["ingest-store"])
        return await _new_answer(it, at_s)

    await _lives(chaos, row, once)


@fault("kill -9 of ingest between append and answer", "the append is in the log, its sender hears nothing")
async def kill_ingest_unanswered(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        service, proxy = it.services["ingest"], it.lines["ingest-store"]
        trap = proxy.trap(b":events", way="up", after=True)
        async with asyncio.timeout(RECOVERY_S):
            await trap.sprung.wait()
        size = await asyncio.to_thread(it.store.run, "XLEN", "sw:{0}:events")
        assert size, "the append is in the log"
        at_s = _end(service)
        await _back(service, proxy)
        return await _new_answer(it, at_s)

    await _lives(chaos, row, once)


# --- scorer


async def _taken_over(it: System, dead: Service, at_s: float) -> float:
    """Start the dead one again as the new standby, and wait until something is judged that was appended after."""
    position = (await it.state()).events_last
    dead.start()
    await it.scored_from(position)
    took_s = time.monotonic() - at_s
    await dead.answers()  # so that the next kill finds a standby
    return took_s


@fault("kill -9 of the scorer", "its standby takes over")
async def kill_scorer(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        service = await it.owned()
        return await _taken_over(it, service, _end(service))

    await _lives(chaos, row, once, at_once=TAKEOVERS_AT_ONCE)


@fault("kill -9 of the scorer between alerts and checkpoint", "the alerts are in the log, the scorer never hears so")
async def kill_scorer_unsaved(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        service = await it.owned()
        trap = it.lines[f"{service.name}-store"].trap(b":alerts", b'"severity"', way="up", after=True)
        async with asyncio.timeout(RECOVERY_S):
            await trap.sprung.wait()
        at_s = _end(service)
        proxy = it.lines[f"{service.name}-store"]
        proxy.reset()
        proxy.heal()
        return await _taken_over(it, service, at_s)

    await _lives(chaos, row, once, at_once=TAKEOVERS_AT_ONCE)


@fault("kill -9 of the scorer of a busy log", "26 minutes of a hundred entries a second are behind it")
async def kill_scorer_busy(chaos: Chaos, row: Row) -> None:
    entries = BUSY_ENTRIES if chaos.runs >= LONG_RUNS else BUSY_ENTRIES_SHORT
    async with system(chaos, row, fill=partial(_past, entries, chaos.rng(row))) as it:
        await it.owned(BUSY_WAIT_S)
        load = it.load()
        await it.join(LEADS)
        for _ in range(chaos.share(BUSY_SHARE)):
            await it.scored_from((await it.state()).events_last)
            # The next that a standby looks for what it can read before its time; nothing depends on it but how long
            # the takeover lasts, and a standby has mostly waited for days.
            await asyncio.sleep(FORESEEN_S * entries / BUSY_ENTRIES)
            service = await it.owned()
            row.recovered(await _taken_over(it, service, _end(service)))
        row.figures["entries behind it"] = f"{entries:,}"
        row.judged(await it.judged())
        row.expect(load.ledger.acknowledged, "nothing was acknowledged")


def _past(entries: int, rng: random.Random, store: Store) -> None:
    """Write the last 26 minutes, an event an entry, as ingest writes them."""
    now_ms = time.time_ns() // 1_000_000 - 1_000
    with redis.Redis.from_url(store.url) as client, client.pipeline(transaction=False) as pipe:
        for number in range(entries):
            at_ms = now_ms - PAST_MS + PAST_MS * number // entries
            event = Event(
                HANDLED, "demo", at_ms, str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                queue=f"queue-{rng.randrange(6)}", agent=f"agent-{rng.randrange(24)}",
                contact=rng.getrandbits(63), n0=200.0,
            )  # fmt: skip
            pipe.execute_command(
                "XADD", "sw:{0}:events", f"{at_ms}-{number}", *_flat(block_fields(encode_block([event])))
            )
            if number % PIPED == PIPED - 1:
                pipe.execute()
        pipe.execute()


def _flat(fields: dict[bytes, bytes]) -> list[bytes]:
    return [part for item in fields.items() for part in item]


# --- notify


async def _all_live(it: System, since_s: float) -> float:
    back = lambda: all(lead.live.is_set() and lead.ended_at_s >= since_s for lead in it.leads)  # noqa: E731
    return await until(back, "all leads are back")


async def _notify_back(it: System, began_s: float) -> float:
    at_s = _end(it.services["notify"])
    it.lines["leads-notify"].reset()
    it.lines["leads-notify"].heal()
    await _back(it.services["notify"], it.lines["notify-store"])
    await _all_live(it, began_s)
    return time.monotonic() - at_s


@fault("kill -9 of notify", "all leads come back and resume")
async def kill_notify(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        return await _notify_back(it, time.monotonic())

    await _lives(chaos, row, once)


@fault("kill -9 of notify in the middle of a websocket send", "a frame is torn in two")
async def kill_notify_sending(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        began_s = time.monotonic()
        proxy = it.lines["leads-notify"]
        passed = proxy.passed
        proxy.cut_after(it.rng.randrange(1, 4_000), "down")
        torn = lambda: proxy.passed != passed and any(lead.ended_at_s >= began_s for lead in it.leads)  # noqa: E731
        await until(torn, "a frame is torn")
        return await _notify_back(it, began_s)

    await _lives(chaos, row, once)


# --- log server


@fault("kill -9 of the log server", "it is started again at once, AOF with fsync at each write")
async def kill_store(chaos: Chaos, row: Row) -> None:
    async def once(it: System) -> float:
        position = None
        with contextlib.suppress(ConnectionError):
            position = (await it.state()).events_last
        at_s = time.monotonic()
        it.store.kill()
        it.store.start()
        await it.store.answers()
        if position is None:
            position = (await it.state()).events_last
        await _new_answer(it, at_s)
        await it.scored_from(position)
        return time.monotonic() - at_s

    await _lives(chaos, row, once)
