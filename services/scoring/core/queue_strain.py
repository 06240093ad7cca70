"""Queue strain: measures that decay by themselves, and drivers judged from them at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats, remaining
from services.scoring.core.pools import Pools
from services.scoring.core.queue_drivers import (
    ABANDONMENT,
    LEVEL_MAX,
    OFFERED_LOAD,
    PREDICTED_WAIT,
    QUEUE_DRIVERS,
    RECENT_WAITS,
    SCALE_PER_DRIVER,
    SERVICE_LEVEL,
)
from services.scoring.core.tables import Table
from services.scoring.core.waiting import queue_length_wait_s, wait_when_queue_is_empty_s

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

D = len(QUEUE_DRIVERS)

# Sums that decay, each with its own time constant (s). Means are ratios of two sums of one constant.
ARRIVALS, WAIT_SUM, WAIT_COUNT, WITHIN, ENDED, ABANDONED, HANDLE_SUM, HANDLE_COUNT, LEFT, WAITED = range(10)
_TAU_S = np.array([900.0, 600.0, 600.0, 1800.0, 1800.0, 1800.0, 7200.0, 7200.0, 7200.0, 7200.0])

# What is assumed before anything is known, and how many contacts that assumption is worth. Product choices.
_HANDLE_S, _HANDLE_WORTH = 240.0, 2.0
_PATIENCE_S = 600.0
_WAIT_WORTH, _LEVEL_WORTH, _LEFT_WORTH = 1.0, 4.0, 5.0
_KEEPS_IN_A_MINUTE = np.zeros(D)
_KEEPS_IN_A_MINUTE[[RECENT_WAITS, SERVICE_LEVEL, ABANDONMENT]] = np.exp(-60.0 / _TAU_S[[WAIT_SUM, ENDED, ABANDONED]])
_RATE_AGE_MIN_S = 600.0
"""A rate is taken over at least ten minutes: the first contact of the night is not a rush."""
OBSERVED_FOR_MS = 300_000
"""An observation of the queue length is believed for 5 min; then the contacts themselves are counted again."""


class Queues(Table):
    """A row a queue."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),
        "t_ms": ("i8", 0, 0),
        "first_ms": ("i8", 0, 0),
        "sums": ("f8", 0.0, len(_TAU_S)),
        "waiting": ("i8", 0, 0),  # counted from contacts
        "oldest_ms": ("i8", 0, 0),  # offer of the oldest that waits, 0 for none
        "observed_ms": ("i8", 0, 0),
        "observed_waiting": ("f8", 0.0, 0),
        "observed_longest_s": ("f8", np.nan, 0),
        "observed_agents": ("f8", np.nan, 0),
        "strain": ("f8", 0.0, 0),  # when last judged; what its contacts bring to their agents
    }
    tenant: NDArray[np.int32]
    team: NDArray[np.int32]
    t_ms: Times
    first_ms: Times
    sums: Floats
    waiting: Times
    oldest_ms: Times
    observed_ms: Times
    observed_waiting: Floats
    observed_longest_s: Floats
    observed_agents: Floats
    strain: Floats


@dataclass(slots=True)
class QueueParameters:
    """Parameters by queue row, shape [rows] ([rows, driver] for weight)."""

    weight: Floats
    scale: Floats
    target_wait_s: Floats
    recent_target_s: Floats
    load_line: Floats  # 0..1
    goal: Floats  # 0..1
    usual_abandoned: Floats  # 0..1
    full_abandoned: Floats  # 0..1


@dataclass(slots=True)
class Judged:
    """Queues at a moment; shapes [..., rows] and [..., rows, driver]."""

    level: Floats
    value: Floats | None
    waiting: Floats
    pooled_waiting: Floats
    longest_s: Floats
    predicted_s: Floats
    rho: Floats
    agents: Floats  # [rows]: as many at every moment


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on."""
    scale: Floats = SCALE_PER_DRIVER * np.maximum(weight.sum(axis=-1), 1e-9)
    return scale


def add(queues: Queues, r: Rows, at_ms: Times, columns: Any, amounts: Any) -> None:
    """Add amounts to sums at `at_ms`, as what is left of them at the row's clock. Rows may stand more than once.

    The rows must have been moved on to the newest event before (`touch`).
    """
    age_s = np.maximum((queues.t_ms[r] - at_ms) / 1000.0, 0.0)
    np.add.at(queues.sums, (r, columns), amounts * remaining(age_s, _TAU_S[columns]))


def touch(queues: Queues, r: Rows, at_ms: Times) -> None:
    """Move rows to `at_ms` for good; rows already later stay. No row stands twice."""
    dt_s = np.maximum((at_ms - queues.t_ms[r]) / 1000.0, 0.0)
    queues.sums[r] *= remaining(dt_s[:, None], _TAU_S)
    queues.t_ms[r] = np.maximum(queues.t_ms[r], at_ms)


def waiting_at(queues: Queues, r: Rows | slice, at_ms: Any) -> tuple[Floats, Floats]:
    """Contacts waiting, and how long the oldest has waited (s, NaN for none), by observation or by count."""
    believed = (queues.observed_ms[r] > 0) & (at_ms - queues.observed_ms[r] <= OBSERVED_FOR_MS)
    counted_s = np.where(queues.oldest_ms[r] > 0, (at_ms - queues.oldest_ms[r]) / 1000.0, np.nan)
    counted_s = np.maximum(counted_s, 0.0)
    since_s = np.maximum((at_ms - queues.observed_ms[r]) / 1000.0, 0.0)
    told_s = queues.observed_longest_s[r] + since_s
    waiting = np.where(believed, queues.observed_waiting[r], queues.waiting[r].astype(np.float64))
    longest = np.where(believed & (told_s == told_s), told_s, counted_s)
    return waiting, np.where(waiting > 0, longest, np.nan)


def judge(queues: Queues, r: Rows, at_ms: Any, p: QueueParameters, pools: Pools, *, with_values: bool = True) -> Judged:
    """Drivers of ascending rows `r` at `at_ms` (one time or [K, 1] times), without changing anything.

    `with_values=False` leaves out what only a report shows.

    Queues that share agents wait for the same people: waiting and load are pooled by the overlap of their agents.
    """
    n = queues.n
    left = remaining(np.maximum((at_ms - queues.t_ms[:n]) / 1000.0, 0.0)[..., None], _TAU_S)
    all_sums = queues.sums[:n] * left
    handle_all_s = (all_sums[..., HANDLE_SUM] + _HANDLE_WORTH * _HANDLE_S) / (
        all_sums[..., HANDLE_COUNT] + _HANDLE_WORTH
    )
    age_s = np.maximum((at_ms - queues.first_ms[:n]) / 1000.0, _RATE_AGE_MIN_S)
    per_s = all_sums[..., ARRIVALS] / (_TAU_S[ARRIVALS] * (1.0 - remaining(age_s, _TAU_S[ARRIVALS])))
    erlangs = per_s * handle_all_s
    waiting_all, longest_all = waiting_at(queues, slice(n), at_ms)
    pooled = pools.pooled(np.stack([waiting_all, erlangs]))

    pick: Any = slice(None) if r.size == n else r
    sums, handle_s = all_sums[..., pick, :], handle_all_s[..., pick]
    waiting, longest_s = waiting_all[..., pick], longest_all[..., pick]
    agents = queues.observed_agents[:n].copy()
    agents[agents != agents] = 0.0
    known = np.flatnonzero(pools.agents[:n])
    agents[known] = pools.agents[known]
    agents = agents[pick]
    pooled_waiting = np.maximum(pooled[0][..., pick], waiting)
    offered = np.maximum(pooled[1], erlangs)[..., pick]
    staffed = np.maximum(agents, 1.0)
    rho = np.where(agents > 0, offered / staffed, 0.0)

    theta = (sums[..., LEFT] + 1.0) / (sums[..., WAITED] + _PATIENCE_S)
    behind_s = queue_length_wait_s(pooled_waiting, staffed, handle_s, theta)
    empty_s = wait_when_queue_is_empty_s(rho, staffed, handle_s)
    modelled_s = np.where(agents > 0, np.where(pooled_waiting > 0, behind_s, empty_s), 0.0)
    predicted_s = np.fmax(modelled_s, longest_s)

    recent_s = sums[..., WAIT_SUM] / (sums[..., WAIT_COUNT] + _WAIT_WORTH)
    within = (sums[..., WITHIN] + _LEVEL_WORTH * p.goal) / (sums[..., ENDED] + _LEVEL_WORTH)
    left = (sums[..., ABANDONED] + _LEFT_WORTH * p.usual_abandoned) / (sums[..., ENDED] + _LEFT_WORTH)

    level = np.empty((*predicted_s.shape, D))
    level[..., PREDICTED_WAIT] = predicted_s / p.target_wait_s
    level[..., OFFERED_LOAD] = (rho - p.load_line) / (1.0 - p.load_line)
    level[..., RECENT_WAITS] = recent_s / p.recent_target_s
    level[..., SERVICE_LEVEL] = (p.goal - within) / p.goal
    level[..., ABANDONMENT] = (left - p.usual_abandoned) / np.maximum(p.full_abandoned - p.usual_abandoned, 0.01)
    np.clip(level, 0.0, LEVEL_MAX, out=level)
    level *= p.weight

    value = None
    if with_values:
        value = np.empty_like(level)
        value[..., PREDICTED_WAIT] = predicted_s
        value[..., OFFERED_LOAD] = 100.0 * rho
        value[..., RECENT_WAITS] = recent_s
        value[..., SERVICE_LEVEL] = 100.0 * within
        value[..., ABANDONMENT] = 100.0 * left
    return Judged(level, value, waiting, pooled_waiting, longest_s, predicted_s, rho, agents)


def lowest_level(judged: Judged, p: QueueParameters) -> Floats:
    """Below what the levels [rows, driver] cannot fall within a minute without an event.

    Means of sums shrink by no more than the sums themselves; the rate of arrivals falls by its own decay and by the
    growing time it is taken over (together to 0.86 at most); a predicted wait for those who wait stays within 5 %.
    """
    low = judged.level * _KEEPS_IN_A_MINUTE
    low[:, PREDICTED_WAIT] = np.where(judged.pooled_waiting > 0, 0.95 * judged.level[:, PREDICTED_WAIT], 0.0)
    load = (0.86 * judged.rho - p.load_line) / (1.0 - p.load_line)
    low[:, OFFERED_LOAD] = np.clip(load, 0.0, LEVEL_MAX) * p.weight[:, OFFERED_LOAD]
    return low
