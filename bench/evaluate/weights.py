"""The weights of queue drivers, picked from a coarse grid by days that no figure of the page is from.

Seen are the tuning days (area under precision and recall of `queue.strain`, per minute and queue) and the first of the
two weeks of real calls (ROC area of both waits). The pick has the largest sum of the first area and the mean of the
two; of equal ones, the first in the order of the grid. What it gives in the second week stands beside it and chooses
nothing. The levels are those of the engine as it is, so what feeds back from strain (the usual waits leave out what
was above the line) is as with the product's weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.evaluate.figures import average_precision
from bench.evaluate.real import JUDGED_FROM_DAY, Slots, roc_auc
from bench.evaluate.truth import Truth
from services.scoring.core.queue_drivers import QUEUE_DRIVERS
from shared.contract.signal_columns import Queues

Floats = NDArray[np.floating]

GRID: dict[str, tuple[float, ...]] = {
    "predicted_wait": (1.0,),
    "offered_load": (0.5, 1.0, 2.0),
    "recent_waits": (0.5, 1.0, 1.5),
    "service_level": (0.5,),
    "abandonment": (0.5, 1.0),
    "repeat_share": (0.25, 0.5),
    "staffing": (0.5,),
    "arrivals_surge": (0.5, 1.0, 2.0),
}
"""Only ratios matter, so the wait itself is 1. Service level and staffing follow from other drivers: their areas do not
move by 0.002 between a half and twice that, so they are not tried."""
NAMES = [driver.name for driver in QUEUE_DRIVERS]
assert list(GRID) == NAMES
DEFAULTS = np.array([driver.parameters["weight"].default for driver in QUEUE_DRIVERS])
WAITS = ("wait_60s", "wait_120s")


class Weighed(msgspec.Struct):
    """One set of weights. ROC areas by outcome; those of the second week were not looked at."""

    weights: dict[str, float]
    tuning_pr_auc: float
    first_week_roc_auc: dict[str, float]
    second_week_roc_auc: dict[str, float]


class Picked(msgspec.Struct):
    """What the procedure picks, and what the product has."""

    tried: int
    pick: Weighed
    product: Weighed


def levels_of(queues: Queues) -> Floats:
    """Levels of drivers as they are before they are weighed, but for the scale, [queue, driver]."""
    shares = queues.drivers.share_table()
    assert queues.drivers.names == NAMES
    strain = np.minimum(queues.strain, 100.0 - 1e-9)
    whole = -np.log1p(-strain / 100.0)
    levels: Floats = whole[:, None] * shares / np.maximum(strain, 1e-12)[:, None] / DEFAULTS
    return levels


def sets() -> Iterator[Floats]:
    """Every set of weights of the grid."""
    for chosen in product(*GRID.values()):
        yield np.array(chosen)


def pick(days: Sequence[tuple[Truth, Floats]], slots: Slots) -> Picked:
    """`days`: the truth of `queue.strain` and levels [queue, minute, driver]."""
    first = slots.day < JUDGED_FROM_DAY
    best, best_sum, tried = DEFAULTS, -np.inf, 0
    for weights in sets():
        tried += 1
        both = _tuning(days, weights) + float(np.mean(list(_real(slots, weights, first).values())))
        if both > best_sum + 1e-12:
            best, best_sum = weights, both
    return Picked(tried, _weighed(days, slots, best), _weighed(days, slots, DEFAULTS))


def _weighed(days: Sequence[tuple[Truth, Floats]], slots: Slots, weights: Floats) -> Weighed:
    first = slots.day < JUDGED_FROM_DAY
    return Weighed(
        dict(zip(NAMES, weights.tolist(), strict=True)),
        round(_tuning(days, weights), 4),
        {name: round(area, 4) for name, area in _real(slots, weights, first).items()},
        {name: round(area, 4) for name, area in _real(slots, weights, ~first).items()},
    )


def _tuning(days: Sequence[tuple[Truth, Floats]], weights: Floats) -> float:
    return average_precision([(truth, levels @ weights) for truth, levels in days]) or 0.0


def _real(slots: Slots, weights: Floats, kept: NDArray[np.bool_]) -> dict[str, float]:
    score = slots.levels @ weights
    return {name: roc_auc(slots.outcomes[name][kept], score[kept]) for name in WAITS}
