"""What the contacts of a queue are about: the issues of the last hour, in the queues where they were."""

from __future__ import annotations

import numpy as np
import pytest

from services.scoring.core.issue_mix import CONTACTS_MIN, TOP, issue_mix
from services.scoring.core.issue_rows import PLACES
from services.scoring.core.surge_watch import SurgeWatch

HOUR_MS = 3_600_000
AT_MS = 500 * HOUR_MS


def mix_of(*told: tuple[int, int, int, int], queues: int = 3, at_ms: int = AT_MS) -> list[list[tuple[int, float]]]:
    """For each queue its (issue, percent); told: (issue, queue, contacts, minutes before the moment)."""
    watch = SurgeWatch()
    watch.follow(0, range(queues), sorted({issue for issue, *_ in told}), AT_MS - 5 * HOUR_MS)
    for issue, queue, contacts, minutes in told:
        row = int(watch.issues.row[issue])
        for _ in range(contacts):
            watch.causes.note_contact(row, AT_MS - 60_000 * minutes)
            watch.causes.place[row, watch.causes.places[row] % PLACES] = queue
            watch.causes.places[row] += 1
    mix = issue_mix(watch, queues, at_ms)
    return [
        [(int(i), round(float(p), 3)) for i, p in zip(mix.issue[a:b], mix.percent[a:b], strict=True)]
        for a, b in zip(mix.start[:-1], mix.start[1:], strict=True)
    ]


def test_shares_of_a_queue_are_of_its_own_contacts() -> None:
    assert mix_of((0, 0, 12, 5), (1, 0, 4, 20), (1, 1, 12, 20)) == [[(0, 75.0), (1, 25.0)], [(1, 100.0)], []]


def test_the_largest_come_first_and_only_a_few_are_told() -> None:
    told = mix_of(*((issue, 0, 2 + issue, 3) for issue in range(5)))[0]
    assert [issue for issue, _ in told] == [4, 3, 2]
    assert len(told) == TOP
    assert sum(percent for _, percent in told) == pytest.approx(75.0)


def test_what_is_older_than_an_hour_counts_no_more() -> None:
    assert mix_of((0, 0, 20, 90), (1, 0, 10, 10))[0] == [(1, 100.0)]


def test_of_few_contacts_nothing_is_said() -> None:
    assert mix_of((0, 0, int(CONTACTS_MIN) - 1, 5)) == [[], [], []]


def test_an_empty_floor_has_no_mix() -> None:
    mix = issue_mix(SurgeWatch(), 0, AT_MS)
    assert mix.start.tolist() == [0]
    assert mix.issue.size == 0
    assert np.isfinite(mix.percent).all()
