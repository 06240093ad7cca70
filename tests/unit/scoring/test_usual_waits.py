"""What is usual for a queue: learned from earlier days, by hour, slowly on abnormal days; in the checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from services.scoring.core.queue_table import Queues
from services.scoring.core.usual_waits import DAY_MS, HOUR_MS, UNKNOWN_WAIT_S, Usual, usual_waits

T0 = 20_000 * DAY_MS
"""Midnight."""


def queues(n: int) -> Usual:
    usual = Usual()
    usual.add_many(n)
    return usual


def minute(usual: Usual, at_ms: int, above: bool = False, tenant: int = 0) -> None:
    usual.refresh(at_ms, np.full(usual.n, tenant, np.int32), np.full(usual.n, above))


def wait(usual: Usual, hour: int, times: int, wait_s: float, q: int = 0) -> None:
    usual.today_waits_s[q, hour] += times * wait_s
    usual.today_capped_s[q, hour] += times * min(wait_s, 3 * usual.wait_s[q] + 60)
    usual.today_waits[q, hour] += times


def test_today_is_not_its_own_excuse() -> None:
    usual = queues(1)
    minute(usual, T0)
    wait(usual, 10, 500, 300.0)
    minute(usual, T0 + 10 * HOUR_MS)
    assert usual.wait_s[0] == UNKNOWN_WAIT_S
    minute(usual, T0 + 34 * HOUR_MS)
    assert usual.wait_s[0] == pytest.approx(300.0)
    assert not usual.today_waits.any()


def test_an_hour_is_shrunk_towards_the_queue_and_the_hour() -> None:
    rng = np.random.default_rng(3)
    waits = rng.integers(0, 60, (4, 24)).astype(float)
    waits_s = waits * rng.uniform(5, 120, (4, 24))
    tenant = np.array([0, 1, 0, 0], np.int32)
    ours = usual_waits(waits_s, waits, tenant, 9)
    for q in range(4):
        mine = tenant == tenant[q]
        mean = waits_s[mine].sum() / waits[mine].sum()
        of_queue = (waits_s[q].sum() + 30 * mean) / (waits[q].sum() + 30)
        of_hour = (waits_s[mine, 9].sum() + 30 * mean) / (waits[mine, 9].sum() + 30)
        expected = (waits_s[q, 9] + 30 * of_queue * of_hour / mean) / (waits[q, 9] + 30)
        assert ours[q] == pytest.approx(expected)


def test_an_abnormal_day_is_learnt_slowly_but_a_change_that_stays_is_learnt() -> None:
    usual = queues(1)
    usual_s = []
    for day in range(12):
        minute(usual, T0 + day * DAY_MS)
        minute(usual, T0 + day * DAY_MS + 10 * HOUR_MS)
        usual_s.append(float(usual.wait_s[0]))
        wait(usual, 10, 200, 20.0 if day < 5 else 900.0)
        minute(usual, T0 + day * DAY_MS + 11 * HOUR_MS, above=day >= 5)
    assert usual_s[5] == pytest.approx(20.0, rel=0.05)
    assert usual_s[6] < 50.0
    assert usual_s[6] < usual_s[8] < usual_s[11]
    assert usual_s[11] > 150.0


def test_old_days_fade() -> None:
    usual = queues(1)
    minute(usual, T0)
    wait(usual, 10, 100, 300.0)
    minute(usual, T0 + DAY_MS)
    minute(usual, T0 + 29 * DAY_MS)
    assert usual.waits[0, 10] == pytest.approx(50.0)
    assert usual.day[0] == T0 // DAY_MS + 29


def test_a_share_of_repeat_callers_is_usual_after_enough_contacts_of_earlier_days() -> None:
    usual = queues(2)
    minute(usual, T0)
    usual.today_contacts[:2], usual.today_repeats[:2] = (199, 400), (40, 80)
    minute(usual, T0 + DAY_MS)
    assert np.isnan(usual.repeat_share[0])
    assert usual.repeat_share[1] == pytest.approx(0.2)
    usual.today_contacts[1], usual.today_repeats[1] = 400, 390
    minute(usual, T0 + DAY_MS + HOUR_MS, above=True)
    minute(usual, T0 + 2 * DAY_MS)
    assert usual.repeat_share[1] == pytest.approx(0.2 + 0.25 / 2, abs=0.01)


def test_a_restored_table_is_the_same() -> None:
    table = Queues()
    for _ in range(70):
        table.add()
    wait(table.usual, 4, 9, 70.0, q=69)
    minute(table.usual, T0 + HOUR_MS, above=True)
    restored = Queues()
    restored.unpack(table.pack())
    assert restored.pack() == table.pack()
    assert restored.usual.today_waits[69, 4] == 9


def test_days_and_hours_are_those_of_the_tenants_clock() -> None:
    """Two tenants eight and a half hours apart: each day ends at its own midnight, each hour is its own."""
    usual = queues(2)
    usual.offset_ms[:2] = 0, 8 * HOUR_MS + HOUR_MS // 2
    tenant = np.array([0, 1], np.int32)

    def refresh(at_ms: int) -> None:
        usual.refresh(at_ms, tenant, np.zeros(2, bool))

    refresh(T0 + 10 * HOUR_MS)
    for q, hour in ((0, 10), (1, 18)):
        wait(usual, hour, 10_000, 200.0, q)
        wait(usual, hour + 1, 10_000, 20.0, q)
    before_ms = T0 + 15 * HOUR_MS + HOUR_MS // 4
    refresh(before_ms)
    assert usual.waits[:2].sum(axis=1).tolist() == [0, 0]
    refresh(before_ms + HOUR_MS // 4)  # midnight there
    assert usual.waits[:2].sum(axis=1).tolist() == [0, 20_000]
    refresh(T0 + 34 * HOUR_MS)
    assert usual.wait_s.round()[:2].tolist() == [200, 200]
    refresh(T0 + 34 * HOUR_MS + HOUR_MS // 2)
    assert usual.wait_s.round()[:2].tolist() == [200, 20]
