"""The tallies of a minute that is over, in the names of the contract."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.floor import Floor
from services.scoring.core.issue_rows import DAY_MS, REPEAT_DAYS
from services.scoring.core.report_values import unit_values
from services.scoring.core.teams import there
from shared.contract.rows import STATE_CODES
from shared.contract.signal_columns import column
from shared.contract.tallies import (
    COUNTERS,
    GROUP_MIN,
    QUEUE_COUNTERS,
    IssueTallies,
    People,
    QueueTallies,
    Tallies,
    TallyRows,
)

Rows = NDArray[np.intp]

MINUTE_MS = 60_000
USUAL_CONTACTS_MIN = 20
"""Contacts of the seven days before that an issue needs for its usual repeats: fewer are chance. Product choice."""
_BREAK = STATE_CODES["break"]
_LIST_MASK, _DEPARTMENT_MASK = (1 << 24) - 1, (1 << 16) - 1
_OFFERED = COUNTERS.index("offered")


def minute_tallies(floor: Floor, at_ms: int) -> list[Tallies]:
    """What was counted since the minute before, by tenant; nothing while the minute is open."""
    tallies = floor.tallies
    if tallies.since_ms < 0 or at_ms // MINUTE_MS == tallies.since_ms // MINUTE_MS:
        return []
    minute = _Minute(floor, at_ms)
    out = [minute.of(t) for t in range(len(floor.registers.tenants.text))]
    tallies.open(at_ms)
    return out


class _Minute:
    """All that is read once for all tenants."""

    def __init__(self, floor: Floor, at_ms: int) -> None:
        self._floor, self._at_ms = floor, at_ms
        of = floor.tallies
        order = np.argsort(of.key[: of.n])
        key = of.key[: of.n][order].astype(np.int64)
        self._counts = of.counts[: of.n][order]
        group = (key >> 40) - 1
        self._issue = ((key >> 16) & _LIST_MASK) - 1
        self._department = (key & _DEPARTMENT_MASK) - 1
        names, n = floor.registers, floor.queues.n
        self._tenant_of_queue = floor.queues.tenant[:n]
        self._tenant_of_issue = np.array(names.issues.tenant, np.int64)
        self._team = np.where(group % 2 == 1, group // 2, 0)
        of_team = np.array(names.teams.tenant, np.int64)
        self._tenant_of_row = group // 2
        self._tenant_of_row[self._team > 0] = of_team[self._team[self._team > 0] - 1]
        self._counts_of_queues = np.zeros((n, len(QUEUE_COUNTERS)))
        self._counts_of_queues[: of.queues.n] = of.queues.counts[: of.queues.n]
        self._strained = np.zeros(n, bool)
        if n:
            self._strained = (
                floor.judge_queues(np.arange(n), at_ms, drivers=False)[1] >= floor.tuning.queues.alert_line[:n]
            )
        self._of_queues, self._of_issues = (
            np.concatenate([sums, np.zeros((max(count - len(sums), 0), 2))])
            for sums, count in zip(of.compared, (n, len(names.issues.text)), strict=True)
        )
        self._came = np.zeros(len(names.issues.text))
        known = self._issue >= 0
        np.add.at(self._came, self._issue[known], self._counts[known, _OFFERED])
        self._agents = np.flatnonzero(there(floor.agents, at_ms))
        self._loads = floor.judge_agents(self._agents, at_ms, drivers=False)[2] if self._agents.size else np.zeros(0)

    def of(self, tenant: int) -> Tallies:
        """The minute of one tenant."""
        floor, names = self._floor, self._floor.registers
        text = names.tenants.text[tenant]
        r = np.flatnonzero(self._tenant_of_row == tenant)
        queues = np.flatnonzero(self._tenant_of_queue == tenant)
        told = np.zeros(self._came.size, bool)
        told[self._issue[r][self._issue[r] >= 0]] = True
        issues = np.flatnonzero((self._tenant_of_issue == tenant) & (told | (self._of_issues[:, 1] > 0.0)))
        departments = np.unique(self._department[r])
        departments = departments[departments >= 0]
        teams = np.unique(np.concatenate([floor.queues.team[queues], self._team[r]]))
        teams = teams[teams > 0]
        return Tallies(
            tenant=text,
            from_ms=floor.tallies.since_ms,
            to_ms=self._at_ms,
            zone=floor.parameters.zone(text),
            values=unit_values(floor.parameters.document, text),
            teams=[names.teams.text[code - 1] for code in teams.tolist()],
            departments=[names.departments.text[code] for code in departments.tolist()],
            queues=self._queues(queues, teams),
            issues=self._issues(issues),
            rows=TallyRows(
                team=column(_places(teams, self._team[r], none=0), "i4"),
                issue=column(_places(issues, self._issue[r]), "i4"),
                department=column(_places(departments, self._department[r]), "i4"),
                counters=list(COUNTERS),
                counts=column(self._counts[r].T, "f4"),
            ),
            people=self._people(tenant, text),
        )

    def _queues(self, queues: Rows, teams: NDArray[np.int64]) -> QueueTallies:
        floor = self._floor
        return QueueTallies(
            ids=[floor.registers.queues.text[q] for q in queues.tolist()],
            team=column(_places(teams, floor.queues.team[queues], none=0), "i4"),
            over_line=column(self._strained[queues], "u1"),
            goal=column(floor.tuning.queues.goal[queues], "f4"),
            arrived=column(self._of_queues[queues, 0], "f4"),
            usual=column(self._of_queues[queues, 1], "f4"),
            counters=list(QUEUE_COUNTERS),
            counts=column(self._counts_of_queues[queues].T, "f4"),
        )

    def _issues(self, issues: Rows) -> IssueTallies:
        return IssueTallies(
            ids=[self._floor.registers.issues.text[i] for i in issues.tolist()],
            mentioned=column(self._of_issues[issues, 0], "f4"),
            usual=column(self._of_issues[issues, 1], "f4"),
            usual_repeats=column(self._usual_repeats(issues), "f4"),
        )

    def _usual_repeats(self, issues: Rows) -> Floats:
        """Part of the contacts of the seven days before today (UTC) that were repeats; NaN while too little is known.

        Only of issues that came up: nobody asks for the others.
        """
        out = np.full(issues.size, np.nan)
        causes, watched = self._floor.surges.causes, self._floor.surges.issues
        asked = np.flatnonzero(self._came[issues] > 0.0)
        rows = watched.row[issues[asked]]
        asked, rows = asked[rows >= 0], rows[rows >= 0]
        today = self._at_ms // DAY_MS
        meant = (causes.day[rows] >= today - REPEAT_DAYS) & (causes.day[rows] < today)
        contacts = np.where(meant, causes.contacts[rows], 0.0).sum(1)
        repeats = np.where(meant, causes.repeats[rows], 0.0).sum(1)
        enough = contacts >= USUAL_CONTACTS_MIN
        out[asked[enough]] = np.minimum(repeats[enough] / contacts[enough], 1.0)
        return out

    def _people(self, tenant: int, text: str) -> list[People]:
        floor, agents = self._floor, self._floor.agents
        here = agents.tenant[self._agents] == tenant
        rows = self._agents[here]
        line = floor.parameters.scope(text).alerts["agent.strain"]["open_line"]
        over, resting = self._loads[here] >= line, agents.state[rows] == _BREAK
        team = agents.team[rows]
        groups: list[tuple[str | None, NDArray[np.bool_]]] = [(None, np.ones(rows.size, bool))]
        groups += [(floor.registers.teams.text[code - 1], team == code) for code in np.unique(team).tolist()]
        return [
            People(name, int(group.sum()), int(over[group].sum()), int(resting[group].sum()))
            for name, group in groups
            if group.sum() >= GROUP_MIN
        ]


def _places(kept: NDArray[np.integer], codes: NDArray[np.integer], none: int = -1) -> NDArray[np.intp]:
    """Places from 1 in what is kept, ascending; 0 for none."""
    return np.where(codes == none, 0, np.searchsorted(kept, codes) + 1)
