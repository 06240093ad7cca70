"""What is live never goes, however old it is; and who was away while changes went is told so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from scoring_kit import BUSY_MS, EAGER, QUICK, alerts_of, busy_stretch, feed, running, scored, settings_from, until

from services.notify.core.scope import Scope
from services.notify.hub import Hub
from services.scoring.core.care import RENEWED_AFTER_MS
from shared.clock import ManualClock
from shared.contract.alerts import LIVE_PHASES
from shared.contract.entries import START, EntryId, tick_fields
from shared.log import Publication, Published, Retention
from shared.log_memory import MemoryLog

DAY_S = 86_400


@pytest.mark.asyncio
async def test_alerts_that_live_for_weeks_are_never_trimmed_and_the_log_stays_short() -> None:
    clock = ManualClock(BUSY_MS[0])
    log = MemoryLog(clock=clock)
    async with running(log, clock, settings=settings_from(EAGER), timing=QUICK):
        await scored(log, await feed(log, clock, busy_stretch()))
        live = live_ids(await alerts_of(log))
        assert live
        first, _ = (await log.read_alerts(0, START, count=1))[0]
        for _ in range(20):  # a clock gap each time, in which no hold runs: what is live stays so
            for step_s in (DAY_S, 61):
                clock.step(step_s)
                last = await log.append(0, tick_fields(clock.now_ms()))
            await scored(log, last)

        async def trimmed() -> bool:
            clock.step(1)
            await log.append(0, tick_fields(clock.now_ms()))
            return (await log.state(0)).alerts_first > EntryId(clock.now_ms() - 8 * DAY_S * 1000, 0)

        await until(trimmed)
        assert (await log.state(0)).alerts_first > first
        assert live_ids(await alerts_of(log)) == live
        assert Retention().alerts_ms / 2 > RENEWED_AFTER_MS


@pytest.mark.asyncio
async def test_an_owner_whose_clock_is_days_ahead_trims_nothing_young() -> None:
    clock, ahead = ManualClock(BUSY_MS[0]), ManualClock(BUSY_MS[0] + 30 * DAY_S * 1000)
    log = Trimmed(clock=clock)
    async with running(log, ahead, settings=settings_from(EAGER), timing=QUICK):
        await scored(log, await feed(log, clock, busy_stretch()))
        done = log.trims
        while log.trims < done + 3:
            clock.step(1)
            await scored(log, await log.append(0, tick_fields(clock.now_ms())))
        assert log.minutes > 10
        assert len(await log.read_history(0, START)) == log.minutes
        assert len(await alerts_of(log)) == log.changes


class Trimmed(MemoryLog):
    """Counts how often it was trimmed, and what was published."""

    trims = changes = minutes = 0

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """See Log."""
        done = await super().publish(partition, generation, publication)
        self.changes += done.appended
        self.minutes += len(publication.history)
        return done

    async def trim(self, *args: Any, **given: Any) -> None:
        """See Log."""
        await super().trim(*args, **given)
        self.trims += 1


def live_ids(alerts: list[bytes]) -> set[str]:
    """Of those that the log still has, by their last change."""
    newest = {alert["id"]: alert["phase"] for alert in map(json.loads, alerts)}
    return {id_ for id_, phase in newest.items() if phase in LIVE_PHASES}


@pytest.mark.asyncio
async def test_who_comes_back_after_all_changes_were_trimmed_is_told_that_some_are_missing() -> None:
    clock = ManualClock()
    log = MemoryLog(clock=clock)
    generation = await log.claim(0, "scorer", ttl_ms=10**9)
    assert generation is not None
    at = [EntryId(clock.now_ms() + n, 0) for n in range(3)]
    await log.publish(0, generation, Publication(at[-1], [(position, b"{}") for position in at]))
    hub = Hub(log, clock, CollectorRegistry())
    await hub.start()
    try:
        partition = hub.partition("demo")
        assert await partition.history(at[0], 10) is not None
        await log.trim(0, generation, now_ms=clock.now_ms() + 30 * DAY_S * 1000, keep_from=START)
        assert await partition.history(at[0], 10) is None, "two changes after it are gone"
        assert await partition.history(at[-1], 10) == [], "after the last one, nothing is missing"
        assert hub.tenant("demo").alerts.live(Scope.of("demo", ["*"], "lead")) == []
    finally:
        await hub.stop()


@pytest.mark.asyncio
async def test_a_reader_that_slept_while_changes_were_trimmed_reads_everything_anew() -> None:
    clock = ManualClock()
    log = MemoryLog(clock=clock)
    generation = await log.claim(0, "scorer", ttl_ms=10**9)
    assert generation is not None
    hub = Hub(log, clock, CollectorRegistry())
    first, missed, last = (EntryId(clock.now_ms() + n * DAY_S * 1000, 0) for n in (0, 5, 30))
    await log.publish(0, generation, Publication(first, [(first, b"{}")]))
    await hub.start()
    replaced = []
    hub.replaced = replaced.append  # type: ignore[method-assign, assignment]
    try:
        # All of it between two of its turns, as for a process that was stopped.
        await log.publish(0, generation, Publication(missed, [(missed, b"{}")]))
        await log.trim(0, generation, now_ms=missed.ms + 8 * DAY_S * 1000, keep_from=START)
        await log.publish(0, generation, Publication(last, [(last, b"{}")]))
        await until(lambda: hub.top(0) == last)
        assert len(replaced) == 1
    finally:
        await hub.stop()
