"""Agent strain: two leaky integrators per driver, moved in one exact step from the last event that touched the row.

A row's clock is event time. An impulse that arrives late is added as what is left of it; a state that is older than
the one in force never overrides it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_drivers import (
    AGENT_DRIVERS,
    OCCUPANCY,
    SCALE_PER_DRIVER,
    SINCE_BREAK,
)
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S, Floats, remaining
from services.scoring.core.tables import Table
from shared.contract.rows import STATE_CODES

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

D = len(AGENT_DRIVERS)
TAU_OCCUPANCY_S = 1_800.0
"""Window of the occupancy that is shown: 30 min."""
BREAK_HEALS_FASTER = 3.0
"""Decay in a break against decay at work. Off-task withdrawal heals, on-task does not; the factor is chosen."""
WORK_PAID_PER_BREAK_S = 12.0
"""A second of break pays for 12 s of work: 5 min an hour (health and safety practice for screen and call work)."""
OCCUPANCY_FLOOR = 1.0 / 3.0
"""Occupancy needs about 12 min of staffed time before it can reach 100 %: two calls after log-in are not a load."""

AVAILABLE, ON_CONTACT, ACW = STATE_CODES["available"], STATE_CODES["on_contact"], STATE_CODES["acw"]
BREAK, MEETING, OFFLINE = STATE_CODES["break"], STATE_CODES["meeting"], STATE_CODES["offline"]

# By state code: time on contact (after-contact work is work), time staffed, time that counts towards a break, rest.
_BUSY = np.zeros(8, bool)
_BUSY[[ON_CONTACT, ACW]] = True
_STAFFED = np.zeros(8, bool)
_STAFFED[[AVAILABLE, STATE_CODES["reserved"], ON_CONTACT, ACW]] = True
_AT_WORK = _STAFFED.copy()
_AT_WORK[MEETING] = True
_RESTS = np.zeros(8, bool)
_RESTS[[BREAK, OFFLINE]] = True

_KEPT_IN_A_MINUTE = 0.999 * np.exp(-60.0 / TAU_FAST_S)

# A fast and a slow integrator of the same load are brought to the same height: an impulse counts tau_fast/tau_slow in
# the slow one; rated drivers are means already.
_SLOW_HEIGHT = np.full(D, TAU_FAST_S / TAU_SLOW_S)
_SLOW_HEIGHT[[OCCUPANCY, SINCE_BREAK]] = 1.0


class Agents(Table):
    """A row an agent. `fast` and `slow` are [row, driver]; `last` holds what a driver last measured."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),  # code into the engine's names, 0 for none
        "state": ("u1", 0, 0),
        "state_ms": ("i8", 0, 0),
        "said_state": ("?", False, 0),  # the ACD sends agent.state for this agent
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
    said_state: NDArray[np.bool_]
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
class Moved:
    """Agents at a moment; shapes [..., rows] and [..., rows, driver]."""

    fast: Floats
    slow: Floats
    busy: Floats
    staffed: Floats
    work_s: Floats


@dataclass(slots=True)
class Weights:
    """Parameters by row (or one for all): `weight` [rows, driver] is 0 where a driver is off, `scale`, two lines."""

    weight: Floats
    scale: Floats
    occupancy_line: Floats  # 0..1
    break_line_s: Floats


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on (weight above 0)."""
    scale: Floats = SCALE_PER_DRIVER * np.maximum(weight.sum(axis=-1), 1e-9)
    return scale


def move(agents: Agents, r: Rows, at_ms: Any, w: Weights) -> Moved:
    """State of rows `r` at `at_ms` (one time, a time a row, or [K, 1] times), without changing anything."""
    dt_s = np.maximum((at_ms - agents.t_ms[r]) / 1000.0, 0.0)
    if dt_s.ndim == 1 and not dt_s.any():  # just touched: they are where they are
        return Moved(agents.fast[r], agents.slow[r], agents.busy[r], agents.staffed[r], agents.work_s[r])
    state = agents.state[r]
    speed = np.where(_RESTS[state], BREAK_HEALS_FASTER, 1.0)
    fast_left = remaining(dt_s * speed, TAU_FAST_S)
    slow_left = remaining(dt_s * speed, TAU_SLOW_S)
    window_left = remaining(dt_s, TAU_OCCUPANCY_S)
    fast = agents.fast[r] * fast_left[..., None]
    slow = agents.slow[r] * slow_left[..., None]
    busy, staffed, at_work = _BUSY[state], _STAFFED[state], _AT_WORK[state]

    # Occupancy: load is 1 on contact, below 0 when idle, 0 exactly at the line.
    line = w.occupancy_line
    load = (busy - line * staffed) / (1.0 - line)
    fast[..., OCCUPANCY] += load * (1.0 - fast_left)
    slow[..., OCCUPANCY] += load * (1.0 - slow_left)

    # Since the last break: load is 1 from the moment on that the line is passed.
    work_s = agents.work_s[r]
    over_s = np.where(at_work, np.clip(work_s + dt_s - w.break_line_s, 0.0, dt_s), 0.0)
    fast[..., SINCE_BREAK] += 1.0 - remaining(over_s, TAU_FAST_S)
    slow[..., SINCE_BREAK] += 1.0 - remaining(over_s, TAU_SLOW_S)
    paid = np.maximum(work_s - dt_s * WORK_PAID_PER_BREAK_S, 0.0)
    moved_work_s = np.where(_RESTS[state], paid, np.where(at_work, work_s + dt_s, work_s))

    return Moved(
        fast=fast,
        slow=slow,
        busy=agents.busy[r] * window_left + busy * (1.0 - window_left),
        staffed=agents.staffed[r] * window_left + staffed * (1.0 - window_left),
        work_s=moved_work_s,
    )


def touch(agents: Agents, r: Rows, at_ms: Times, w: Weights) -> Times:
    """Move rows to `at_ms` for good; rows already later stay. Returns the rows' clocks."""
    moved = move(agents, r, at_ms, w)
    agents.fast[r], agents.slow[r] = moved.fast, moved.slow
    agents.busy[r], agents.staffed[r], agents.work_s[r] = moved.busy, moved.staffed, moved.work_s
    now_ms = np.maximum(agents.t_ms[r], at_ms)
    agents.t_ms[r] = now_ms
    return now_ms


def add_impulses(agents: Agents, r: Rows, at_ms: Times, amounts: Floats) -> None:
    """Add impulses [rows, driver] that happened at `at_ms`, as what is left of them at the rows' clocks."""
    age_s = np.maximum((agents.t_ms[r] - at_ms) / 1000.0, 0.0)
    agents.fast[r] += amounts * remaining(age_s, TAU_FAST_S)[:, None]
    agents.slow[r] += amounts * remaining(age_s, TAU_SLOW_S)[:, None]


def add_past_contact(agents: Agents, r: Rows, at_ms: Times, handle_s: Floats, occupancy_line: Floats) -> None:
    """Time on contact that is known only now that it is over (an ACD without `contact.answered` and `agent.state`).

    The rows counted as idle in that time; what a busy stretch would have left more is added.
    """
    age_s = np.maximum((agents.t_ms[r] - at_ms) / 1000.0, 0.0)
    for levels, tau_s in ((agents.fast, TAU_FAST_S), (agents.slow, TAU_SLOW_S)):
        part = remaining(age_s, tau_s) - remaining(age_s + handle_s, tau_s)
        levels[r, OCCUPANCY] += part / (1.0 - occupancy_line)
    agents.busy[r] += remaining(age_s, TAU_OCCUPANCY_S) - remaining(age_s + handle_s, TAU_OCCUPANCY_S)


def levels(moved: Moved, w: Weights) -> Floats:
    """Level of each driver, [..., rows, driver], never negative."""
    mean = 0.5 * (moved.fast + moved.slow * _SLOW_HEIGHT)
    above = 0.5 * (np.maximum(moved.fast[..., OCCUPANCY], 0.0) + np.maximum(moved.slow[..., OCCUPANCY], 0.0))
    mean[..., OCCUPANCY] = above
    weighted: Floats = mean * w.weight
    return weighted


def lowest_level(agents: Agents, r: Rows, level: Floats) -> Floats:
    """Below what levels [rows, driver] cannot fall within a minute without an event.

    Impulses decay, in a break faster; what time itself feeds may fall at once, so nothing is promised of it.
    """
    kept = np.where(_RESTS[agents.state[r]], _KEPT_IN_A_MINUTE**BREAK_HEALS_FASTER, _KEPT_IN_A_MINUTE)
    low: Floats = level * kept[:, None]
    low[:, [OCCUPANCY, SINCE_BREAK]] = 0.0
    return low


def strain(level: Floats, scale: Floats) -> Floats:
    """100 (1 - e^(-sum of levels / scale)), [..., rows]."""
    return 100.0 * (1.0 - np.exp(-total(level) / scale))


def total(level: Floats) -> Floats:
    """Sum over drivers, column by column: the same bits in every batch."""
    out = level[..., 0].copy()
    for d in range(1, level.shape[-1]):
        out += level[..., d]
    return out


def shares(level: Floats, score: Floats) -> Floats:
    """Parts of the strain in points; they add up to it. A strain of 0 has none."""
    whole = total(level)
    per_level = np.where(whole > 0, score / np.where(whole > 0, whole, 1.0), 0.0)
    return level * per_level[..., None]


def occupancy(moved: Moved) -> Floats:
    """Time on contact as a part of staffed time over 30 min, 0..1."""
    return np.clip(moved.busy / np.maximum(moved.staffed, OCCUPANCY_FLOOR), 0.0, 1.0)


def values(agents: Agents, r: Rows, moved: Moved) -> Floats:
    """What each driver measures now, in its unit, [rows, driver]; NaN where nothing was measured."""
    out = agents.last[r].copy()
    out[:, OCCUPANCY] = 100.0 * occupancy(moved)
    out[:, SINCE_BREAK] = moved.work_s / 60.0
    return out


def minutes_of_break_until(
    agents: Agents, row: int, at_ms: int, w: Weights, line: float, longest_min: int = 120
) -> int | None:
    """Minutes of break after which the strain is below `line`; None when that takes longer than `longest_min`."""
    r = np.array([row])
    moved = move(agents, r, at_ms, w)
    minutes = np.arange(longest_min + 1, dtype=np.float64)[:, None]
    healed = Moved(
        fast=moved.fast * remaining(minutes * 60.0 * BREAK_HEALS_FASTER, TAU_FAST_S)[..., None],
        slow=moved.slow * remaining(minutes * 60.0 * BREAK_HEALS_FASTER, TAU_SLOW_S)[..., None],
        busy=moved.busy,
        staffed=moved.staffed,
        work_s=moved.work_s,
    )
    below = np.flatnonzero(strain(levels(healed, w), w.scale)[:, 0] < line)
    return int(below[0]) if below.size else None
