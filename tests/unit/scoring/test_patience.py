"""Patience of callers: abandonments over all waiting time, from earlier days, once there are enough."""

from __future__ import annotations

import numpy as np
import pytest
from scoring_logs import T0, TENANT, block, hash_of, play, tick

from services.scoring.core.engine import Engine
from services.scoring.core.learnt import learnt
from services.scoring.core.patience import DAY_MS, ENOUGH, WORTH, Patience
from shared.contract.baseline import numbers
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import ABANDONED, ANSWERED

MIDNIGHT = (T0 // DAY_MS + 1) * DAY_MS
SETTING_S = 600.0


def day(number: int, patience_s: float, *, contacts: int = 2000, abandoned: bool = True, seed: int = 7) -> list[Entry]:
    """Offered waits are exponential with a mean of 40 s; who has less patience than that gives up."""
    chance = np.random.default_rng(seed + number)
    served_after_s = chance.exponential(40.0, contacts)
    gives_up_after_s = chance.exponential(patience_s, contacts)
    entries = []
    for i in range(contacts):
        ms, key = MIDNIGHT + number * DAY_MS + 20_000 * i, f"{number}-{i}"
        gone = gives_up_after_s[i] < served_after_s[i]
        contact = hash_of(number * contacts + i)
        if gone and abandoned:
            row = Row(ABANDONED, TENANT, ms, key, queue="q", contact=contact, n0=float(gives_up_after_s[i]))
        else:
            wait_s = float(served_after_s[i])
            row = Row(ANSWERED, TENANT, ms, key, queue="q", agent="ann", contact=contact, n0=wait_s)
        entries.append(block(ms, [row]))
    return entries


def test_it_is_learnt_from_all_waiting_time_and_not_before_the_day_is_over() -> None:
    log = day(0, 200.0)
    engine = play(log).engine
    assert rate_of(engine) == pytest.approx(1.0 / SETTING_S)
    engine.step(tick(MIDNIGHT + DAY_MS + 61_000))
    assert 1.0 / rate_of(engine) == pytest.approx(200.0, rel=0.12)
    restored = Engine.restore(engine.snapshot())
    assert rate_of(restored) == rate_of(engine)


def rate_of(engine: Engine) -> float:
    engine.floor.judge_queues(np.zeros(1, np.intp), engine.position.ms)
    return float(engine.floor.tuning.queues.patience_rate[0])


def test_a_feed_that_tells_of_no_abandonment_keeps_the_setting() -> None:
    engine = play([*day(0, 200.0, contacts=300, abandoned=False), tick(MIDNIGHT + DAY_MS + 61_000)]).engine
    assert rate_of(engine) == pytest.approx(1.0 / SETTING_S)


def test_it_is_silent_until_there_is_enough_and_the_setting_counts() -> None:
    table = Patience()
    setting, tenants = np.array([1 / 600, 1 / 300]), np.array([1, 1], np.int32)
    table.learn(1, 100.0 * (ENOUGH - 1), ENOUGH - 1)
    np.testing.assert_array_equal(table.rates(setting, tenants), setting)
    table.learn(1, 100.0 * ENOUGH, ENOUGH)
    waited_s = 100.0 * ENOUGH + WORTH * np.array([600.0, 300.0])
    np.testing.assert_allclose(1.0 / table.rates(setting, tenants), waited_s / (ENOUGH + WORTH))
    table.learn(1, 1.0, 5000.0)
    assert (1.0 / table.rates(setting, tenants)).min() == pytest.approx(30.0)


def test_it_goes_with_a_baseline() -> None:
    history = play(day(0, 200.0)).engine
    waited_s, abandoned = numbers(learnt(history.floor, 0, MIDNIGHT, history.position.ms).patience, "f8")
    assert waited_s / abandoned == pytest.approx(200.0, rel=0.15)
