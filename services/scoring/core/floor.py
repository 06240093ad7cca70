"""The floor: everything known about contacts, queues and agents, and how a batch of events changes it.

Order inside a batch: facts of contacts first, then what they mean for queues, then for agents. Each of the three goes
through its rows in log order. What a queue's strain adds to its agents is the strain before the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_strain as ags
from services.scoring.core import handled_feed
from services.scoring.core import queue_strain as qs
from services.scoring.core.agent_names import AgentNames
from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.agent_table import Agents, JudgedAgents
from services.scoring.core.baseline import HandleTimes
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.campaigns import Campaigns
from services.scoring.core.contacts import Contacts
from services.scoring.core.contradictions import REASONS
from services.scoring.core.decay import Floats
from services.scoring.core.evidence import Evidence, note_facts
from services.scoring.core.handle_levels import HandleLevels
from services.scoring.core.impulses import Room, impulses
from services.scoring.core.intake import Registers
from services.scoring.core.issue_ages import IssueAges
from services.scoring.core.parameters import Parameters
from services.scoring.core.patience import Patience
from services.scoring.core.pools import REFRESH_MS, SOON_MS, Pools
from services.scoring.core.queue_rows import QueueRows
from services.scoring.core.queue_table import JudgedQueues, Queues
from services.scoring.core.rests import Rests
from services.scoring.core.service import Service
from services.scoring.core.sources import sources_of
from services.scoring.core.surge_watch import SurgeWatch
from services.scoring.core.tallies import Tallies
from services.scoring.core.tuning import Tuning

Rows = NDArray[np.intp]


class Floor:
    """Tables of one partition. Rows of `agents` and `queues` are the numbers of `registers`."""

    def __init__(self) -> None:
        self.agent_names = AgentNames()
        self.registers = Registers(agents=self.agent_names)
        self.agents = Agents()
        self.queues = Queues()
        self.contacts = Contacts(self.queues)
        self._contradictions = self.agents.contradictions = self.contacts.contradictions  # counted together
        self.service = Service()
        self.pools = Pools()
        self.handle_times = HandleTimes()
        self.levels = HandleLevels()
        self.patience = Patience()
        self.issue_ages = IssueAges()
        self.agent_evidence = Evidence()
        self.queue_evidence = Evidence()
        self.rests = Rests()
        self.campaigns = Campaigns()
        self.baselines: dict[str, str] = {}  # by tenant, digest of the document that it took last
        self.surges = SurgeWatch()
        self.tallies = Tallies()
        self.parameters: Parameters  # in force; taken by `tune`
        self.sources: list[int] = []  # by tenant, bits of the drivers' sources seen so far
        self._minute_due_ms = 0
        self._soon_ms: dict[int, int] = {}  # by tenant
        self.tuning = Tuning()
        self._room = Room()
        self._facts = Facts()

    # --- parameters by row

    def tune(self, parameters: Parameters) -> None:
        """Take parameters into force for all rows."""
        self.tuning.take(parameters)
        self.parameters = parameters
        tenants = self.registers.tenants
        self.surges.tune(
            lambda tenant: parameters.scope(tenants.text[tenant]).surges["false_alarms_a_day"],
            lambda tenant, at_ms: parameters.offset_ms(tenants.text[tenant], at_ms),
        )

    def cover_tenants(self) -> None:
        """Sources for every tenant, also for one of whom no event took effect yet."""
        self.sources.extend([0] * (len(self.registers.tenants.text) - len(self.sources)))

    def cover_names(self, now_ms: int) -> None:
        """Rows for all names."""
        for table, names in ((self.agents, self.registers.agents), (self.queues, self.registers.queues)):
            if len(names.text) > table.n:
                new = table.add_many(len(names.text) - table.n)
                table.tenant[new] = names.tenant[table.n - new.size :]
        self.issue_ages.cover(self.registers.issues.tenant, now_ms)

    def retune(self) -> None:
        """Parameters anew, as what they rest on has been learnt."""
        self.tuning.forget()
        self._retune()

    def _retune(self) -> None:
        """Parameters for what is new: tenants, queues, sources."""
        if self.tuning.renew(self.registers, self.sources):
            of_queues, names = self.tuning.queues, self.registers.queues
            of_queues.patience_rate = self.patience.rates(of_queues.patience_rate, np.array(names.tenant, np.int32))
            for row, team in enumerate(self.tuning.queue_teams):
                tenant = self.registers.queues.tenant[row]
                self.queues.team[row] = 0 if team is None else self.registers.teams.row(tenant, team) + 1

    # --- judging, without changing anything

    def judge_agents(self, r: Rows, at_ms: int, *, drivers: bool = True) -> tuple[JudgedAgents, Floats, Floats]:
        """(all, levels, strain) of agent rows at a moment."""
        self._retune()
        judged = ags.judge(self.agents, r, at_ms, self.tuning.agents, drivers)
        return judged, judged.level, judged.strain

    def agent_rows(self) -> AgentRows:
        """All agents, to be judged one by one."""
        self._retune()
        return ags.rows_of(self.agents, self.tuning.agents)

    def queue_rows(self) -> QueueRows:
        """All queues, to be judged one by one."""
        self._retune()
        return qs.rows_of(self.queues, self.tuning.queues, self.pools)

    def near(self, queues: Rows) -> Rows:
        """These queues and all that share agents with them, ascending."""
        return qs.near(self.queues, queues, self.pools)

    def judge_queues(self, r: Rows, at_ms: int, *, drivers: bool = True) -> tuple[JudgedQueues, Floats]:
        """(all, strain) of queue rows at a moment."""
        self._retune()
        judged = qs.judge(self.queues, r, at_ms, self.tuning.queues, self.pools, drivers)
        return judged, judged.strain

    # --- time

    @property
    def pools_due_ms(self) -> int:
        """When `refresh` is due next."""
        return min(self._minute_due_ms, *self._soon_ms.values()) if self._soon_ms else self._minute_due_ms

    def refresh(self, at_ms: int) -> None:
        """What is recomputed once a minute: surges, pools, what is usual, forgotten contacts.

        Pools of tenants with somebody new come sooner.
        """
        tenant = self.queues.tenant[: self.queues.n]
        if self.surges.pass_time(at_ms, len(self.registers.tenants.text)):
            self._take_surges()
            self.tallies.expect(self.surges.take_compared())
        if at_ms >= self._minute_due_ms:
            self._retune()
            offsets = [self.surges.offset_ms(t, at_ms) for t in range(len(self.registers.tenants.text))]
            self.queues.usual.offset_ms[: self.queues.n] = np.array(offsets, np.int64)[tenant]
            self.queues.usual.refresh(at_ms, tenant, self.queues.above_line(at_ms, self.tuning.queues))
            self.contacts.forget(at_ms)
            self.levels.end_days(at_ms, tenant)
            if self.patience.end_days(at_ms):
                self.retune()
            self._minute_due_ms = (at_ms // REFRESH_MS + 1) * REFRESH_MS
            self._soon_ms.clear()
            due = np.ones(self.queues.n, bool)
        else:
            now = [t for t, soon_ms in self._soon_ms.items() if soon_ms <= at_ms]
            for t in now:
                del self._soon_ms[t]
            due = np.isin(tenant, now)
        self.pools.refresh(self.service, self.agents, due, at_ms)
        self._retune()
        qs.staff(self.queues, np.flatnonzero(due), at_ms, self.tuning.queues, self.pools)

    def _take_surges(self) -> None:
        """What the drivers read of them until the next minute."""
        n, of = self.queues.n, self.surges.queues
        self.queues.surge[:n] = of.value[:n]
        self.queues.surge_percent[:n] = np.nan
        for queue in np.flatnonzero(of.value[:n]).tolist():
            self.queues.surge_percent[queue] = self.surges.percent(of, queue)

    # --- events

    def apply(self, batch: Batch, now_ms: int) -> tuple[Rows, Rows]:
        """Apply a batch; the rows of agents and of queues that it touched."""
        self.cover_names(now_ms)
        self.sources[batch.tenant] |= sources_of(batch)
        self._retune()
        self.surges.begin(batch.tenant, self.registers.queues.tenant, self.registers.issues.tenant, now_ms)
        facts = self._contacts(batch, now_ms)
        self.levels.cover(self.queues.n)
        self.patience.cover(batch.tenant + 1)
        handled_feed.note(batch, facts, self.levels, self.patience)
        touched_queues = qs.apply(self.queues, batch, facts, self.tuning.queues, self.pools)
        touched_agents = self._agents(batch, facts)
        of, surges = self.registers, self.surges
        arrivals, mentions = surges.queues.evidence, surges.issues.evidence
        note_facts(batch, facts, self.queue_evidence, self.agent_evidence, arrivals, mentions, of)
        return touched_agents, touched_queues

    def _contacts(self, b: Batch, now_ms: int) -> Facts:
        facts = self._facts
        facts.make_room(b.n)
        self.contacts.take(b, facts)
        self.surges.note(b, facts, self.contacts, self.queues.strain)
        self.tallies.note(b, facts, self.contacts, self.tuning.queues.within_s, now_ms)
        return facts

    def _agents(self, b: Batch, facts: Facts) -> Rows:
        of_tenant = self.tuning.of_agents[b.tenant]
        impulses(b, facts, self.agents, self.handle_times, self.issue_ages, self.queues.strain, of_tenant, self._room)
        touched = ags.apply(self.agents, b, facts, self.tuning.agents, of_tenant)
        newest_ms = self.service.serve(b)
        if newest_ms >= 0:
            soon_ms = (newest_ms // SOON_MS + 1) * SOON_MS
            self._soon_ms[b.tenant] = min(self._soon_ms.get(b.tenant, soon_ms), soon_ms)
        return touched

    def take_contradictions(self) -> dict[str, int]:
        """How often each thing was told that cannot be, since this was asked last. See `contradictions.REASONS`."""
        counted = self._contradictions.tolist()
        if not any(counted):
            return {}
        self._contradictions[:] = 0
        return {reason: number for reason, number in zip(REASONS, counted, strict=True) if number}

    def take_team_changes(self) -> bool:
        """Whether an agent was named in another team since this was asked last."""
        changed = bool(self.agents.team_changes[0])
        self.agents.team_changes[0] = 0
        return changed

    # --- checkpoints

    _TABLES = (
        "contacts",
        "agents",
        "queues",
        "service",
        "pools",
        "handle_times",
        "issue_ages",
        "agent_evidence",
        "queue_evidence",
        "rests",
        "campaigns",
        "surges",
        "tallies",
    )
    _NAMES = ("tenants", "agents", "queues", "issues", "teams", "departments")

    def pack(self) -> dict[str, Any]:
        """All state of the floor. Of the tables themselves, `pack` is what is to be kept; see `Engine.snapshot`."""
        return {
            "tables": {name: getattr(self, name) for name in self._TABLES},
            "levels": self.levels.pack(),
            "patience": self.patience.pack(),
            "names": {name: getattr(self.registers, name).pack() for name in self._NAMES},
            "baselines": self.baselines,
            "sources": self.sources,
            "minute_due_ms": self._minute_due_ms,
            "soon_ms": self._soon_ms,
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        for name in self._TABLES:
            getattr(self, name).unpack(packed["tables"][name])
        self.levels.unpack(packed["levels"])
        self.patience.unpack(packed["patience"])
        for name in self._NAMES:
            getattr(self.registers, name).unpack(packed["names"][name])
        self.baselines = dict(packed["baselines"])
        self.sources = list(packed["sources"])
        self._minute_due_ms = packed["minute_due_ms"]
        self._soon_ms = dict(packed["soon_ms"])
        self.tuning.forget()
