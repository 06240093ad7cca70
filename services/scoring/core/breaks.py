"""Breaks: how long one is needed, who needs one now, and what it costs the callers.

A list of who needs a break, not a ranking of people: who is on it, and where, follows only from work since the last
real break and from strain, each against its line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import queue_strain as qs
from services.scoring.core.agent_rows import BREAK_BEGINS_S, WORK_PAID_PER_BREAK_S
from services.scoring.core.agent_table import AgentParameters, JudgedAgents
from services.scoring.core.break_minutes import minutes_until_below
from services.scoring.core.decay import Floats
from services.scoring.core.floor import Floor
from services.scoring.core.pools import is_active
from services.scoring.core.service import SERVES_FOR_MS

Rows = NDArray[np.intp]

SUGGESTED_MIN, SUGGESTED_MAX = 5, 30
"""Minutes of a suggested break. Shorter is no real break; longer is a matter of the shift plan. Product choices."""
OF_TEAM_MAX = 10
"""On the list of one team at a time. No team can spare more at once, and who comes back makes room for the next."""
OF_TENANT_MAX = 500
"""On the list of one tenant at a time: with all their queues 30 KB of signals a second. Those who need it most of every
team come first, so that no team's list is empty because another team is worse off."""
QUEUES_MAX = 6
"""Queues told with a break, the dearest first: more nobody reads before saying yes."""

# A place in a sorted list as one whole number: group, then need (the greater the earlier), then row. Numbers sort in
# one way on every machine, equal ones need no stable sort, and it is several times faster than a sort by three columns.
_ROW_BITS, _NEED_BITS = 24, 19  # 16 million agents would take 30 GB of memory; 2^20 groups are left
_NEED_PARTS, _NEED_MAX = 4096.0, (1 << _NEED_BITS) - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """The desk's rule for agents by row: its lines, and whether an alert stands (also one that is not told yet)."""

    open_line: Floats
    close_line: Floats
    alerted: NDArray[np.bool_]

    def strained(self, strain: Floats) -> NDArray[np.bool_]:
        """At the opening line or above; and with an alert until the closing line, as the alert stands until there."""
        over: NDArray[np.bool_] = (strain >= self.open_line) | (self.alerted & (strain >= self.close_line))
        return over


def break_minutes(judged: JudgedAgents, tenant: NDArray[np.int32], p: AgentParameters, rule: Rule) -> Floats:
    """Minutes of break until the desk's closing line for every judged row, NaN where it is not strained. [rows]

    Below the closing line, not only the opening one: there the alert is over, and the next contact does not open it
    again at once.
    """
    out = np.full(judged.strain.size, np.nan)
    r = np.flatnonzero(rule.strained(judged.strain))
    if r.size:
        out[r] = minutes_until_below(judged.fast, judged.slow, r, tenant, p.weight, p.scale, rule.close_line)
    return out


@dataclass(frozen=True, slots=True)
class BreakList:
    """Who is due for a break, by tenant and then by need; shapes [due], and [pairs] for the queues they serve.

    `start` [due + 1] tells which pairs belong to each; of a queue, `cost_s` is how much longer its predicted wait
    gets with one agent less, NaN where nobody is known to serve it.
    """

    agent: Rows
    tenant: NDArray[np.int32]
    minutes: Rows
    start: Rows
    queue: Rows
    cost_s: Floats


def break_list(floor: Floor, judged: JudgedAgents, minutes: Floats, at_ms: int, rule: Rule) -> BreakList:
    """Who could go on a break now and is due for one; all agents of the floor are judged at that moment.

    Due is who has worked beyond the line of `since_break` without a real break, or is strained. Who is on a break, in
    a meeting or offline takes no contacts, so nothing would change for the queues.
    """
    n, tenant, p = floor.agents.n, floor.agents.tenant[: floor.agents.n], floor.tuning.agents
    since = np.where(floor.agents.said_state[:n] != 0, judged.work_s / p.break_line_s[tenant], 0.0)
    strained = minutes == minutes
    r = np.flatnonzero(is_active(floor.agents, at_ms) & ((since > 1.0) | strained))
    need = np.maximum(since[r], np.where(strained[r], judged.strain[r] / rule.open_line[r], 0.0))
    r = _chosen(r, need, tenant, floor.agents.team[:n])
    paid = np.ceil((judged.work_s[r] / WORK_PAID_PER_BREAK_S + BREAK_BEGINS_S) / 60.0)
    suggested = np.clip(np.fmax(minutes[r], paid), SUGGESTED_MIN, SUGGESTED_MAX)
    return BreakList(r, tenant[r], suggested.astype(np.intp), *_costs(floor, r, at_ms))


def _chosen(r: Rows, need: Floats, tenant: NDArray[np.int32], team: NDArray[np.int32]) -> Rows:
    """Those of rows `r` who are on the list, by tenant and then by need; see OF_TEAM_MAX and OF_TENANT_MAX."""
    if r.size == 0:
        return r
    parts = _NEED_MAX - np.minimum(need * _NEED_PARTS, _NEED_MAX).astype(np.int64)
    team_of = np.where(team > 0, team, int(team.max()) + 1 + tenant)  # those without one are one team of their tenant
    r, parts = _by(team_of[r], parts, r)
    place = _place_in_run(team_of[r])
    r, parts, place = (kept[place < OF_TEAM_MAX] for kept in (r, parts, place))
    if r.size > OF_TENANT_MAX:
        r, parts = _by(tenant[r] * OF_TEAM_MAX + place, parts, r)
        place = _place_in_run(tenant[r])
        r, parts = r[place < OF_TENANT_MAX], parts[place < OF_TENANT_MAX]
    return _by(tenant[r], parts, r)[0]


def _by(group: NDArray[np.int32], parts: Rows, r: Rows) -> tuple[Rows, Rows]:
    """Rows and their parts by group, then parts, then row."""
    key = (group.astype(np.int64) << (_NEED_BITS + _ROW_BITS)) | (parts << _ROW_BITS) | r
    key.sort()
    return key & ((1 << _ROW_BITS) - 1), (key >> _ROW_BITS) & _NEED_MAX


def _place_in_run(sorted_groups: NDArray[np.int32]) -> Rows:
    """How many of the same group stand before each."""
    at = np.arange(sorted_groups.size)
    begins = np.ones(sorted_groups.size, bool)
    begins[1:] = sorted_groups[1:] != sorted_groups[:-1]
    return at - np.maximum.accumulate(np.where(begins, at, 0))


def _costs(floor: Floor, r: Rows, at_ms: int) -> tuple[Rows, Rows, Floats]:
    """`start`, `queue` and `cost_s` of a BreakList of rows `r`."""
    place = np.full(floor.agents.n, -1)
    place[r] = np.arange(r.size)
    service, used = floor.service, floor.service.n
    pairs = np.flatnonzero((place[service.agent[:used]] >= 0) & (service.last_ms[:used] > at_ms - SERVES_FOR_MS))
    due, queue = place[service.agent[pairs]], service.queue[pairs].astype(np.intp)
    cost_s = np.full(floor.queues.n, np.nan)
    asked = np.zeros(floor.queues.n, bool)
    asked[queue] = True
    asked_rows = np.flatnonzero(asked)
    cost_s[asked_rows] = qs.what_if(floor.queues, asked_rows, 1.0, at_ms, floor.tuning.queues, floor.pools)
    order = np.lexsort((queue, -cost_s[queue], due))  # what is not known comes last
    due, queue = due[order], queue[order]
    told = _place_in_run(due) < QUEUES_MAX
    due, queue = due[told], queue[told]
    return np.searchsorted(due, np.arange(r.size + 1)), queue, cost_s[queue]
