"""To forget an agent, and to see what is processed about one: by the functions of the commands, with a scorer."""

from __future__ import annotations

import json

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from scoring_kit import BUSY_MS, EAGER, QUICK, alerts_of, busy_stretch, feed, running, scored, settings_from, until

from services.notify.core.scope import Scope
from services.notify.hub import Hub
from services.scoring.core.agent_drivers import AGENT_DRIVERS
from shared.clock import ManualClock
from shared.contract.entries import START, parse_entry, tick_fields
from shared.contract.keys import partition_of
from shared.log import Log, Retention
from shared.log_memory import MemoryLog
from tools.agent_data import UnknownAgent, agent_data, engine_now
from tools.agent_words import DRIVERS
from tools.forget import forget_agent
from tools.log_export import export_log
from tools.replay import replay
from tools.replay_input import exported_entries

TENANT = "demo"
assert partition_of(TENANT, 1) == 0


async def busiest_agent(log: Log) -> str:
    """Of those with an alert, as the events name them."""
    named = [json.loads(data)["subject"] for data in await alerts_of(log)]
    return next(subject["id"] for subject in named if subject["type"] == "agent")


async def all_that_is_there(log: MemoryLog) -> dict[str, bytes]:
    """Every stream of the partition, and the checkpoint."""
    part = log._parts[0]
    return {
        "checkpoint": part.checkpoint.state if part.checkpoint else b"",
        "events": b"".join(value for fields in part.events.values for value in fields.values()),
        **{name: b"".join(getattr(part, name).values) for name in ("alerts", "signals", "history", "rejects", "audit")},
    }


@pytest.mark.asyncio
async def test_after_forgetting_and_the_retention_no_trace_of_the_agent_is_left() -> None:
    clock = ManualClock(BUSY_MS[0])
    log = MemoryLog(clock=clock, retention=Retention(events_ms=0, alerts_ms=0, history_ms=0, rejects_ms=0, audit_ms=0))
    async with running(log, clock, settings=settings_from(EAGER), timing=QUICK):
        last = await feed(log, clock, busy_stretch())
        await scored(log, last)
        agent = await busiest_agent(log)
        told = await forget_agent(log, TENANT, agent, wait_s=30)
        assert any("Applied" in line for line in told)
        assert agent not in "".join(told), "the command's output does not keep the name either"
        with pytest.raises(UnknownAgent):
            await forget_agent(log, TENANT, agent, wait_s=1)
        for _ in range(30):  # more than a day: what is live has been told again, and a restore needs no older events
            clock.step(3600)
            last = await log.append(0, tick_fields(clock.now_ms()))
        await scored(log, last)

        async def clean() -> bool:
            clock.step(1)
            await log.append(0, tick_fields(clock.now_ms()))
            return not [name for name, data in (await all_that_is_there(log)).items() if agent.encode() in data]

        await until(clean)
        hub = Hub(log, clock, CollectorRegistry())
        await hub.start()
        try:
            scope = Scope.of(TENANT, ["*"], "lead")
            await until(lambda: hub.tenant(TENANT).board.at_ms is not None)
            assert agent.encode() not in await hub.board(scope)
            assert hub.agent(TENANT, agent) is None
            listed = [change.data for change in hub.tenant(TENANT).alerts.live(scope)]
            assert not [data for data in listed if agent.encode() in data]
        finally:
            await hub.stop()


@pytest.mark.asyncio
async def test_the_log_with_the_order_in_it_exports_and_replays_byte_for_byte(tmp_path) -> None:  # type: ignore[no-untyped-def]
    clock = ManualClock(BUSY_MS[0])
    log = MemoryLog(clock=clock)
    async with running(log, clock, settings=settings_from(EAGER)):
        half = len(busy_stretch()) // 2
        await scored(log, await feed(log, clock, busy_stretch()[:half]))
        agent = await busiest_agent(log)
        await forget_agent(log, TENANT, agent, wait_s=30)
        await scored(log, await feed(log, clock, busy_stretch()[half:]))
    path = tmp_path / "log.ndjson"
    path.write_bytes(b"".join([line + b"\n" async for line in export_log(log)]))
    assert b'"f":"{' in path.read_bytes()
    judged: list[bytes] = []
    replay(exported_entries([path]), clock_gaps=True, on_alert=judged.append)
    assert judged == await alerts_of(log)
    assert any(b'"reason":"forgotten"' in data for data in judged)


@pytest.mark.asyncio
async def test_what_is_processed_about_an_agent_is_told_with_its_formulas() -> None:
    clock = ManualClock(BUSY_MS[0])
    log = MemoryLog(clock=clock)
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, busy_stretch()))
        agent = await busiest_agent(log)
    before = await log.state(0)
    found = msgspec.json.decode(msgspec.json.encode(await agent_data(log, TENANT, agent)))
    assert await log.state(0) == before, "to look changes nothing"
    assert {driver["name"] for driver in found["drivers"]} == {driver.name for driver in AGENT_DRIVERS}
    assert sum(driver["share"] for driver in found["now"]["drivers"]) == pytest.approx(found["now"]["strain"], abs=1e-9)
    assert found["alerts"]
    assert {alert["subject"]["id"] for alert in found["alerts"]} == {agent}
    assert found["events"]
    assert {event["agent"] for event in found["events"]} == {agent}
    assert found["minutes"]
    assert found["own_handle_times"][0]["handle_times_s"]
    others = {n for n in (await engine_now(log, 0)).floor.registers.agents.text if n != agent}
    text = json.dumps(found)
    assert not [name for name in others if f'"{name}"' in text], "nothing of anybody else"


@pytest.mark.asyncio
async def test_an_agent_nobody_knows_is_told() -> None:
    log = MemoryLog(clock=ManualClock())
    with pytest.raises(UnknownAgent, match="strainwatch log tail"):
        await forget_agent(log, TENANT, "nobody", wait_s=0)
    with pytest.raises(UnknownAgent):
        await agent_data(log, TENANT, "nobody")
    assert (await log.state(0)).events_last == START


def test_every_driver_has_its_formula_in_words_with_its_own_parameters() -> None:
    assert DRIVERS.keys() == {driver.name for driver in AGENT_DRIVERS}
    for driver in AGENT_DRIVERS:
        for text in DRIVERS[driver.name]:
            named = set(text.split("`")[1::2])
            assert named <= driver.parameters.keys()
        assert driver.parameters.keys() - {"weight"} == set(DRIVERS[driver.name][0].split("`")[1::2])


def test_an_order_is_read_back() -> None:
    with pytest.raises(msgspec.ValidationError):
        parse_entry({b"f": b"{}"})
