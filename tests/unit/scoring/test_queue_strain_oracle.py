"""Queue strain against plain Python: one queue at a time, sums over lists, no vectors."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from batches import batch_of
from scoring_logs import NAN

from services.scoring.core import queue_drivers as qd
from services.scoring.core import queue_strain as qs
from services.scoring.core import queue_table as qt
from services.scoring.core.agent_table import Agents
from services.scoring.core.pools import Pools
from services.scoring.core.service import Service
from shared.contract.rows import ANSWERED, STATE_CODES

T0 = 1_772_440_440_000
TARGET_S, RECENT_TARGET_S, LOAD_LINE, GOAL, USUAL, FULL = 60.0, 45.0, 0.7, 0.8, 0.05, 0.2
PATIENCE_S, FULL_REPEATS, FULL_SHORT, FULL_SURGE = 500.0, 0.15, 0.25, 3.0
TAU_S = (1200.0, 600.0, 600.0, 1800.0, 1800.0, 1800.0, 7200.0, 7200.0, 7200.0, 7200.0)


@dataclass
class Queue:
    """What happened in one queue: (column, ms, amount), and what waits."""

    facts: list[tuple[int, int, float]] = field(default_factory=list)
    first_ms: int = T0
    waiting: int = 0
    oldest_ms: int = 0
    observed_ms: int = 0
    observed_waiting: float = 0.0
    observed_counted: float = 0.0
    observed_longest_s: float = NAN
    observed_agents: float = NAN
    agents: set[int] = field(default_factory=set)
    usual_s: float = 30.0
    usual_repeats: float = NAN
    surge: float = 0.0
    longest: list[tuple[int, float]] = field(default_factory=list)  # waits that ended, with their ms

    def sum(self, column: int, at_ms: int) -> float:
        return sum(a * math.exp(-(at_ms - ms) / 1000 / TAU_S[column]) for c, ms, a in self.facts if c == column)

    def handle_s(self, at_ms: int) -> float:
        return (self.sum(qt.HANDLE_SUM, at_ms) + 480.0) / (self.sum(qt.HANDLE_COUNT, at_ms) + 2.0)

    def per_s(self, at_ms: int) -> float:
        age_s = max((at_ms - self.first_ms) / 1000, 600.0)
        known = 1 - math.exp(-age_s / 1200.0) if age_s < 12_000 else 1.0
        return self.sum(qt.ARRIVALS, at_ms) / 1200.0 / known

    def waits(self, at_ms: int) -> tuple[float, float | None]:
        believed = self.observed_ms > 0 and at_ms - self.observed_ms <= 300_000
        since = self.waiting - self.observed_counted
        waiting = max(self.observed_waiting + since, 0.0) if believed else float(self.waiting)
        longest_s = max((at_ms - self.oldest_ms) / 1000, 0.0) if self.oldest_ms else None
        if believed and not math.isnan(self.observed_longest_s):
            seen_s = self.observed_longest_s + (at_ms - self.observed_ms) / 1000
            knows_all = longest_s is not None and self.observed_counted >= self.observed_waiting
            if longest_s is None or not knows_all or longest_s > seen_s + 1.0:
                longest_s = seen_s
        return waiting, longest_s if waiting > 0 else None


def erlang_a_wait_s(load: float, agents: int, handle_s: float) -> float:
    """Mean wait in M/M/n+M, state by state."""
    load = min(load, 3.0 * agents)
    p, total, waiting = 1.0, 1.0, 0.0
    if load <= 0:
        return 0.0
    for k in range(1, 3000):
        p *= load / (min(k, agents) + max(0, k - agents) * handle_s / PATIENCE_S)
        total += p
        waiting += max(0, k - agents) * p
    return waiting / total * handle_s / load


def offered(queues: list[Queue], q: int, at_ms: int) -> tuple[float, float, int]:
    """Load, handle time and agents of one queue, over the queues that share its agents."""
    me = queues[q]
    with_me = [(1.0, me)]
    if me.agents:
        with_me = [(len(me.agents & o.agents) / len(o.agents), o) for o in queues if o.agents]
    all_waiting = sum(part * o.waits(at_ms)[0] for part, o in with_me)
    rate = sum(part * o.per_s(at_ms) for part, o in with_me)
    erlangs = sum(part * o.per_s(at_ms) * o.handle_s(at_ms) for part, o in with_me)
    handle_s = (erlangs + 1e-6 * me.handle_s(at_ms)) / (rate + 1e-6)
    load = erlangs + all_waiting * handle_s / 900.0
    return load, handle_s, len(me.agents) or (0 if math.isnan(me.observed_agents) else int(me.observed_agents))


def levels(queues: list[Queue], q: int, at_ms: int) -> list[float]:
    """The levels of one queue by the words of the design, weights 1."""
    me = queues[q]
    longest_s = me.waits(at_ms)[1]
    load, handle_s, agents = offered(queues, q, at_ms)
    rho = load / agents if agents else 0.0
    expected_s = erlang_a_wait_s(load, agents, handle_s) if agents else 0.0
    needed = agents
    while needed and erlang_a_wait_s(load, needed, handle_s) > TARGET_S:
        needed += 1
    waited_s = longest_s or 0.0
    recent_s = (me.sum(qt.WAIT_SUM, at_ms) + 2 * me.usual_s) / (me.sum(qt.WAIT_COUNT, at_ms) + 2)
    within = (me.sum(qt.WITHIN, at_ms) + 4 * GOAL) / (me.sum(qt.ENDED, at_ms) + 4)
    left = (me.sum(qt.ABANDONED, at_ms) + 5 * USUAL) / (me.sum(qt.ENDED, at_ms) + 5)
    joined, beyond = me.sum(qt.JOINED, at_ms), 0.0
    if not math.isnan(me.usual_repeats) and joined >= 20:
        beyond = (me.sum(qt.REPEATS, at_ms) + 20 * me.usual_repeats) / (joined + 20) - me.usual_repeats

    def foreseen(level: float, part: float) -> float:
        return part * math.log(1 + min(max(level, 0.0), 6.0) / part)

    felt = min(qd.FELT * (waited_s / TARGET_S) ** 2, 6.0)
    predicted = felt + foreseen((expected_s - waited_s) / TARGET_S, qd.WAIT_FORESEEN)
    ended = [w**2 * math.exp(-(at_ms - ms) / 600_000) for ms, w in me.longest]
    faded = qd.REMEMBERED * min(qd.FELT * max(ended, default=0.0) / RECENT_TARGET_S**2, 6.0)
    beyond_now = max(faded - min(qd.FELT * (waited_s / RECENT_TARGET_S) ** 2, 6.0), 0.0)
    raw = (
        foreseen((rho - LOAD_LINE) / (1 - LOAD_LINE), qd.LOAD_FORESEEN),
        recent_s / RECENT_TARGET_S + beyond_now,
        (GOAL - within) / GOAL,
        (left - USUAL) / (FULL - USUAL),
        beyond / FULL_REPEATS,
        foreseen((needed - agents) / needed / FULL_SHORT if needed else 0.0, qd.LOAD_FORESEEN),
        me.surge / FULL_SURGE,
    )
    return [predicted, *(min(max(level, 0.0), 6.0) for level in raw)]


def parameters(n: int) -> qt.QueueParameters:
    weight = np.ones((n, qt.D))
    columns = (TARGET_S, 1 / PATIENCE_S, RECENT_TARGET_S, LOAD_LINE, GOAL, USUAL, FULL, 20.0) + (
        FULL_REPEATS,
        FULL_SHORT,
        FULL_SURGE,
        60.0,
    )
    return qt.QueueParameters(weight, qt.scale_of(weight), *(np.full(n, value) for value in columns))


def centre(seed: int, n: int = 5) -> tuple[qt.Queues, Pools, list[Queue], int]:
    """Random queues, some of which share agents, in the engine's tables and in plain Python."""
    rng = random.Random(seed)
    table, service, agents = qt.Queues(), Service(), Agents()
    plain = [Queue(first_ms=T0 + rng.randrange(60_000)) for _ in range(n)]
    now_ms = T0 + rng.choice((100_000, 900_000, 3_000_000))
    for _ in range(12):
        agents.state[agents.add()] = STATE_CODES[rng.choice(("available", "on_contact", "acw", "break"))]
    agents.said_state[:12] = 1
    for q, queue in enumerate(plain):
        row = table.add()
        table.first_ms[row] = queue.first_ms
        at_ms = queue.first_ms
        table.t_ms[row] = at_ms
        for _ in range(rng.choice((0, 3, 40))):
            at_ms = min(at_ms + rng.randrange(20_000), now_ms)
            column, amount = rng.choice(
                ((0, 1.0), (1, 80.0), (2, 1.0), (3, 1.0), (4, 1.0), (5, 1.0), (6, 300.0), (7, 1.0), (8, 5.0), (9, 1.0))
            )
            qs.add(table, row, at_ms, column, 0.0, parameters(n), Pools())
            late_ms = at_ms - rng.choice((0, 0, 4000))
            qs.add(table, row, late_ms, column, amount, parameters(n), Pools())
            queue.facts.append((column, late_ms, amount))
        for wait_s in (5.0, 70.0, 65.0, 20.0)[: seed % 5]:
            at_ms = min(at_ms + rng.randrange(40_000), now_ms)
            qs.add(table, row, at_ms, 0, 0.0, parameters(n), Pools())  # what there is fades until then
            table.felt_s2[row] = max(table.felt_s2[row], wait_s**2)
            queue.longest.append((at_ms, wait_s))
        queue.usual_s, queue.usual_repeats = rng.choice((30.0, 110.0)), rng.choice((NAN, 0.02, 0.3))
        table.surge[row] = queue.surge = (0.0, 0.0, 1.2, 5.0)[seed % 4]
        table.usual.wait_s[row], table.usual.repeat_share[row] = queue.usual_s, queue.usual_repeats
        if rng.random() < 0.6:
            queue.waiting = rng.randrange(1, 9)
            queue.oldest_ms = now_ms - rng.randrange(200_000)
        if rng.random() < 0.5:
            queue.observed_ms = now_ms - rng.choice((0, 5000, 290_000, 400_000))
            queue.observed_waiting = float(rng.randrange(6))
            queue.observed_counted = float(rng.randrange(6))
            queue.observed_longest_s = rng.choice((NAN, 33.0))
            queue.observed_agents = rng.choice((NAN, 3.0))
        for name in (
            "waiting",
            "oldest_ms",
            "observed_ms",
            "observed_waiting",
            "observed_counted",
            "observed_longest_s",
            "observed_agents",
        ):
            getattr(table, name)[row] = getattr(queue, name)
        for agent in rng.sample(range(12), rng.choice((0, 2, 5))):
            service.serve(batch_of(1, kind=ANSWERED, agent=agent, queue=q, at_ms=now_ms - 60_000))
            if agents.state[agent] != STATE_CODES["break"]:
                queue.agents.add(agent)
    pools = Pools()
    pools.refresh(service, agents, np.ones(n, bool), now_ms)
    return table, pools, plain, now_ms


@pytest.mark.parametrize("seed", range(30))
def test_judged_queues_are_those_of_plain_python(seed: int) -> None:
    table, pools, plain, now_ms = centre(seed)
    rows = np.arange(table.n)
    for at_ms in (now_ms, now_ms + 1000, now_ms + 59_000, now_ms + 301_000):
        qs.staff(table, rows, at_ms, parameters(table.n), pools)
        judged = qs.judge(table, rows, at_ms, parameters(table.n), pools)
        for q in rows.tolist():
            np.testing.assert_allclose(judged.level[q], levels(plain, q, at_ms), rtol=1e-6, atol=1e-6)


def test_agents_needed_are_those_of_the_last_count() -> None:
    p, agents = parameters(1), 2.0
    table = qt.Queues()
    table.add()
    table.observed_agents[0], table.observed_waiting[0], table.observed_ms[0] = agents, 9.0, T0
    rows = np.array([0])
    assert qs.judge(table, rows, T0, p, Pools()).level[0, qd.STAFFING] == 0.0  # not counted yet
    qs.staff(table, rows, T0, p, Pools())
    needed = qs.judge(table, rows, T0, p, Pools()).value[0, qd.STAFFING]
    table.observed_waiting[0] = 30.0
    assert qs.judge(table, rows, T0, p, Pools()).value[0, qd.STAFFING] == needed > agents
    qs.staff(table, rows, T0, p, Pools())
    assert qs.judge(table, rows, T0, p, Pools()).value[0, qd.STAFFING] > needed


@pytest.mark.parametrize("seed", range(5))
def test_some_rows_are_judged_as_among_all(seed: int) -> None:
    table, pools, _, now_ms = centre(seed)
    whole = qs.judge(table, np.arange(table.n), now_ms, parameters(table.n), pools)
    some = qs.judge(table, np.array([1, 3]), now_ms, parameters(table.n), pools)
    assert some.level.tobytes() == whole.level[[1, 3]].tobytes()
    np.testing.assert_array_equal(some.value, whole.value[[1, 3]])


@pytest.mark.parametrize("seed", range(30))
def test_for_a_minute_without_an_event_the_strain_stays_within_its_bounds(seed: int) -> None:
    table, pools, _, now_ms = centre(seed)
    rows = np.arange(table.n)
    p = parameters(table.n)
    qs.staff(table, rows, now_ms, p, pools)
    before = qs.judge(table, rows, now_ms, p, pools)
    for after_ms in (0, 1, 1000, 20_000, 59_000, 60_000):
        strain = qs.judge(table, rows, now_ms + after_ms, p, pools).strain
        assert (before.lowest - 1e-9 <= strain).all()
        assert (strain <= before.highest + 1e-9).all()


@pytest.mark.parametrize("seed", range(30))
def test_one_agent_less_costs_what_erlang_a_says(seed: int) -> None:
    table, pools, plain, now_ms = centre(seed)
    rows = np.arange(table.n)
    costs_s = qs.what_if(table, rows, 1.0, now_ms, parameters(table.n), pools)
    for q, cost_s in zip(rows.tolist(), costs_s.tolist(), strict=True):
        load, handle_s, agents = offered(plain, q, now_ms)
        if agents == 0:
            assert math.isnan(cost_s)
            continue
        with_one_less_s = erlang_a_wait_s(load, agents - 1, handle_s) if agents > 1 else PATIENCE_S
        now_s = erlang_a_wait_s(load, agents, handle_s)
        assert cost_s == pytest.approx(max(with_one_less_s - now_s, 0.0), rel=1e-5, abs=1e-5)


def test_a_queue_of_which_nothing_is_known_has_only_the_usual_wait() -> None:
    table = qt.Queues()
    table.add()
    judged = qs.judge(table, np.array([0]), T0, parameters(1), Pools())
    assert np.flatnonzero(judged.level[0]).tolist() == [qd.RECENT_WAITS]
    assert math.isnan(judged.value[0, qd.RECENT_WAITS])  # nobody measured it, so it is not told
    assert math.isnan(judged.longest_s[0])


def test_a_pool_restored_from_a_checkpoint_is_the_same() -> None:
    table, pools, _, now_ms = centre(3)
    restored = Pools()
    restored.unpack(pools.pack())
    rows = np.arange(table.n)
    one, other = (qs.judge(table, rows, now_ms, parameters(table.n), p).level.tobytes() for p in (pools, restored))
    assert one == other


def test_a_surge_comes_on_top_and_is_not_in_the_scale_of_the_others() -> None:
    table = qt.Queues()
    table.add()
    p = parameters(1)
    calm = qs.judge(table, np.array([0]), T0, p, Pools())
    assert p.scale[0] == pytest.approx(qd.SCALE_PER_DRIVER * (qt.D - 1))
    table.surge[0], table.surge_percent[0] = 3.0, 240.0
    surging = qs.judge(table, np.array([0]), T0, p, Pools())
    assert surging.level[0, qd.ARRIVALS_SURGE] == 1.0
    assert surging.value[0, qd.ARRIVALS_SURGE] == 240.0
    assert surging.strain[0] > calm.strain[0]
    only = np.zeros((1, qt.D))
    only[0, qd.ARRIVALS_SURGE] = 0.5
    assert qt.scale_of(only)[0] == pytest.approx(qd.SCALE_PER_DRIVER * 0.5)
