"""The drivers of queue strain: what they measure, in which unit, with which parameters.

To add a driver: a row in QUEUE_DRIVERS, its level and value in `queue_rows.judge` and their bounds in `bound`, its
parameters in `tuning`, words in `wording`, a test.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.scoring.core.agent_drivers import SOURCE_REPEATS
from services.scoring.core.bounds import WEIGHT, Bounds

SOURCE_WAITING, SOURCE_STAFF, SOURCE_ENDED = (1 << bit for bit in range(6, 9))


@dataclass(frozen=True, slots=True)
class QueueDriver:
    """One named part of queue strain."""

    name: str
    unit: str
    source: int
    parameters: dict[str, Bounds]


_TARGET_WAIT_S = Bounds(60, 1, 3600)
"""A wait that callers of this queue should not exceed. Product choice; set it per queue."""

_HALF = Bounds(0.5, WEIGHT.low, WEIGHT.high)
"""For what says again, later or more coarsely, what another driver says."""
_TWICE = Bounds(2, WEIGHT.low, WEIGHT.high)
_QUARTER = Bounds(0.25, WEIGHT.low, WEIGHT.high)
"""These weights are the pick of a documented grid, by days that no figure of the second week or of the judged days is
from; `make evaluate` picks again (`bench/evaluate/weights.py`). Who gave up and who calls again are few in a small
queue and say little there; load and a surge are known before anybody waits long."""

QUEUE_DRIVERS: tuple[QueueDriver, ...] = (
    # How long the oldest waits, and the mean wait of Erlang A at the present load, those who wait included, beyond it.
    # `patience_s` is where the mean patience of the tenant's callers begins, see `patience`. Product choice; on real
    # calls 300 s, 600 s and the learnt one did equally well (areas under the ROC curve within 0.005).
    QueueDriver(
        "predicted_wait",
        "s",
        SOURCE_WAITING,
        {"weight": WEIGHT, "target_wait_s": _TARGET_WAIT_S, "patience_s": Bounds(600, 30, 3600)},
    ),
    # Erlangs per active agent over the queues that share agents; wait grows as rho/(1-rho).
    QueueDriver("offered_load", "%", SOURCE_STAFF, {"weight": _TWICE, "line": Bounds(70, 10, 99)}),
    # Waits of the contacts that left the queue in the last minutes: their mean, started from the usual wait at that
    # hour, and the longest of them, which fades with the same 10 min: that it is over for one does not make it calm.
    QueueDriver("recent_waits", "s", SOURCE_ENDED, {"weight": WEIGHT, "target_wait_s": _TARGET_WAIT_S}),
    # 80/20 is a convention without a source; it is a default to be set, and a lagging measure.
    QueueDriver(
        "service_level",
        "%",
        SOURCE_ENDED,
        {"weight": _HALF, "goal": Bounds(80, 1, 100), "within_s": Bounds(20, 1, 3600)},
    ),
    # Share of queued contacts that left unanswered, above what is usual.
    QueueDriver(
        "abandonment", "%", SOURCE_ENDED, {"weight": _HALF, "usual": Bounds(5, 0, 90), "full": Bounds(20, 1, 100)}
    ),
    # Repeat callers' share of arrivals, above what was usual for the queue on earlier days; `full` in points above it.
    QueueDriver("repeat_share", "%", SOURCE_REPEATS, {"weight": _QUARTER, "full": Bounds(15, 1, 100)}),
    # Agents who are missing for a predicted wait within its target (Erlang A), as a part of those needed. The need is
    # counted once a minute.
    QueueDriver("staffing", "agents", SOURCE_STAFF, {"weight": _HALF, "full": Bounds(25, 1, 100)}),
    # More arrivals than usual at this hour of the week, from the alarm of the sequential test on (`surge`) until it is
    # over; `full` in thresholds of that test. The value is arrivals since it began in % of the usual. Product choice.
    QueueDriver("arrivals_surge", "%", SOURCE_WAITING, {"weight": _TWICE, "full": Bounds(3, 1, 5)}),
)

PREDICTED_WAIT, OFFERED_LOAD, RECENT_WAITS, SERVICE_LEVEL, ABANDONMENT, REPEAT_SHARE, STAFFING, ARRIVALS_SURGE = range(
    len(QUEUE_DRIVERS)
)
assert QUEUE_DRIVERS[ARRIVALS_SURGE].name == "arrivals_surge"

SCALE_PER_DRIVER = 0.55
"""Strain 63 when the levels of the drivers that are on average 0.55."""
FELT = 1.5
"""Level of a wait at its target. It grows with the square: somebody who waits 1.6 times the target brings 70 of 100 by
that alone. This, the scale above and those below were chosen on seeded days that no figure in the docs is from."""
REMEMBERED = 0.6
"""Part of what the longest wait weighed that it weighs right after it ended. Chosen on tuning days and the first week
of real calls: the former would have all of it, the latter none."""
WAIT_FORESEEN, LOAD_FORESEEN = 0.5, 0.3
"""Levels beyond which what only a model says counts by its logarithm. A pool of three agents is at its limit several
times a day by chance and mostly nobody waits: the model alone must not ring, and with somebody waiting it rings early.
"""
LEVEL_MAX = 6.0
"""A driver's level is capped: beyond six times its line more of the same says nothing new."""
