"""The floor: everything known about contacts, queues and agents, and how a batch of events changes it.

Order inside a batch: facts of contacts first, then what they mean for queues, then for agents. Each of the three goes
through its rows in log order. What a queue's strain adds to its agents is the strain before the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core import agent_strain as ags
from services.scoring.core import queue_drivers as qd
from services.scoring.core import queue_strain as qs
from services.scoring.core.baseline import HandleTimes
from services.scoring.core.contacts import Contacts, Facts
from services.scoring.core.evidence import Evidence
from services.scoring.core.impulses import impulses
from services.scoring.core.intake import Batch, Registers
from services.scoring.core.parameters import Parameters
from services.scoring.core.pools import REFRESH_MS, SOON_MS, Pools, Service
from services.scoring.core.rounds import distinct, rounds
from services.scoring.core.sources import sources_of
from services.scoring.core.tuning import Tuning
from shared.contract.rows import (
    ABANDONED,
    ANSWERED,
    COMPLIMENT,
    HANDLED,
    OBSERVED,
    OFFERED,
    REPEATED,
    STATE,
    STATE_MASK,
    STATE_SHIFT,
    SUPPORTED,
)

Rows = NDArray[np.intp]

RELIEF = 0.25
"""Part of an agent's load from contacts that a lead's support or a compliment takes away. Product choice."""
_RELIEVED = [ad.HANDLE_TIME, ad.REPEAT_CALLERS, ad.COMPLAINTS, ad.EXCESS_WAIT, ad.QUEUE_PRESSURE]
_PATIENCE_COUNTS_TO_S = 3_600.0


class Floor:
    """Tables of one partition. Rows of `agents` and `queues` are the numbers of `registers`."""

    def __init__(self) -> None:
        self.registers = Registers()
        self.contacts = Contacts()
        self.agents = ags.Agents()
        self.queues = qs.Queues()
        self.service = Service()
        self.pools = Pools()
        self.handle_times = HandleTimes()
        self.agent_evidence = Evidence()
        self.queue_evidence = Evidence()
        self.sources: list[int] = []  # by tenant, bits of the drivers' sources seen so far
        self._minute_due_ms = 0
        self._soon_ms: dict[int, int] = {}  # by tenant
        self.tuning = Tuning()

    # --- parameters by row

    def tune(self, parameters: Parameters) -> None:
        """Take parameters into force for all rows."""
        self.tuning.take(parameters)

    def cover_tenants(self) -> None:
        """Sources for every tenant, also for one of whom no event took effect yet."""
        self.sources.extend([0] * (len(self.registers.tenants.text) - len(self.sources)))

    def _retune(self) -> None:
        """Parameters for what is new: tenants, queues, sources."""
        if self.tuning.renew(self.registers, self.sources):
            for row, team in enumerate(self.tuning.queue_teams):
                tenant = self.registers.queues.tenant[row]
                self.queues.team[row] = 0 if team is None else self.registers.teams.row(tenant, team) + 1

    def agent_weights(self, r: Rows) -> ags.Weights:
        """Parameters of agent rows."""
        self._retune()
        return self.tuning.agent_weights(self.agents.tenant[r])

    def queue_parameters(self, r: Rows) -> qs.QueueParameters:
        """Parameters of queue rows, which must be ascending."""
        self._retune()
        return self.tuning.queue_parameters(r)

    # --- judging, without changing anything

    def judge_agents(self, r: Rows, at_ms: Any) -> tuple[ags.Moved, NDArray[np.float64], NDArray[np.float64]]:
        """(state, levels, strain) of agent rows at `at_ms` (one time or [K, 1])."""
        w = self.agent_weights(r)
        moved = ags.move(self.agents, r, at_ms, w)
        level = ags.levels(moved, w)
        return moved, level, ags.strain(level, w.scale)

    def agent_values(self, r: Rows, moved: ags.Moved) -> NDArray[np.float64]:
        """What each driver of agent rows measures now, in its unit; NaN where nothing was measured."""
        tenant = self.agents.tenant[r]
        out = ags.values(self.agents, r, moved)
        for driver, key in ((ad.REPEAT_CALLERS, "per_contact"), (ad.COMPLAINTS, "per_complaint")):
            per_contact = np.maximum(self.tuning.agent[ad.AGENT_DRIVERS[driver].name, key][tenant], 1e-9)
            out[:, driver] = moved.slow[:, driver] / per_contact  # contacts that are still felt
        return out

    def judge_queues(self, r: Rows, at_ms: Any, *, with_values: bool = False) -> tuple[qs.Judged, NDArray[np.float64]]:
        """(drivers, strain) of ascending queue rows at `at_ms` (one time or [K, 1])."""
        p = self.queue_parameters(r)
        judged = qs.judge(self.queues, r, at_ms, p, self.pools, with_values=with_values)
        return judged, ags.strain(judged.level, p.scale)

    def queue_range(self, r: Rows, judged: qs.Judged, at_ms: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Between what the strain of queue rows, judged at `at_ms`, must stay for a minute if no event comes.

        Upwards only waiting grows by itself, the oldest contact's wait by a second each second, and what decays towards
        its assumption (handle time, patience) may raise the predicted wait by 2 % a minute.
        """
        p = self.queue_parameters(r)
        level = judged.level.copy()
        grown_s = np.fmax(judged.longest_s + 60.0 - judged.predicted_s, 0.0)
        grown = p.weight[:, qd.PREDICTED_WAIT] * grown_s / p.target_wait_s
        level[:, qd.PREDICTED_WAIT] += np.maximum(grown, 0.02 * level[:, qd.PREDICTED_WAIT])
        highest = ags.strain(level, p.scale)
        lowest = ags.strain(qs.lowest_level(judged, p), p.scale)
        # When an observation goes out of date the contacts are counted again, also for queues that share its agents.
        n = self.queues.n
        age_ms = at_ms - self.queues.observed_ms[:n]
        goes = (age_ms <= qs.OBSERVED_FOR_MS) & (age_ms > qs.OBSERVED_FOR_MS - 60_000)
        goes &= (self.queues.waiting[:n] > 0) | (self.queues.observed_waiting[:n] > 0)
        if goes.any():
            near = (goes | (self.pools.pooled(goes.astype(np.float64)) > 0.0))[r]
            lowest, highest = np.where(near, 0.0, lowest), np.where(near, 100.0, highest)
        return lowest, highest

    # --- time

    @property
    def pools_due_ms(self) -> int:
        """When `refresh` is due next."""
        return min(self._minute_due_ms, *self._soon_ms.values()) if self._soon_ms else self._minute_due_ms

    def refresh(self, at_ms: int) -> None:
        """What is recomputed once a minute: pools, forgotten contacts. Tenants with somebody new get theirs sooner."""
        tenant = self.queues.tenant[: self.queues.n]
        if at_ms >= self._minute_due_ms:
            stale = self.contacts.forget(at_ms)
            if stale:
                self._recount(np.array(sorted(set(stale)), np.intp))
            self._minute_due_ms = (at_ms // REFRESH_MS + 1) * REFRESH_MS
            self._soon_ms.clear()
            due = np.ones(self.queues.n, bool)
        else:
            now = [t for t, soon_ms in self._soon_ms.items() if soon_ms <= at_ms]
            for t in now:
                del self._soon_ms[t]
            due = np.isin(tenant, now)
        self.pools.refresh(self.service, self.agents, due, at_ms)

    # --- events

    def apply(self, batch: Batch, now_ms: int) -> tuple[Rows, Rows]:
        """Apply a batch; the rows of agents and of queues that it touched."""
        while self.agents.n < len(self.registers.agents.text):
            row = self.agents.add()
            self.agents.tenant[row] = self.registers.agents.tenant[row]
        while self.queues.n < len(self.registers.queues.text):
            row = self.queues.add()
            self.queues.tenant[row] = self.registers.queues.tenant[row]
        self._retune()
        self.sources[batch.tenant] |= sources_of(batch, self.sources[batch.tenant])
        self._retune()
        facts, of_contact = self._contacts(batch)
        touched_queues = self._queues(batch, facts, of_contact, now_ms)
        touched_agents = self._agents(batch, facts, of_contact)
        self._retune()
        return touched_agents, touched_queues

    def _contacts(self, b: Batch) -> tuple[Facts | None, Rows]:
        rows = np.flatnonzero((b.kind >= OFFERED) & (b.kind <= REPEATED))
        if rows.size == 0:
            return None, rows
        kind = b.kind[rows]
        since = b.since_previous_ms[rows].copy()
        told = kind == REPEATED
        if told.any():
            given = b.n0[rows[told]] * 1000.0
            since[told] = np.where(given == given, given, 0.0).astype(np.int64)
        wait_s = np.where(kind == HANDLED, b.n1[rows], np.where(told | (kind == OFFERED), np.nan, b.n0[rows]))
        keys = self.contacts.rows_of(b.tenant, b.contact[rows])
        agent = np.where(kind == OFFERED, -1, b.agent[rows])
        facts = self.contacts.apply(keys, kind, b.queue[rows], agent, b.at_ms[rows], wait_s, since)
        # A repeat that the ACD tells without an agent belongs to the agent who has the contact.
        orphans = np.flatnonzero(facts.repeat & (b.agent[rows] < 0))
        b.agent[rows[orphans]] = facts.agent[orphans]
        return facts, rows

    def _queues(self, b: Batch, facts: Facts | None, rows: Rows, now_ms: int) -> Rows:
        named = np.flatnonzero(b.queue >= 0)
        if named.size == 0:
            return named
        queues = self.queues
        touched = distinct(b.queue[named])
        newest = np.zeros(queues.n, np.int64)
        np.maximum.at(newest, b.queue[named], b.at_ms[named])
        fresh = touched[queues.first_ms[touched] == 0]
        queues.first_ms[fresh] = queues.t_ms[fresh] = newest[fresh]
        qs.touch(queues, touched, newest[touched])
        observed = np.flatnonzero(b.kind == OBSERVED)
        if observed.size:
            self._observe(b, observed)
        if facts is not None:
            self._queue_facts(b, facts, rows)
            left = [q for q in facts.left_queue if q >= 0]
            offered = b.queue[rows[b.kind[rows] == OFFERED]].tolist()
            self._recount(np.array(sorted({*left, *offered}), np.intp))
        kind = b.kind[named]
        evident = named[(kind == OBSERVED) | (kind == ANSWERED) | (kind == ABANDONED)]
        self.queue_evidence.note(b.queue[evident], b.ids[evident], b.id_texts)
        return touched

    def _observe(self, b: Batch, rows: Rows) -> None:
        queues = self.queues
        for i in rounds(b.queue[rows]):
            e = rows[i]
            e = e[b.at_ms[e] >= queues.observed_ms[b.queue[e]]]  # an older observation never overrides a newer one
            q = b.queue[e]
            queues.observed_ms[q] = b.at_ms[e]
            queues.observed_waiting[q] = b.n0[e]
            queues.observed_longest_s[q] = b.n1[e]
            available, busy = b.n3[e], b.n4[e]
            queues.observed_agents[q] = np.where(b.n2[e] == b.n2[e], b.n2[e], available + busy)

    def _queue_facts(self, b: Batch, facts: Facts, rows: Rows) -> None:
        queue, at_ms = b.queue[rows], b.at_ms[rows]
        has_queue = queue >= 0

        def add(mask: NDArray[np.bool_], column: int, amounts: Any) -> None:
            if mask.any():
                value = amounts[mask] if isinstance(amounts, np.ndarray) else np.full(int(mask.sum()), amounts)
                qs.add(self.queues, queue[mask], at_ms[mask], column, value)

        waited = has_queue & (facts.wait_s == facts.wait_s)
        ended = (waited & ~facts.abandoned) | (has_queue & facts.abandoned)
        wait_s = np.where(waited, facts.wait_s, 0.0)
        add(has_queue & facts.arrival, qs.ARRIVALS, 1.0)
        add(waited, qs.WAIT_SUM, wait_s)
        add(waited, qs.WAIT_COUNT, 1.0)
        add(ended, qs.ENDED, 1.0)
        if ended.any():
            within = np.zeros(rows.size, bool)
            index = np.flatnonzero(ended)
            within[index] = (wait_s[index] <= self.tuning.within_s[queue[index]]) & ~facts.abandoned[index]
            add(within, qs.WITHIN, 1.0)
        add(has_queue & facts.abandoned, qs.ABANDONED, 1.0)
        add(has_queue & facts.abandoned, qs.LEFT, 1.0)
        add(waited, qs.WAITED, np.minimum(wait_s, _PATIENCE_COUNTS_TO_S))
        handled = has_queue & facts.handled
        add(handled, qs.HANDLE_SUM, b.n0[rows])
        add(handled, qs.HANDLE_COUNT, 1.0)

    def _recount(self, queues: Rows) -> None:
        if queues.size == 0:
            return
        self.queues.waiting[queues], self.queues.oldest_ms[queues] = self.contacts.waiting_now(queues)

    def _agents(self, b: Batch, facts: Facts | None, of_contact: Rows) -> Rows:
        rows = np.flatnonzero(b.agent >= 0)
        if rows.size == 0:
            return rows
        amounts, measured, handle_s, began = impulses(
            b, facts, of_contact, self.handle_times, self.queues.strain, self.tuning
        )
        for i in rounds(b.agent[rows]):
            self._agent_round(b, rows[i], amounts, measured, handle_s, began)
        evident = rows[(amounts[rows] > 0).any(axis=1)]
        self.agent_evidence.note(b.agent[evident], b.ids[evident], b.id_texts)
        return distinct(b.agent[rows])

    def _agent_round(
        self,
        b: Batch,
        e: Rows,
        amounts: NDArray[np.float64],
        measured: NDArray[np.float64],
        handle_s: NDArray[np.float64],
        began: NDArray[np.int64],
    ) -> None:
        """One event each of different agents."""
        agents, r = self.agents, b.agent[e]
        kind, at_ms = b.kind[e], b.at_ms[e]
        new = agents.t_ms[r] == 0
        agents.t_ms[r[new]] = at_ms[new]
        w = self.agent_weights(r)
        ags.touch(agents, r, at_ms, w)
        given = amounts[e]
        if given.any():
            ags.add_impulses(agents, r, at_ms, given)
        value = measured[e]
        agents.last[r] = np.where(value == value, value, agents.last[r])

        takes = (kind == ANSWERED) | (kind == HANDLED)
        if takes.any():
            t = r[takes]
            agents.contact_ms[t] = np.maximum(agents.contact_ms[t], at_ms[takes])
            served = takes & (b.queue[e] >= 0)
            agents.queue[r[served]] = b.queue[e[served]]
            if self.service.serve(r[served], b.queue[e[served]], at_ms[served]):
                soon_ms = (int(at_ms.max()) // SOON_MS + 1) * SOON_MS
                self._soon_ms[b.tenant] = min(self._soon_ms.get(b.tenant, soon_ms), soon_ms)
            self._infer_states(b, e, r, kind, at_ms, handle_s, began)
        says = kind == STATE
        if says.any():
            self._say_states(b, e[says], r[says], at_ms[says])
        eased = (kind == SUPPORTED) | ((kind == HANDLED) & ((b.flags[e] & COMPLIMENT) != 0))
        if eased.any():
            x = r[eased][:, None]
            agents.fast[x, _RELIEVED] *= 1.0 - RELIEF
            agents.slow[x, _RELIEVED] *= 1.0 - RELIEF

    def _say_states(self, b: Batch, e: Rows, r: Rows, at_ms: NDArray[np.int64]) -> None:
        agents = self.agents
        newer = at_ms >= agents.state_ms[r]  # an older state never overrides a newer one
        e, r, at_ms = e[newer], r[newer], at_ms[newer]
        agents.state[r] = (b.flags[e] >> STATE_SHIFT) & STATE_MASK
        agents.state_ms[r] = at_ms
        agents.said_state[r] = True
        for row, code in zip(r.tolist(), b.other[e].tolist(), strict=True):
            if code:
                agents.team[row] = self.registers.teams.row(b.tenant, b.strings[code]) + 1

    def _infer_states(
        self,
        b: Batch,
        e: Rows,
        r: Rows,
        kind: NDArray[np.uint8],
        at_ms: NDArray[np.int64],
        handle_s: NDArray[np.float64],
        began: NDArray[np.int64],
    ) -> None:
        """For agents whose ACD sends no states: on contact from answered to handled, available after it."""
        agents = self.agents
        silent = ~agents.said_state[r]
        newer = silent & (at_ms >= agents.state_ms[r])
        answered = r[newer & (kind == ANSWERED)]
        agents.state[answered], agents.state_ms[answered] = ags.ON_CONTACT, at_ms[newer & (kind == ANSWERED)]
        done = newer & (kind == HANDLED)
        agents.state[r[done]], agents.state_ms[r[done]] = ags.AVAILABLE, at_ms[done]
        past = silent & (handle_s[e] == handle_s[e]) & (began[e] == 0)
        if past.any():
            line = self.agent_weights(r[past]).occupancy_line
            ags.add_past_contact(agents, r[past], at_ms[past], handle_s[e[past]], line)

    # --- checkpoints

    _TABLES = ("contacts", "agents", "queues", "service", "pools", "handle_times", "agent_evidence", "queue_evidence")
    _NAMES = ("tenants", "agents", "queues", "issues", "teams")

    def pack(self) -> dict[str, Any]:
        """All state of the floor."""
        return {
            "tables": {name: getattr(self, name).pack() for name in self._TABLES},
            "names": {name: getattr(self.registers, name).pack() for name in self._NAMES},
            "sources": self.sources,
            "minute_due_ms": self._minute_due_ms,
            "soon_ms": self._soon_ms,
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        for name in self._TABLES:
            getattr(self, name).unpack(packed["tables"][name])
        for name in self._NAMES:
            getattr(self.registers, name).unpack(packed["names"][name])
        self.sources = list(packed["sources"])
        self._minute_due_ms = packed["minute_due_ms"]
        self._soon_ms = dict(packed["soon_ms"])
        self.tuning.forget()
