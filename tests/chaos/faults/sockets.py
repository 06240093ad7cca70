"""Leads by the thousand: storms of connects, a mass return after a restart, readers that stop or crawl."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.chaos.leads import Lead
from tests.chaos.proxy import FaultProxy
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

STORM_MAX, STORM_A_RUN = 5_000, 100
"""Leads of the storm: all of them in a long run, 500 in the short one."""
CROWD_MAX, CROWD_A_RUN = 1_000, 40
STALLED, SLOW = 10, 3
SLOW_BYTES_PER_S = 1_024
RECEIVE_BYTES = 4_096
"""What the kernel takes for a reader that stopped: little, as with a phone whose link went."""
MEASURED_S, SETTLED_S = 8.0, 1.0
TIMED = 100
"""Of the good readers so many note when an alert came, spread over all: who came first is told first."""
TURNS_SHARE = 5
LOOK_S = 0.5
"""Between two looks at how many are connected: each costs notify a page of metrics."""
GONE_MAX_S = 120.0
STORM_WAIT_S = 240.0


def _p(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1) if ordered else 0.0


async def _metric(it: System, name: str) -> float:
    answer = await it.ask("notify", "/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in answer.body.decode().splitlines() if line.startswith(name))


@fault("a storm of connects, and a mass return after a restart", "all at once, no pause, while alerts flow")
async def storm(chaos: Chaos, row: Row) -> None:
    count = min(STORM_MAX, STORM_A_RUN * chaos.runs)
    async with system(chaos, row) as it:
        await it.owned()
        it.load(pause_s=0.5)
        began_s = time.monotonic()
        await it.join(count, port=it.services["notify"].port, wait_s=STORM_WAIT_S)
        row.figures["leads"] = count
        row.figures["all connected after"] = f"{time.monotonic() - began_s:.1f} s"
        for how in (signal.SIGTERM, signal.SIGKILL):
            notify = it.services["notify"]
            at_s = time.monotonic()
            notify.signal(how)
            await notify.gone()
            row.figures[f"{how.name}: ended after"] = f"{time.monotonic() - at_s:.1f} s"
            notify.start()
            back = lambda: all(lead.live.is_set() and lead.ended_at_s >= at_s for lead in it.leads)  # noqa: B023, E731
            await until(back, "all leads are back", STORM_WAIT_S)
            row.recovered(time.monotonic() - at_s)
        row.judged(await it.judged())
        row.figures["resumed"] = row.resumed
        row.expect(row.resumed >= 2 * count, "not all went on where they were")


@fault("readers that stop or crawl among many good ones", "10 that read nothing, 3 at 1 KB/s, come and go")
async def stalled(chaos: Chaos, row: Row) -> None:
    """In turns: a while without them, and a while with them, both looked at in the same way."""
    async with system(chaos, row) as it:
        await it.owned()
        it.load()
        port = it.services["notify"].port
        good = await it.join(min(CROWD_MAX, CROWD_A_RUN * chaos.runs), port=port, wait_s=STORM_WAIT_S)
        delays_ms: list[float] = []
        for lead in good[:: -(-len(good) // TIMED)]:
            lead.on_alert = lambda cursor: delays_ms.append(time.time_ns() / 1e6 - cursor.ms)
        crawling = FaultProxy(("127.0.0.1", port))
        await crawling.start()
        crawling.bytes_per_s = SLOW_BYTES_PER_S
        without: list[list[float]] = []
        among: list[list[float]] = []
        for _ in range(chaos.share(TURNS_SHARE)):
            await asyncio.sleep(SETTLED_S)
            delays_ms.clear()
            until_s = time.monotonic() + MEASURED_S
            while time.monotonic() < until_s:
                alone = await _connections(it)
                await asyncio.sleep(LOOK_S)
            without.append(list(delays_ms))
            slow = [Lead(crawling.port, it.token, it.seen, it.rng) for _ in range(SLOW)]
            dead = [Lead(port, it.token, it.seen, it.rng, receive_bytes=RECEIVE_BYTES) for _ in range(STALLED)]
            for lead in (*slow, *dead):
                it.leads.append(lead)
                lead.stay_away = lead in dead
                lead.start()
            await until(lambda: all(lead.live.is_set() for lead in dead), "those who will stop have joined")  # noqa: B023
            at_s = time.monotonic()
            for lead in dead:
                lead.pause()
            delays_ms.clear()
            while await _connections(it) > alone + SLOW:
                row.expect(time.monotonic() - at_s < GONE_MAX_S, "those who stopped stay")
                if row.faults:
                    break
                await asyncio.sleep(LOOK_S)
            row.recovered(time.monotonic() - at_s)
            among.append(list(delays_ms))
            for lead in slow:
                lead.stay_away = True
                await lead.stop()
        row.figures["good readers"] = len(good)
        row.figures["delay of an alert without them, p50 / p99"] = _of_turns(without)
        row.figures["with them"] = _of_turns(among)
        row.expect(all(lead.connects == 1 for lead in good), "good readers were sent away")
        row.expect(not any(lead.goodbyes for lead in good), "good readers were told goodbye")
        crawling.bytes_per_s = None
        row.figures["SIGTERM with all of them: ended after"] = f"{await _restarted(it):.1f} s"
        row.judged(await it.judged())
        await crawling.stop()


def _of_turns(turns: list[list[float]]) -> str:
    """The median of all turns, and the least and the most of one."""
    said = []
    for part in (0.5, 0.99):
        found = sorted(_p(turn, part) for turn in turns)
        said.append(
            f"{_p(found, 0.5):.0f} ({found[0]:.0f} to {found[-1]:.0f})" if len(found) > 1 else f"{found[0]:.0f}"
        )
    return " / ".join(said) + f" ms in {len(turns)} turns"


async def _connections(it: System) -> float:
    return await _metric(it, "strainwatch_notify_connections")


async def _restarted(it: System) -> float:
    seconds = await it.services["notify"].terminate()
    it.services["notify"].start()
    await it.services["notify"].answers()
    return seconds
