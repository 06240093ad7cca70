"""Teams: the mean strain of the agents who are there. A group of fewer than five is not shown.

Judged once a whole minute: a mean of many moves slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_table import Agents, shares
from services.scoring.core.decay import Floats
from services.scoring.core.evidence import KEPT
from services.scoring.core.floor import Floor
from services.scoring.core.stretches import UNHEARD_MS
from shared.contract.rows import STATE_CODES

Rows = NDArray[np.intp]

TEAM_SIZE_MIN = 5
"""The usual smallest group whose mean says nothing of one of its members (workplace analytics: five or more)."""
_OFFLINE = STATE_CODES["offline"]


@dataclass(frozen=True, slots=True)
class JudgedTeam:
    """A team at a moment; `share` [driver] adds up to the strain, `value` [driver] is NaN where nothing is measured."""

    strain: float
    share: Floats
    value: Floats


def there(agents: Agents, at_ms: int) -> NDArray[np.bool_]:
    """Agents of a team who are at work or on a break, and of whom something was heard lately, [rows]."""
    n = agents.n
    state = agents.state[:n]
    on = (agents.team[:n] > 0) & (state > 0) & (state != _OFFLINE)
    heard: NDArray[np.bool_] = on & (at_ms - agents.t_ms[:n] < UNHEARD_MS)
    return heard


def mean_strains(floor: Floor, teams: int, at_ms: int) -> Floats:
    """Mean strain of the agents who are there, [team]; 0 for a group that is too small."""
    rows = np.flatnonzero(there(floor.agents, at_ms))
    team = floor.agents.team[rows] - 1
    size = np.bincount(team, minlength=teams)
    whole = np.bincount(team, floor.judge_agents(rows, at_ms)[2], teams)
    mean: Floats = np.where(size >= TEAM_SIZE_MIN, whole / np.maximum(size, 1), 0.0)
    return mean


def judge_team(floor: Floor, team: int, at_ms: int) -> JudgedTeam | None:
    """One team with its drivers; None for a group that is too small to be shown."""
    rows = np.flatnonzero(there(floor.agents, at_ms) & (floor.agents.team[: floor.agents.n] == team + 1))
    if rows.size < TEAM_SIZE_MIN:
        return None
    judged, level, strain = floor.judge_agents(rows, at_ms)
    values = judged.value
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    value = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return JudgedTeam(float(strain.mean()), shares(level, strain).mean(axis=0), value)


def team_evidence(floor: Floor, team: int) -> list[str]:
    """The last event behind each of some agents of a team, in the order in which the agents became known."""
    agents, out = floor.agents, list[str]()
    here = (agents.team[: agents.n] == team + 1) & (agents.state[: agents.n] != _OFFLINE)
    for row in np.flatnonzero(here).tolist():
        out += floor.agent_evidence.of(row)[-1:]
        if len(out) == KEPT:
            break
    return out
