"""What is processed about one agent, out of the log alone: its last checkpoint and what came since, and all streams."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from services.notify.core.stored import stored_about_an_agent
from services.scoring.checkpoint import FAILURES_MAX
from services.scoring.core.agent_drivers import AGENT_DRIVERS
from services.scoring.core.agent_table import D
from services.scoring.core.baseline import STEPS
from services.scoring.core.engine import Engine
from services.scoring.core.report import agents_at, team_name
from services.scoring.place import as_applied
from shared.contract.audit import decode_audit
from shared.contract.entries import START, EntryId, Events, parse_entry
from shared.contract.events import STATES, rfc3339
from shared.contract.keys import partition_of
from shared.contract.minutes import Course, decode_minute, minute_head
from shared.contract.rows import describe
from shared.contract.signals import BadSignals
from shared.log import Log, Retention
from tools.agent_words import DRIVERS, STRAIN

PAGE = 500


class UnknownAgent(ValueError):
    """Nothing is known under that name."""

    def __init__(self, tenant: str, agent: str) -> None:
        super().__init__(
            f"Nothing is known of an agent {agent!r} in tenant {tenant!r}: no event of the last hours names one. Look "
            "for the id that your ACD sends (strainwatch log tail), and give --tenant where there are several."
        )


async def engine_now(log: Log, partition: int) -> Engine:
    """The engine as it stands at the end of the log. Raises LogUnavailable, ValueError."""
    checkpoint = await log.load_checkpoint(partition)
    engine = Engine.restore(checkpoint.state if checkpoint else None, marks="none")
    skip = {position for position, number in (await log.failures(partition)).items() if number >= FAILURES_MAX}
    after = EntryId(max(0, engine.recall_from_ms - 1), 0)
    while entries := await log.read(partition, after, count=PAGE):
        for entry in entries:
            if entry.id <= engine.position:
                engine.recall(as_applied(entry, skip))
            else:
                engine.step(as_applied(entry, skip))
        after = entries[-1].id
    return engine


async def agent_data(log: Log, tenant: str, agent: str, kept: Retention | None = None) -> dict[str, Any]:
    """Everything about one agent, ready for JSON. Raises UnknownAgent, LogUnavailable."""
    partition = partition_of(tenant, log.partitions)
    engine = await engine_now(log, partition)
    at_ms = engine.position.ms
    number = engine.floor.registers.tenants.find(0, tenant)
    row = None if number is None else engine.floor.registers.agents.find(number, agent)
    if row is None:
        raise UnknownAgent(tenant, agent)
    return {
        "agent": agent,
        "tenant": tenant,
        "at": rfc3339(at_ms),
        "now": _now(engine, row, at_ms),
        "formula": {"text": STRAIN[0], "text_zh": STRAIN[1]},
        "drivers": _drivers(engine, tenant, row, at_ms),
        "state": _state(engine, row),
        "own_handle_times": _handle_times(engine, row),
        "served_queues": _served(engine, row),
        "minutes": await _minutes(log, partition, tenant, agent),
        "alerts": await _alerts(log, partition, tenant, agent),
        "events": await _events(log, partition, tenant, agent),
        "audit": await _audit(log, partition, tenant, agent),
        "kept": msgspec.to_builtins(stored_about_an_agent(kept or Retention())),
        "automated_decisions": "none",
    }


def _now(engine: Engine, row: int, at_ms: int) -> dict[str, Any]:
    floor = engine.floor
    (judged,), _ = agents_at(floor, np.array([row]), at_ms)
    state = int(floor.agents.state[row])
    return {
        "strain": judged.strain,
        "team": team_name(floor, int(floor.agents.team[row])),
        "state": STATES[state - 1] if state else None,
        "drivers": msgspec.to_builtins(judged.drivers),
    }


def _drivers(engine: Engine, tenant: str, row: int, at_ms: int) -> list[dict[str, Any]]:
    floor = engine.floor
    number = floor.registers.agents.tenant[row]
    parameters = engine.floor.parameters.scope(tenant).agent
    return [
        {
            "name": driver.name,
            "unit": driver.unit,
            "on": bool(floor.sources[number] & driver.source),
            "formula": DRIVERS[driver.name][0],
            "formula_zh": DRIVERS[driver.name][1],
            "parameters": dict(parameters[driver.name]),
            "fast": float(floor.agents.fast[row, d]),
            "slow": float(floor.agents.slow[row, d]),
            "last_measured": None if np.isnan(floor.agents.last[row, d]) else float(floor.agents.last[row, d]),
        }
        for d, driver in enumerate(AGENT_DRIVERS)
    ]


def _state(engine: Engine, row: int) -> dict[str, Any]:
    """The rest of the agent's row, column by column."""
    agents = engine.floor.agents
    plain = {name: getattr(agents, name)[row].item() for name, (_, _, width) in agents.columns.items() if width != D}
    return plain | {
        "evidence": engine.floor.agent_evidence.of(row),
        "breaks": engine.floor.rests.of(row),
    }


def _handle_times(engine: Engine, row: int) -> list[dict[str, Any]]:
    """What the agent is compared with: how long the own last contacts took, by topic (an issue or a queue; 0: all)."""
    table = engine.floor.handle_times
    return [
        {
            "topic": int(table.topic[i]),
            "handle_times_s": [round(math.exp(value / STEPS), 1) for value in table.logs[i, : table.count[i]].tolist()],
        }
        for i in np.flatnonzero(table.agent[: table.n] == row).tolist()
    ]


def _served(engine: Engine, row: int) -> list[dict[str, Any]]:
    table, names = engine.floor.service, engine.floor.registers.queues.text
    return [
        {"queue": names[table.queue[i]], "last": rfc3339(int(table.last_ms[i]))}
        for i in np.flatnonzero(table.agent[: table.n] == row).tolist()
    ]


async def _minutes(log: Log, partition: int, tenant: str, agent: str) -> list[dict[str, Any]]:
    found, after = [], START
    while entries := await log.read_history(partition, after, count=PAGE):
        for _, data in entries:
            try:
                if minute_head(data)[0] != tenant:
                    continue
                minute = decode_minute(data)
                course = Course(minute.agents)
            except BadSignals:
                continue
            if agent in course.ids:
                found.append({"at": rfc3339(minute.at_ms), "strain": int(course.strain[course.ids.index(agent)])})
        after = entries[-1][0]
    return found


async def _alerts(log: Log, partition: int, tenant: str, agent: str) -> list[Any]:
    """Each alert about the agent at its last change."""
    found, after = dict[str, Any](), START
    while entries := await log.read_alerts(partition, after, count=PAGE):
        for _, data in entries:
            alert = msgspec.json.decode(data)
            if alert["tenant"] == tenant and alert["subject"] == {"type": "agent", "id": agent}:
                found[alert["id"]] = alert
        after = entries[-1][0]
    return list(found.values())


async def _events(log: Log, partition: int, tenant: str, agent: str) -> list[dict[str, Any]]:
    found, after = [], START
    while entries := await log.read(partition, after, count=PAGE):
        for entry in entries:
            try:
                body = parse_entry(entry.fields)
            except ValueError:
                continue  # set aside by the engine too
            if isinstance(body, Events):
                told = (describe(body.block, row) for row in range(body.block.n))
                found += [event for event in told if event["tenant"] == tenant and event.get("agent") == agent]
        after = entries[-1].id
    return found


async def _audit(log: Log, partition: int, tenant: str, agent: str) -> list[Any]:
    found, after = [], START
    while entries := await log.read_audit(partition, after, count=PAGE):
        for _, data in entries:
            try:
                record = decode_audit(data)
            except ValueError:
                continue
            if record.tenant == tenant and record.subject.type == "agent" and record.subject.id == agent:
                found.append(msgspec.to_builtins(record))
        after = entries[-1][0]
    return found
