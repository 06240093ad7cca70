"""The table of agents, their state at a moment, and the parameters by tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_drivers import AGENT_DRIVERS, SCALE_PER_DRIVER
from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

Times = NDArray[np.int64]

D = len(AGENT_DRIVERS)
OCCUPANCY_FLOOR = 1.0 / 3.0
"""Occupancy needs about 12 min of staffed time before it can reach 100 %: two calls after log-in are not a load."""


class Agents(Table):
    """A row an agent. `fast` and `slow` are [row, driver]; `last` holds what a driver last measured."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),  # code into the engine's names, 0 for none
        "state": ("u1", 0, 0),
        "state_ms": ("i8", 0, 0),
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
    }
    tenant: NDArray[np.int32]
    team: NDArray[np.int32]
    state: NDArray[np.uint8]
    state_ms: Times
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


@dataclass(slots=True)
class AgentParameters:
    """Parameters by tenant: `weight` [tenant, driver] is 0 where a driver is off, the others are [tenant]."""

    weight: Floats
    scale: Floats
    occupancy_line: Floats  # 0..1
    break_line_s: Floats


class JudgedAgents:
    """Agents at a moment; shapes [rows] and [rows, driver].

    `fast`, `slow`, `busy`, `staffed`, `work_s` are the integrators there. The strain stays between `lowest` and
    `highest` for a minute if no event comes; `borne` is the part of it that comes from the queue, 0..1.
    """

    __slots__ = (
        "borne", "busy", "by_driver", "by_row", "fast", "highest", "level", "lowest", "slow", "staffed", "strain",
        "work_s",
    )  # fmt: skip

    def __init__(self, rows: int) -> None:
        self.by_driver, self.by_row = np.empty((3, rows, D)), np.empty((7, rows))
        self.fast, self.slow, self.level = self.by_driver
        self.busy, self.staffed, self.work_s, self.strain, self.borne, self.lowest, self.highest = self.by_row


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on (weight above 0)."""
    scale: Floats = SCALE_PER_DRIVER * np.maximum(weight.sum(axis=-1), 1e-9)
    return scale


def shares(level: Floats, score: Floats) -> Floats:
    """Parts of the strain in points; they add up to it. A strain of 0 has none."""
    whole = level.sum(axis=-1)
    per_level = np.where(whole > 0, score / np.where(whole > 0, whole, 1.0), 0.0)
    return level * per_level[..., None]


def occupancy(judged: JudgedAgents) -> Floats:
    """Time on contact as a part of staffed time over 30 min, 0..1."""
    return np.clip(judged.busy / np.maximum(judged.staffed, OCCUPANCY_FLOOR), 0.0, 1.0)
