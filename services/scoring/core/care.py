"""Alerts beside strain: an agent's hard streak, a break that is due, thanks; a team; a person contacted too often.

Of agents and campaigns the same holds as of strain: rows that an entry touches are judged at the entry, hot ones at
each whole second (see `engine`). Teams are judged at whole minutes only. None of these is ever suppressed.

Thanks and contacts too many are *told at one moment*; at every other moment their value is `stretches.BETWEEN`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.alert_kinds import BREAK_DUE, HARD_STREAK, OVER_CONTACT, RECOGNITION, TEAM
from services.scoring.core.alert_phases import T
from services.scoring.core.alerting import Watcher
from services.scoring.core.batch import Batch
from services.scoring.core.desk import Desk
from services.scoring.core.floor import Floor
from services.scoring.core.stretches import BETWEEN, HOT, StretchRows, first_due, heat, measure
from services.scoring.core.tables import longer
from services.scoring.core.teams import mean_strains

Rows = NDArray[np.intp]
Flags = NDArray[np.uint8]
RENEWED_AFTER_MS = 86_400_000
"""A live alert is told again after a day without a change, so that the alerts log holds it however old it is, and need
keep nothing else for its sake."""


class Care:
    """Which rows to judge when, for these kinds of one partition. Times are log times; `running_ms` leaves gaps out."""

    def __init__(self, floor: Floor, desk: Desk) -> None:
        self._floor = floor
        self._desk = desk
        self._bound: StretchRows | None = None
        self.hot_agents: Flags = np.zeros(0, np.uint8)
        self.hot_queues: Flags = np.zeros(0, np.uint8)
        self._over: Rows = np.empty(0, np.intp)  # queues with a contact too many in the entry that is being applied

    # --- entries

    def hear(self, batch: Batch) -> None:
        """Events of an entry take effect."""
        self._floor.rests.hear(batch, self._floor.agents.n)
        if batch.outbound is not None:
            over = self._floor.campaigns.hear(batch, self._desk.lines(OVER_CONTACT).open_line)
            self._over = np.union1d(self._over, over)

    def touched(self, agents: Rows, at_ms: int, running_ms: int) -> None:
        """Judge at an entry what it touched."""
        if agents.size:
            self._cover()
            due = heat(self._stretches(), agents, at_ms, self._watchers(running_ms), self.hot_agents)
            if due.size:
                self._judge(due, at_ms, running_ms)
                heat(self._stretches(), due, at_ms, self._watchers(running_ms), self.hot_agents)
        if self._over.size:
            self._cover()
            queues, self._over = self._over, np.empty(0, np.intp)
            counts = self._floor.campaigns.count[queues].astype(np.float64)
            self._desk.moment(OVER_CONTACT, queues, counts, at_ms, running_ms)
            self._heat_queues(queues, running_ms)

    # --- time

    def minute(self, at_ms: int, running_ms: int) -> None:
        """Judge what is judged once a whole minute."""
        self._desk.publish_all(at_ms, at_ms - RENEWED_AFTER_MS)
        teams = self._floor.registers.teams
        if teams.text and self._floor.agents.n:
            strains = mean_strains(self._floor, len(teams.text), at_ms)
            self._desk.moment(TEAM, np.arange(strains.size), strains, at_ms, running_ms)

    def first_due(self, first_ms: int, last_ms: int, gap_ms: int) -> int:
        """The first whole second up to `last_ms` at which anything happens to a hot row; -1 for none."""
        agents, queues = self._hot()
        if not (agents.size or queues.size):
            return -1
        running_ms = first_ms - gap_ms
        contacts = self._desk.watcher(OVER_CONTACT, running_ms)
        return first_due(
            first_ms, last_ms, gap_ms, self._stretches(), agents, self._watchers(running_ms), queues, contacts
        )

    def second(self, at_ms: int, running_ms: int) -> None:
        """Judge hot rows at a whole second."""
        agents, queues = self._hot()
        self._judge(agents, at_ms, running_ms)
        self._desk.moment(OVER_CONTACT, queues, np.full(queues.size, BETWEEN), at_ms, running_ms)

    def heat(self, at_ms: int, running_ms: int) -> None:
        """Decide anew for all rows which are hot, until the next whole minute."""
        self._cover()
        agents, queues = np.arange(self._floor.agents.n), np.arange(self._floor.queues.n)
        if agents.size:
            heat(self._stretches(), agents, at_ms, self._watchers(running_ms), self.hot_agents)
        if queues.size:
            self._heat_queues(queues, running_ms)

    # --- judging

    def _judge(self, r: Rows, at_ms: int, running_ms: int) -> None:
        if r.size == 0:
            return
        felt, worked_min = measure(self._stretches(), r, at_ms)
        well = np.full(r.size, BETWEEN)
        for i, trigger in self._desk.moment(HARD_STREAK, r, felt, at_ms, running_ms):
            if trigger is T.CALMED:  # the stretch is behind the agent: the moment to see how it went
                well[i] = self._floor.agents.hard_contacts(r[i : i + 1], at_ms)[1][0]
        self._desk.moment(BREAK_DUE, r, worked_min, at_ms, running_ms)
        self._desk.moment(RECOGNITION, r, well, at_ms, running_ms)

    def _heat_queues(self, r: Rows, running_ms: int) -> None:
        between = np.full(r.size, BETWEEN)
        self.hot_queues[r] = self._desk.hot(OVER_CONTACT, r, between, between, running_ms)

    def _hot(self) -> tuple[Rows, Rows]:
        return np.flatnonzero(self.hot_agents & HOT), np.flatnonzero(self.hot_queues)

    def _stretches(self) -> StretchRows:
        agents = self._floor.agents
        if self._bound is None or self._bound.version != agents.version:
            self._bound = StretchRows(agents)
        return self._bound

    def _watchers(self, running_ms: int) -> tuple[Watcher, Watcher, Watcher]:
        watcher = self._desk.watcher
        return watcher(HARD_STREAK, running_ms), watcher(BREAK_DUE, running_ms), watcher(RECOGNITION, running_ms)

    def _cover(self) -> None:
        self.hot_agents = longer(self.hot_agents, self._floor.agents.n)
        self.hot_queues = longer(self.hot_queues, self._floor.queues.n)

    # --- checkpoints

    def pack(self) -> dict[str, Any]:
        """All state."""
        return {"hot_agents": self.hot_agents.tobytes(), "hot_queues": self.hot_queues.tobytes()}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.hot_agents = np.frombuffer(packed["hot_agents"], np.uint8).copy()
        self.hot_queues = np.frombuffer(packed["hot_queues"], np.uint8).copy()
