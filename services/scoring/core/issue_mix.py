"""What the contacts of each queue are about, lately: the issues named most, for a lead who asks "what is it today?".

An issue knows how many contacts named it in each five minutes, and in which queues its last contacts were. Of its
contacts of the last hour a queue has the part that it has of those last ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.issue_rows import BIN_MS, PLACES
from services.scoring.core.surge_watch import SurgeWatch

BACK = 12
"""Bins looked at: an hour, as long as a lead means by "now". Product choice."""
TOP = 3
"""Issues told of a queue: more are not read at a glance. Product choice."""
CONTACTS_MIN = 5.0
"""Of fewer contacts a share says nothing. Product choice."""


class IssueMix(NamedTuple):
    """Of each queue its issues, the largest share first; `start` [queues + 1] cuts the other columns."""

    start: NDArray[np.intp]
    issue: NDArray[np.int64]
    percent: NDArray[np.float64]
    """Of the queue's contacts that named an issue."""


def issue_mix(surges: SurgeWatch, queues: int, at_ms: int) -> IssueMix:
    """Of all queues of the partition at a moment."""
    causes, last = surges.causes, at_ms // BIN_MS
    live = surges.issues.live()
    live = live[live < causes.n]
    bins = causes.bin[live]
    counted = np.where((bins > last - BACK) & (bins <= last), causes.observed[live], 0.0).sum(1, np.float64)
    live, counted = live[counted > 0.0], counted[counted > 0.0]
    known = np.minimum(causes.places[live], PLACES)
    place: NDArray[Any] = np.where(np.arange(PLACES) < known[:, None], causes.place[live], -1)
    row, at = np.nonzero((place >= 0) & (place < queues))
    queue = place[row, at].astype(np.intp)
    # One pair an (queue, issue): contacts of the issue by the part that the queue has of its last ones.
    pair, inverse = np.unique(queue * max(live.size, 1) + row, return_inverse=True)
    contacts = np.bincount(inverse, (counted / np.maximum(known, 1))[row], minlength=pair.size)
    queue, row = pair // max(live.size, 1), pair % max(live.size, 1)
    whole = np.bincount(queue, contacts, minlength=queues)
    order = np.lexsort((-contacts, queue))  # stable: of equal ones the first row
    queue, row, contacts = queue[order], row[order], contacts[order]
    first = np.searchsorted(queue, np.arange(queues))
    kept = (np.arange(queue.size) - first[queue] < TOP) & (whole[queue] >= CONTACTS_MIN)
    queue, row, contacts = queue[kept], row[kept], contacts[kept]
    return IssueMix(
        start=np.searchsorted(queue, np.arange(queues + 1)),
        issue=surges.issues.subjects(live)[row] if live.size else np.zeros(0, np.int64),
        percent=100.0 * contacts / whole[queue],
    )
