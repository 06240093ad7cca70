"""What an entry touches is judged with no more work than needed: it must come to the same as judging it in full."""

from __future__ import annotations

import numpy as np

from services.scoring.core import agent_strain as ags
from services.scoring.core import agent_table as at
from services.scoring.core.agent_drivers import RATED
from services.scoring.core.alert_phases import P
from services.scoring.core.alerting import Lines, Watch
from services.scoring.core.seconds import touch_agents
from shared.contract.rows import STATE_CODES

NOW = 1_772_440_440_000
N = 4_000


def _parameters(rng: np.random.Generator) -> at.AgentParameters:
    weight = rng.uniform(0.0, 2.0, (2, at.D)) * (rng.uniform(size=(2, at.D)) > 0.2)
    return at.AgentParameters(
        weight,
        at.scale_of(weight),
        np.array([0.85, 0.6]),
        np.array([3600.0, 600.0]),
        np.array([14_400.0, 1800.0]),
        np.ones((2, at.D)),
    )


def _agents(rng: np.random.Generator) -> at.Agents:
    """Of all loads, just touched or long ago, some with events ahead of the moment."""
    agents = at.Agents()
    agents.add_many(N)
    load = rng.exponential(0.5, (N, 1)) * rng.uniform(size=(N, at.D))
    agents.fast[:N], agents.slow[:N] = load * rng.uniform(0.5, 1.0, (N, at.D)), load
    agents.fast[:N, RATED[0]] -= 0.5  # an idle agent's occupancy is below its line
    agents.tenant[:N] = rng.integers(0, 2, N)
    agents.state[:N] = rng.choice(list(STATE_CODES.values()), N)
    agents.said_state[:N] = rng.integers(0, 2, N)
    agents.t_ms[:N] = NOW - rng.choice([-5_000, 0, 40, 20_000, 600_000], N)
    agents.work_s[:N] = rng.uniform(0.0, 7200.0, N)
    agents.unsupported_s[:N] = rng.uniform(0.0, 20_000.0, N)
    return agents


def test_agents_far_from_their_line_are_left_alone_and_all_others_are_watched() -> None:
    rng = np.random.default_rng(7)
    p, agents = _parameters(rng), _agents(rng)
    rule = Lines(
        open_line=rng.uniform(5.0, 95.0, N),
        open_hold_s=np.full(N, 60.0),
        close_line=np.full(N, 3.0),
        close_hold_s=np.full(N, 120.0),
        critical_line=np.full(N, 97.0),
        escalate_after_s=np.zeros(N),
    )
    watch = Watch()
    watch.cover(N)
    watch.phase[:N] = rng.choice([P.NONE, P.NONE, P.NONE, P.PENDING, P.OPEN], N)
    watch.below_since[:N] = np.where(watch.phase[:N] == P.NONE, rng.choice([-1, -2], N), -1)
    rows = np.arange(N)
    judged = ags.judge(agents, rows, NOW, p, False)
    expected_hot = watch.hot(rows, judged.lowest, judged.highest, NOW, rule)
    hot = np.full(N, 7, np.uint8)
    due, values = touch_agents(rows, NOW, ags.rows_of(agents, p), watch.watcher(rule, NOW), hot)
    left = np.setdiff1d(rows, due)
    np.testing.assert_array_equal(hot[left], expected_hot[left])
    assert (hot[due] == 7).all()  # left to the caller
    by_hand = np.array([judged.strain, judged.lowest, judged.highest, judged.borne])
    np.testing.assert_array_equal(values, by_hand[:, due])
    scanned = [i for i, _ in watch.scan(rows, judged.strain, NOW, rule, judged.borne)]
    assert set(scanned) <= set(due.tolist())
    assert (judged.strain[left] < rule.open_line[left]).sum() > N // 4
    assert set(np.unique(hot[left]).tolist()) == {0, 1}
