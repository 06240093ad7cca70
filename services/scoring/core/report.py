"""The engine's door to the contract: alerts, boards and times in the words that clients read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core import agent_strain as ags
from services.scoring.core import queue_drivers as qd
from services.scoring.core import wording
from services.scoring.core.floor import Floor
from shared.contract.alerts import Driver
from shared.contract.entries import START, EntryId
from shared.contract.events import STATES
from shared.contract.signals import AgentSignal, DriverShare, QueueSignal, TenantSignals

Rows = NDArray[np.intp]


@dataclass(slots=True)
class Report:
    """What one entry caused."""

    position: EntryId = START
    alerts: list[tuple[EntryId, bytes]] = field(default_factory=list)
    signals: list[TenantSignals] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    gap_ms: int = 0


def rfc3339(at_ms: int) -> str:
    """UTC with milliseconds."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def _or_none(value: float) -> float | None:
    return value if value == value else None


@dataclass(frozen=True, slots=True)
class Judged:
    """One subject at one moment: strain, and the drivers that have a share, largest first."""

    strain: float
    drivers: list[DriverShare]


def agents_at(floor: Floor, r: Rows, at_ms: int) -> tuple[list[Judged], ags.Moved]:
    """Agent rows at a moment."""
    moved, level, strain = floor.judge_agents(r, at_ms)
    return _judged(ad.AGENT_DRIVERS, level, strain, floor.agent_values(r, moved)), moved


def queues_at(floor: Floor, r: Rows, at_ms: int) -> tuple[list[Judged], list[tuple[float, float, float, float]]]:
    """Queue rows at a moment, and (waiting, longest s, predicted s, agents) of each."""
    judged, strain = floor.judge_queues(r, at_ms, with_values=True)
    assert judged.value is not None
    facts = list(
        zip(
            judged.waiting.tolist(),
            judged.longest_s.tolist(),
            judged.predicted_s.tolist(),
            judged.agents.tolist(),
            strict=True,
        )
    )
    return _judged(qd.QUEUE_DRIVERS, judged.level, strain, judged.value), facts


def _judged(
    drivers: tuple[ad.AgentDriver, ...] | tuple[qd.QueueDriver, ...],
    level: NDArray[np.float64],
    strain: NDArray[np.float64],
    value: NDArray[np.float64],
) -> list[Judged]:
    share = ags.shares(level, strain)
    order = np.argsort(-share, axis=1, kind="stable").tolist()
    out = []
    for row_strain, row_share, row_value, row_order in zip(
        strain.tolist(), share.tolist(), value.tolist(), order, strict=True
    ):
        named = [
            DriverShare(drivers[d].name, row_share[d], _or_none(row_value[d]), drivers[d].unit)
            for d in row_order
            if row_share[d] > 0.0
        ]
        out.append(Judged(row_strain, named))
    return out


def with_words(drivers: list[DriverShare]) -> list[Driver]:
    """Drivers as an alert shows them."""
    out = []
    for d in drivers:
        text, text_zh = wording.driver_text(d.name, d.value)
        out.append(Driver(d.name, d.share, d.value, d.unit, text, text_zh))
    return out


def board(floor: Floor, at_ms: int, last_event_ms: list[int]) -> list[TenantSignals]:
    """Signals of every tenant at a moment."""
    names = floor.registers
    queue_rows, agent_rows = np.arange(floor.queues.n), np.arange(floor.agents.n)
    out = [
        TenantSignals(
            tenant=tenant,
            at_ms=at_ms,
            position="",
            queues=[],
            agents=[],
            last_event_ms=last_event_ms[t] or None,
            drivers_off=_off(floor.sources[t]),
        )
        for t, tenant in enumerate(names.tenants.text)
    ]
    if queue_rows.size:
        judged_queues, facts = queues_at(floor, queue_rows, at_ms)
        for row, (judged, (waiting, longest_s, predicted_s, agents)) in enumerate(
            zip(judged_queues, facts, strict=True)
        ):
            out[names.queues.tenant[row]].queues.append(
                QueueSignal(
                    id=names.queues.text[row],
                    team=team_name(floor, int(floor.queues.team[row])),
                    strain=judged.strain,
                    drivers=judged.drivers,
                    waiting=int(waiting),
                    longest_wait_s=_or_none(longest_s),
                    predicted_wait_s=_or_none(predicted_s),
                    agents=int(agents),
                )
            )
    if agent_rows.size:
        judged_agents, moved = agents_at(floor, agent_rows, at_ms)
        state, state_ms = floor.agents.state.tolist(), floor.agents.state_ms.tolist()
        said, work_s = floor.agents.said_state.tolist(), moved.work_s.tolist()
        for row, judged in enumerate(judged_agents):
            out[names.agents.tenant[row]].agents.append(
                AgentSignal(
                    id=names.agents.text[row],
                    team=team_name(floor, int(floor.agents.team[row])),
                    strain=judged.strain,
                    drivers=judged.drivers,
                    state=STATES[state[row] - 1] if state[row] else None,
                    state_since_s=(at_ms - state_ms[row]) / 1000.0 if state[row] else None,
                    since_break_s=work_s[row] if said[row] else None,
                )
            )
    return out


def team_name(floor: Floor, code: int) -> str | None:
    """Name of a team code, None for 0."""
    return floor.registers.teams.text[code - 1] if code else None


def _off(sources: int) -> list[str]:
    return [f"agent.{d.name}" for d in ad.AGENT_DRIVERS if not sources & d.source] + [
        f"queue.{d.name}" for d in qd.QUEUE_DRIVERS if not sources & d.source
    ]
