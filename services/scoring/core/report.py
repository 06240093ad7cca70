"""The engine's door to the contract: alerts, boards and times in the words that clients read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core import agent_table as ags
from services.scoring.core import queue_drivers as qd
from services.scoring.core import wording
from services.scoring.core.breaks import BreakList, Rule, break_list, break_minutes
from services.scoring.core.floor import Floor
from services.scoring.core.issue_mix import issue_mix
from services.scoring.core.teams import judge_team
from services.scoring.core.wording_say import suggested
from shared.contract.alerts import Alert, Change, Driver, Subject
from shared.contract.entries import START, EntryId
from shared.contract.events import STATES, rfc3339
from shared.contract.signal_columns import column, driver_columns, minutes_column
from shared.contract.signals import (
    AgentColumns,
    BreakColumns,
    DriverShare,
    IssueColumns,
    QueueColumns,
    TenantSignals,
)
from shared.contract.tallies import Tallies

Rows = NDArray[np.intp]

_AGENT_NAMES, _AGENT_UNITS = [d.name for d in ad.AGENT_DRIVERS], [d.unit for d in ad.AGENT_DRIVERS]
_QUEUE_NAMES, _QUEUE_UNITS = [d.name for d in qd.QUEUE_DRIVERS], [d.unit for d in qd.QUEUE_DRIVERS]
_SERVICE_LEVEL = _QUEUE_NAMES.index("service_level")


@dataclass(slots=True)
class Report:
    """What one entry caused."""

    position: EntryId = START
    alerts: list[tuple[EntryId, bytes]] = field(default_factory=list)
    signals: list[TenantSignals] = field(default_factory=list)
    tallies: list[Tallies] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    gap_ms: int = 0

    def count(self, **numbers: int) -> None:
        """Add to the counts; what did not happen is not listed."""
        for name, number in numbers.items():
            if number:
                self.counts[name] = self.counts.get(name, 0) + number


def _or_none(value: float) -> float | None:
    return value if value == value else None


@dataclass(frozen=True, slots=True)
class Judged:
    """One subject at one moment: strain, and the drivers that have a share, largest first."""

    strain: float
    drivers: list[DriverShare]


def agents_at(floor: Floor, r: Rows, at_ms: int) -> tuple[list[Judged], ags.JudgedAgents]:
    """Agent rows at a moment."""
    moved, level, strain = floor.judge_agents(r, at_ms)
    return _judged(ad.AGENT_DRIVERS, level, strain, moved.value), moved


def queues_at(floor: Floor, r: Rows, at_ms: int) -> list[Judged]:
    """Queue rows at a moment."""
    judged, strain = floor.judge_queues(r, at_ms)
    assert judged.value is not None
    return _judged(qd.QUEUE_DRIVERS, judged.level, strain, judged.value)


def team_at(floor: Floor, row: int, at_ms: int) -> Judged:
    """A team at a moment: the mean of its agents; strain 0 without drivers for a group too small to be shown."""
    judged = judge_team(floor, row, at_ms)
    if judged is None:
        return Judged(0.0, [])
    return _judged(ad.AGENT_DRIVERS, judged.share[None], np.array([judged.strain]), judged.value[None])[0]


def _judged(
    drivers: tuple[ad.AgentDriver, ...] | tuple[qd.QueueDriver, ...],
    level: NDArray[np.float64],
    strain: NDArray[np.float64],
    value: NDArray[np.float64],
) -> list[Judged]:
    out = []
    # Plain numbers: an alert asks for one row, which NumPy would take longer to share out than to judge.
    for row_strain, row_whole, row_level, row_value in zip(
        strain.tolist(), level.sum(axis=-1).tolist(), level.tolist(), value.tolist(), strict=True
    ):
        per_level = row_strain / row_whole if row_whole > 0.0 else 0.0
        share = [one * per_level for one in row_level]
        named = [
            DriverShare(drivers[d].name, share[d], _or_none(row_value[d]), drivers[d].unit)
            for d in sorted(range(len(share)), key=share.__getitem__, reverse=True)
            if share[d] > 0.0
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


def settled_alert(
    kind: str, tenant: str, team: str | None, subject: Subject, title: wording.Texts, action: str, at_ms: int
) -> Alert:
    """What lasted and is the usual now: a notice that is over as it is told. The desk gives it its id."""
    at = rfc3339(at_ms)
    return Alert(
        id="",
        kind=kind,  # type: ignore[arg-type]
        severity="notice",
        phase="resolved",
        tenant=tenant,
        team=team,
        subject=subject,
        strain=0.0,
        title=title[0],
        title_zh=title[1],
        drivers=[],
        evidence=[],
        action=suggested(action),
        opened_at=at,
        updated_at=at,
        owner=None,
        history=[Change(at=at, phase="resolved", severity="notice", reason="settled")],
    )


def board(floor: Floor, at_ms: int, last_event_ms: list[int], rule: Rule) -> list[TenantSignals]:
    """Signals of every tenant at a moment. All rows are judged at once; each tenant takes its own.

    `rule` is the desk's for agents, by row.
    """
    tenants = floor.registers.tenants.text
    queue_rows = _rows_by_tenant(floor.queues.tenant[: floor.queues.n], len(tenants))
    agent_rows = _rows_by_tenant(floor.agents.tenant[: floor.agents.n], len(tenants))
    queues = _QueueBoard(floor, at_ms) if floor.queues.n else None
    agents = _AgentBoard(floor, at_ms, rule) if floor.agents.n else None
    out = []
    for t, tenant in enumerate(tenants):
        q, a = queue_rows[t], agent_rows[t]
        if (free := floor.agent_names.free(t)).size:
            a = np.setdiff1d(a, free, assume_unique=True)  # nobody's rows
        teams = _Teams(floor, floor.queues.team[q], floor.agents.team[a])
        out.append(
            TenantSignals(
                tenant=tenant,
                at_ms=at_ms,
                position="",
                teams=teams.names,
                states=list(STATES),
                queues=_NO_QUEUES if queues is None else queues.columns(q, teams),
                agents=_NO_AGENTS if agents is None else agents.columns(a, teams),
                last_event_ms=last_event_ms[t] or None,
                drivers_off=_off(floor.sources[t]),
                breaks=_NO_BREAKS if agents is None else agents.breaks(t, a, q),
            )
        )
    return out


class _Teams:
    """The teams that some rows name, numbered from 1 without a gap; 0 stays 0."""

    def __init__(self, floor: Floor, *codes: NDArray[np.int32]) -> None:
        used = np.flatnonzero(np.bincount(np.concatenate(codes), minlength=1)[1:]) + 1
        self._place = np.zeros(int(used[-1]) + 1 if used.size else 1, np.int32)
        self._place[used] = np.arange(1, used.size + 1)
        self.names = [floor.registers.teams.text[code - 1] for code in used.tolist()]

    def column(self, codes: NDArray[np.int32]) -> bytes:
        return column(self._place[codes], "i4")


class _QueueBoard:
    """All queues at a moment."""

    def __init__(self, floor: Floor, at_ms: int) -> None:
        self._judged, self._strain = floor.judge_queues(np.arange(floor.queues.n), at_ms)
        assert self._judged.value is not None
        self._share, self._value = ags.shares(self._judged.level, self._strain), self._judged.value
        self._ids, self._team = floor.registers.queues.text, floor.queues.team
        self._mix, self._issues = issue_mix(floor.surges, floor.queues.n, at_ms), floor.registers.issues.text
        # None there is one thing, and never having heard of anybody is another: the column says -1 for that.
        heard_of = np.isfinite(floor.queues.observed_agents[: floor.queues.n])
        heard_of[floor.service.queue[: floor.service.n]] = True
        self._agents = np.where(heard_of, self._judged.agents, -1.0)

    def columns(self, r: Rows, teams: _Teams) -> QueueColumns:
        """Of one tenant's rows."""
        return QueueColumns(
            ids=_names(self._ids, r),
            team=teams.column(self._team[r]),
            strain=column(self._strain[r], "f8"),
            drivers=driver_columns(_QUEUE_NAMES, _QUEUE_UNITS, self._share[r], self._value[r]),
            waiting=column(self._judged.waiting[r], "i4"),
            longest_wait_s=column(self._judged.longest_s[r], "f8"),
            predicted_wait_s=column(self._judged.predicted_s[r], "f8"),
            agents=column(self._agents[r], "i4"),
            service_level=column(self._value[r, _SERVICE_LEVEL], "f8"),
            issues=self._issue_columns(r),
        )

    def _issue_columns(self, r: Rows) -> IssueColumns:
        mix = self._mix
        counts = mix.start[r + 1] - mix.start[r]
        number = int(counts.sum())
        if not number:
            return IssueColumns()
        pick = np.repeat(mix.start[r] - (np.cumsum(counts) - counts), counts) + np.arange(number)
        used, codes = np.unique(mix.issue[pick], return_inverse=True)
        names = [self._issues[issue] for issue in used.tolist()]
        return IssueColumns(names, column(counts, "u1"), column(codes, "i4"), column(mix.percent[pick], "f4"))


class _AgentBoard:
    """All agents at a moment."""

    def __init__(self, floor: Floor, at_ms: int, rule: Rule) -> None:
        table, n = floor.agents, floor.agents.n
        moved, level, self._strain = floor.judge_agents(np.arange(n), at_ms)
        self._share, self._value = ags.shares(level, self._strain), moved.value
        self._state = table.state[:n]
        self._state_since_s = np.where(self._state > 0, (at_ms - table.state_ms[:n]) / 1000.0, np.nan)
        self._since_break_s = np.where(table.said_state[:n], moved.work_s, np.nan)
        self._ids, self._team = floor.registers.agents.text, table.team
        self._break_min = break_minutes(moved, table.tenant[:n], floor.tuning.agents, rule)
        self._due = break_list(floor, moved, self._break_min, at_ms, rule)

    def columns(self, r: Rows, teams: _Teams) -> AgentColumns:
        """Of one tenant's rows."""
        return AgentColumns(
            ids=_names(self._ids, r),
            team=teams.column(self._team[r]),
            strain=column(self._strain[r], "f8"),
            drivers=driver_columns(_AGENT_NAMES, _AGENT_UNITS, self._share[r], self._value[r]),
            state=column(self._state[r], "u1"),
            state_since_s=column(self._state_since_s[r], "f8"),
            since_break_s=column(self._since_break_s[r], "f8"),
            break_min=minutes_column(self._break_min[r]),
        )

    def breaks(self, t: int, agents: Rows, queues: Rows) -> BreakColumns:
        """Of one tenant, whose rows are these."""
        due: BreakList = self._due
        first, last = np.searchsorted(due.tenant, [t, t + 1])
        if first == last:
            return _NO_BREAKS
        begin, end = due.start[first], due.start[last]
        return BreakColumns(
            agent=column(np.searchsorted(agents, due.agent[first:last]), "i4"),
            minutes=column(due.minutes[first:last], "u1"),
            counts=column(np.diff(due.start[first : last + 1]), "u1"),
            queue=column(np.searchsorted(queues, due.queue[begin:end]), "i4"),
            cost_s=column(due.cost_s[begin:end], "f8"),
        )


_NO_DRIVERS = driver_columns([], [], np.empty((0, 0)), np.empty((0, 0)))
_NO_QUEUES = QueueColumns([], b"", b"", _NO_DRIVERS, b"", b"", b"", b"")
_NO_AGENTS = AgentColumns([], b"", b"", _NO_DRIVERS, b"", b"", b"")
_NO_BREAKS = BreakColumns()


def _names(text: list[str], r: Rows) -> list[str]:
    return text[:] if r.size == len(text) else [text[row] for row in r.tolist()]


def _rows_by_tenant(tenant: NDArray[np.int32], tenants: int) -> list[Rows]:
    """The rows of each tenant, ascending."""
    order = np.argsort(tenant, kind="stable")
    return np.split(order, np.cumsum(np.bincount(tenant, minlength=tenants))[:-1])


def team_name(floor: Floor, code: int) -> str | None:
    """Name of a team code, None for 0."""
    return floor.registers.teams.text[code - 1] if code else None


def _off(sources: int) -> list[str]:
    return [f"agent.{d.name}" for d in ad.AGENT_DRIVERS if not sources & d.source] + [
        f"queue.{d.name}" for d in qd.QUEUE_DRIVERS if not sources & d.source
    ]
