"""The own usual handle time: robust z against `statistics.median` on the prefix seen so far."""

from __future__ import annotations

import math
import random
import statistics
from itertools import pairwise

import numpy as np
import pytest

from services.scoring.core import baseline
from services.scoring.core.baseline import (
    ABNORMAL_Z,
    COUNT_MAX,
    ENOUGH,
    MAD_FLOOR,
    RELEARN_AFTER,
    STEPS,
    WINDOW,
    HandleTimes,
)


def observe(table: HandleTimes, handle_s: float, agent: int = 0, topic: int = 0) -> tuple[float, float]:
    rows = table.rows_of(np.array([agent]), np.array([topic]))
    z, ratio, _ = table.observe(rows, rows, np.array([handle_s]))
    return float(z[0]), float(ratio[0])


def kept(handle_s: float) -> float:
    """To half a step of 1/2048: 0.025 %."""
    return math.floor(math.log(max(handle_s, 1.0)) * STEPS + 0.5) / STEPS


class Oracle:
    """One agent and topic in plain Python."""

    def __init__(self) -> None:
        self.logs: list[float] = []
        self.run = 0

    def observe(self, handle_s: float) -> float:
        x = kept(handle_s)
        known = self.logs[-WINDOW:]
        z = math.nan
        if len(self.logs) >= ENOUGH:
            median = statistics.median(known)
            mad = max(statistics.median(abs(v - median) for v in known), MAD_FLOOR)
            z = 0.6745 * (x - median) / mad
        self.learn(x, abs(z) > ABNORMAL_Z)
        return z

    def learn(self, x: float, abnormal: bool) -> None:
        self.run = self.run + 1 if abnormal else 0
        if self.run >= RELEARN_AFTER:
            self.logs, self.run = [], 0
            abnormal = False
        if not abnormal:
            self.logs.append(x)


@pytest.mark.parametrize("seed", range(6))
def test_robust_z_is_that_of_plain_python(seed: int) -> None:
    rng = random.Random(seed)
    table, oracle = HandleTimes(), Oracle()
    for i in range(250):
        level_s = 240.0 if i < 120 else 900.0  # the work changes: it is relearnt after a run
        handle_s = rng.choice((rng.lognormvariate(math.log(level_s), 0.3), level_s, 0.0, 5000.0))
        z, _ = observe(table, handle_s)
        assert z == pytest.approx(oracle.observe(handle_s), rel=1e-9, nan_ok=True)


def test_many_rows_at_once_are_one_after_the_other() -> None:
    rng = random.Random(3)
    agents = np.array([rng.randrange(4) for _ in range(400)])
    topics = np.array([rng.randrange(2) for _ in range(400)])
    handle_s = np.array([rng.lognormvariate(5.5, 0.4) for _ in range(400)])
    together, apart = HandleTimes(), HandleTimes()
    found = []
    for i in range(0, 400, 50):
        rows = together.rows_of(agents[i : i + 50], topics[i : i + 50])
        found.append(together.observe(rows, rows, handle_s[i : i + 50])[0])
    z = np.concatenate(found)
    one = [observe(apart, *given)[0] for given in zip(handle_s.tolist(), agents.tolist(), topics.tolist(), strict=True)]
    np.testing.assert_array_equal(z, np.array(one))


def test_silent_until_there_are_enough_contacts() -> None:
    table = HandleTimes()
    for _ in range(ENOUGH):
        assert math.isnan(observe(table, 240.0)[0])
    z, ratio = observe(table, 480.0)
    assert z == pytest.approx(0.6745 * math.log(2) / MAD_FLOOR, rel=1e-3)
    assert ratio == pytest.approx(2.0, rel=1 / STEPS)


def test_deaf_to_the_abnormal_until_it_lasts() -> None:
    """Nineteen abnormal contacts teach nothing; the twentieth in a row says that the work has changed."""
    table = HandleTimes()
    for _ in range(ENOUGH):
        observe(table, 240.0)
    first_z, _ = observe(table, 3000.0)
    for _ in range(RELEARN_AFTER - 2):
        assert observe(table, 3000.0)[0] == first_z
    assert observe(table, 3000.0)[0] == first_z
    for _ in range(ENOUGH - 1):
        assert math.isnan(observe(table, 3000.0)[0])
    assert observe(table, 3000.0)[0] == pytest.approx(0.0, abs=1e-5)


def test_a_usual_contact_ends_the_run() -> None:
    table = HandleTimes()
    for _ in range(ENOUGH):
        observe(table, 240.0)
    for _ in range(3):
        for _ in range(RELEARN_AFTER - 1):
            observe(table, 3000.0)
        assert abs(observe(table, 240.0)[0]) < 0.1


def test_agents_and_topics_are_judged_by_their_own_past() -> None:
    table = HandleTimes()
    for _ in range(ENOUGH):
        observe(table, 240.0, agent=1, topic=5)
    assert math.isnan(observe(table, 2400.0, agent=1, topic=6)[0])
    assert math.isnan(observe(table, 2400.0, agent=2, topic=5)[0])
    assert observe(table, 2400.0, agent=1, topic=5)[0] > ABNORMAL_Z


def test_the_number_of_baselines_is_bounded_and_the_least_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "TOPICS_MAX", 32)
    table = HandleTimes()
    for agent in range(500):
        for _ in range(ENOUGH):
            observe(table, 240.0, agent=7_000)  # in steady use: never the one that goes
        observe(table, 240.0, agent=agent)
        assert table.n <= 32
    assert observe(table, 240.0, agent=7_000)[0] == pytest.approx(0.0, abs=1e-6)


def test_new_baselines_of_one_batch_do_not_take_each_others_rows_when_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "TOPICS_MAX", 32)
    table = HandleTimes()
    for agent in range(32):
        observe(table, 240.0, agent=agent)
    agents = np.array([0, 100, 101, 102, 31])
    rows = table.rows_of(agents, np.zeros(5, np.intp))
    assert len(set(rows.tolist())) == 5


def test_a_checkpoint_brings_all_of_it_back() -> None:
    rng = random.Random(9)
    table = HandleTimes()
    for _ in range(300):
        observe(table, rng.lognormvariate(5.5, 0.5), agent=rng.randrange(5), topic=rng.randrange(3))
    restored = HandleTimes()
    restored.unpack(table.pack())
    for _ in range(100):
        given = (rng.lognormvariate(5.5, 0.5), rng.randrange(6), rng.randrange(3))
        np.testing.assert_array_equal(observe(restored, *given), observe(table, *given))


def test_the_longest_and_the_shortest_handle_times_fit() -> None:
    table = HandleTimes()
    for _ in range(ENOUGH):
        observe(table, 1.0)
    z, ratio = observe(table, 1e12)
    assert z > 100.0
    assert ratio == pytest.approx(math.exp((2**15 - 1) / STEPS))
    assert observe(table, -5.0) == (0.0, 1.0)


def test_counts_and_the_order_of_use_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    table, oracle = HandleTimes(), Oracle()
    rng = random.Random(4)
    for _ in range(40):
        observe(table, 240.0, agent=2)
    for _ in range(ENOUGH):
        observe(table, 240.0, agent=1)
    table.count[0] = COUNT_MAX - 20  # a multiple of the window, and 12
    table._uses = 2**32 - 60
    oracle.logs = [kept(240.0)] * WINDOW
    for _ in range(100):
        handle_s = rng.lognormvariate(math.log(240.0), 0.2)
        assert observe(table, handle_s, agent=2)[0] == pytest.approx(oracle.observe(handle_s), rel=1e-9)
    assert WINDOW <= table.count[0] < COUNT_MAX
    assert table.used[0] > table.used[1] > 0
    assert table._uses < 2**20


# --- too little about a topic: all topics of the agent stand in


class WithOverall(Oracle):
    """One agent's topics in plain Python: shrunk towards all of them while there are too few of one."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[int, Oracle] = {}

    def observe_topic(self, topic: int, handle_s: float) -> tuple[float, bool]:
        own, x = self.topics.setdefault(topic, Oracle()), kept(handle_s)
        young = len(own.logs) < 2 * ENOUGH and len(self.logs) - len(own.logs) >= ENOUGH
        known, of_all = own.logs[-WINDOW:], self.logs[-WINDOW:]
        shrunk_z = math.nan
        if len(known) < ENOUGH <= len(of_all):
            median = statistics.median(of_all)
            mad = max(statistics.median(abs(v - median) for v in of_all), MAD_FLOOR)
            if known:
                median = (ENOUGH * median + len(known) * statistics.median(known)) / (ENOUGH + len(known))
            shrunk_z = 0.6745 * (x - median) / mad
        z = own.observe(handle_s)
        z = shrunk_z if math.isnan(z) else z
        self.learn(x, abs(z) > ABNORMAL_Z)
        return z, young


@pytest.mark.parametrize("seed", range(4))
def test_a_topic_with_too_few_contacts_is_shrunk_towards_all_topics_of_the_agent(seed: int) -> None:
    rng = random.Random(seed)
    table, oracle = HandleTimes(), WithOverall()
    for i in range(400):
        topic = rng.choice((1, 1, 2, 3 + 2 * (i // 20)))  # two usual ones, and every now and then a new one
        handle_s = rng.lognormvariate(math.log(240.0 if topic < 3 else 500.0), 0.3)
        rows, whole = table.rows_of(np.array([7, 7]), np.array([topic, 0])).reshape(2, -1)
        z, ratio, young = table.observe(rows, whole, np.array([handle_s]))
        expected_z, expected_young = oracle.observe_topic(topic, handle_s)
        assert z[0] == pytest.approx(expected_z, rel=1e-9, nan_ok=True)
        assert bool(young[0]) == expected_young
        assert math.isnan(ratio[0]) == math.isnan(z[0])


def test_a_new_long_topic_is_seen_at_once_and_learnt_as_it_lasts() -> None:
    table, found = HandleTimes(), []
    for i in range(40):
        table.observe(*table.rows_of(np.array([7, 7]), np.array([1, 0])).reshape(2, -1), np.array([200.0 + i % 5 * 20]))
    for _ in range(ENOUGH + 1):
        rows, whole = table.rows_of(np.array([7, 7]), np.array([3, 0])).reshape(2, -1)
        found.append(float(table.observe(rows, whole, np.array([500.0]))[0][0]))
    assert found[0] > ABNORMAL_Z
    assert all(later < earlier for earlier, later in pairwise(found))
    assert found[-1] == pytest.approx(0.0, abs=1e-5)
