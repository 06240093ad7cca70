"""The table of agents, their state at a moment, and the parameters by tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_drivers import AGENT_DRIVERS, SCALE_PER_DRIVER
from services.scoring.core.contradictions import REASONS
from services.scoring.core.decay import Floats, remaining
from services.scoring.core.tables import Table

Times = NDArray[np.int64]

D = len(AGENT_DRIVERS)
BREAK_HEALS_FASTER = 3.0
"""Decay in a break against decay at work. Off-task withdrawal heals, on-task does not; the factor is chosen."""
HARD_TAU_S, WELL_TAU_S = 1_800.0, 3_600.0
"""How long hard contacts, and those of them that ended well, are counted: 30 and 60 min. Product choices; on 40 seeded
days that no figure in the docs is from, 30 min told hostile stretches from quiet better than 20, 45 or 60."""
NEW_ISSUE_RUN = 2
"""Long contacts in a row on one new issue from which on the issue is the matter. One may be chance. Product choice."""
OCCUPANCY_FLOOR = 1.0 / 3.0
"""Occupancy needs about 12 min of staffed time before it can reach 100 %: two calls after log-in are not a load."""


class Agents(Table):
    """A row an agent. `fast` and `slow` are [row, driver]; `last` holds what a driver last measured."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),  # code into the engine's names, 0 for none
        "state": ("u1", 0, 0),
        "state_ms": ("i8", 0, 0),
        "rest_ms": ("i8", 0, 0),  # the present rest began, or the last one
        "said_state": ("u1", 0, 0),  # 1: the ACD sends agent.state for this agent
        "t_ms": ("i8", 0, 0),
        "contact_ms": ("i8", 0, 0),  # last answered or handled
        "queue": ("i4", -1, 0),  # last served
        "fast": ("f8", 0.0, D),
        "slow": ("f8", 0.0, D),
        "last": ("f8", np.nan, D),
        "busy": ("f8", 0.0, 0),
        "staffed": ("f8", 0.0, 0),
        "work_s": ("f8", 0.0, 0),
        "unsupported_s": ("f8", 0.0, 0),  # work since a lead last spoke with the agent
        "taken_ms": ("i8", 0, 0),  # the last contact was taken; 0: none known
        "ended_ms": ("i8", 0, 0),  # the last contact ended
        "hard_run": ("i4", 0, 0),  # hard contacts in a row about one issue
        "hard_issue": ("i4", -1, 0),  # that issue; -1: the last contact was not hard, or its issue is unknown
        "hard": ("f8", 0.0, 0),  # hard contacts, decaying; as of `hard_ms`
        "well": ("f8", 0.0, 0),  # those that ended well
        "hard_ms": ("i8", 0, 0),
        "long_run": ("i4", 0, 0),  # of the contacts that took long: how many in a row were about one issue
        "long_issue": ("i4", -1, 0),
        "long_new": ("u1", 0, 0),  # 1: that issue was new to the agent or the tenant
    }
    tenant: NDArray[np.int32]
    team: NDArray[np.int32]
    state: NDArray[np.uint8]
    state_ms: Times
    rest_ms: Times
    said_state: NDArray[np.uint8]
    t_ms: Times
    contact_ms: Times
    queue: NDArray[np.int32]
    fast: Floats
    slow: Floats
    last: Floats
    busy: Floats
    staffed: Floats
    work_s: Floats
    unsupported_s: Floats
    taken_ms: Times
    ended_ms: Times
    hard_run: NDArray[np.int32]
    hard_issue: NDArray[np.int32]
    hard: Floats
    well: Floats
    hard_ms: Times
    long_run: NDArray[np.int32]
    long_issue: NDArray[np.int32]
    long_new: NDArray[np.uint8]

    def __init__(self) -> None:
        super().__init__()
        self.contradictions = np.zeros(len(REASONS), np.int64)  # since somebody last set them to 0
        self.team_changes = np.zeros(1, np.int64)  # likewise; a first team is one, too

    def hard_contacts(self, r: NDArray[np.intp], at_ms: int) -> tuple[Floats, Floats]:
        """Hard contacts that are still felt in rows at a moment, and those of them that ended well."""
        age_s = np.maximum(at_ms - self.hard_ms[r], 0) / 1000.0
        return self.hard[r] * remaining(age_s, HARD_TAU_S), self.well[r] * remaining(age_s, WELL_TAU_S)

    def long_on_new_issue(self, row: int) -> bool:
        """Whether the last long contacts were all about one issue that is new: the others do not run long."""
        return bool(self.long_new[row]) and int(self.long_run[row]) >= NEW_ISSUE_RUN


@dataclass(slots=True)
class AgentParameters:
    """Parameters by tenant: `weight` [tenant, driver] is 0 where a driver is off, the others are [tenant]."""

    weight: Floats
    scale: Floats
    occupancy_line: Floats  # 0..1
    break_line_s: Floats
    support_line_s: Floats
    per_contact: Floats  # what one contact adds to the drivers of `agent_drivers.COUNTED`, [tenant, driver]


class JudgedAgents:
    """Agents at a moment; shapes [rows] and [rows, driver].

    `fast`, `slow`, `busy`, `staffed`, `work_s`, `unsupported_s` are the integrators there, `value` what each driver
    measures, in its unit, NaN where nothing was measured. The strain stays between `lowest` and `highest` for a minute
    if no event comes; `borne` is the part of it that comes from the queue, 0..1.
    Without `drivers` what is by driver has no rows.
    """

    __slots__ = (
        "borne", "busy", "by_driver", "by_row", "fast", "highest", "level", "lowest", "slow", "staffed", "strain",
        "unsupported_s", "value", "work_s",
    )  # fmt: skip

    def __init__(self, rows: int, *, drivers: bool = True) -> None:
        self.by_driver, self.by_row = np.empty((4, rows if drivers else 0, D)), np.empty((8, rows))
        self.fast, self.slow, self.level, self.value = self.by_driver
        self.busy, self.staffed, self.work_s, self.unsupported_s, *judged = self.by_row
        self.strain, self.borne, self.lowest, self.highest = judged


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on (weight above 0)."""
    scale: Floats = SCALE_PER_DRIVER * np.maximum(weight.sum(axis=-1), 1e-9)
    return scale


def shares(level: Floats, score: Floats) -> Floats:
    """Parts of the strain in points; they add up to it. A strain of 0 has none."""
    whole = level.sum(axis=-1)
    per_level = np.where(whole > 0, score / np.where(whole > 0, whole, 1.0), 0.0)
    return level * per_level[..., None]
