"""Predicted waits against published values, and against birth-death chains in plain Python."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from services.scoring.core.waiting import agents_needed, erlang_a_wait_s


def in_m_m_n_m(load: float, agents: int, handle_s: float, patience_s: float) -> float:
    """Mean wait (s) by the birth-death chain, state by state."""
    per_s, mu, theta = Fraction(load) / Fraction(handle_s), 1 / Fraction(handle_s), 1 / Fraction(patience_s)
    p, total, waiting = 1.0, 1.0, 0.0
    for k in range(1, 40_000):
        p *= float(per_s / (min(k, agents) * mu + max(0, k - agents) * theta))
        total += p
        waiting += max(0, k - agents) * p
        if k > agents and p < 1e-18 * total:
            break
        if p > 1e200:  # only ratios count
            p, total, waiting = p * 1e-200, total * 1e-200, waiting * 1e-200
    return waiting / total / float(per_s)


LOAD = 200 / 3600 * 300
"""200 contacts an hour, AHT 300 s."""


@pytest.mark.parametrize(("agents", "wait_s", "gave_up"), [(20, 5.17, 0.0431), (15, 21.15, 0.1763)])
def test_erlang_a_of_the_reference_cases(agents: int, wait_s: float, gave_up: float) -> None:
    assert erlang_a_wait_s(LOAD, agents, 300, 1 / 120) == pytest.approx(wait_s, abs=0.005)
    assert erlang_a_wait_s(LOAD, agents, 300, 1 / 120) / 120 == pytest.approx(gave_up, abs=5e-5)  # theta E[W]


@pytest.mark.parametrize("agents", [1, 2, 7, 40, 300])
@pytest.mark.parametrize("rho", [0.05, 0.5, 0.9, 1.0, 1.01, 1.3, 2.9])
@pytest.mark.parametrize(("handle_s", "patience_s"), [(20.0, 600.0), (300.0, 120.0), (900.0, 600.0)])
def test_erlang_a_is_the_birth_death_chain(agents: int, rho: float, handle_s: float, patience_s: float) -> None:
    exact_s = in_m_m_n_m(rho * agents, agents, handle_s, patience_s)
    ours_s = erlang_a_wait_s(rho * agents, agents, handle_s, 1 / patience_s)
    assert ours_s == pytest.approx(exact_s, rel=1e-6, abs=1e-3)


def test_with_very_patient_callers_erlang_a_is_erlang_c() -> None:
    assert erlang_a_wait_s(LOAD, 20, 300, 1e-9) == pytest.approx(30.43, abs=0.005)


def test_erlang_a_has_a_finite_answer_to_everything() -> None:
    for load in (0.0, 1e-300, 1e-9, 1.0, 4_000.0, 4_001.0, 1e6, 1e300):
        for agents in (0.0, 1.0, 3_999.0, 4_000.0, 4_001.0, 1e6):
            for handle_s in (0.0, 0.01, 300.0, 1e6):
                assert 0.0 <= erlang_a_wait_s(load, agents, handle_s, 1 / 600) <= 600.0 * (1 + 1e-9)


def test_more_load_longer_contacts_or_fewer_agents_never_mean_a_shorter_wait() -> None:
    """What the bounds of a minute count on."""
    rng = random.Random(4)
    for _ in range(2000):
        agents, handle_s = rng.choice((1, 2, 6, 30, 150)), rng.uniform(5, 1200)
        load, rate = agents * rng.uniform(0.01, 2.8), 1 / rng.uniform(30, 3600)
        wait_s = erlang_a_wait_s(load, agents, handle_s, rate)
        slack = wait_s * (1 + 1e-6) + 1e-3
        assert wait_s <= erlang_a_wait_s(load * 1.01, agents, handle_s, rate) + 1e-3
        assert wait_s <= erlang_a_wait_s(load, agents, handle_s * 1.02, rate) + 1e-3
        assert erlang_a_wait_s(load, agents, handle_s * 1.15, rate) <= 1.15 * slack
        assert erlang_a_wait_s(load, agents + 1, handle_s, rate) <= slack


def test_agents_needed_are_the_fewest_within_the_target() -> None:
    for load in (0.0, 3.0, 16.67, 30.0, 420.0):
        for target_s in (1.0, 20.0, 60.0):
            needed = agents_needed(load, 1, 300, 1 / 600, target_s)
            assert erlang_a_wait_s(load, needed, 300, 1 / 600) <= target_s
            assert needed == 1 or erlang_a_wait_s(load, needed - 1, 300, 1 / 600) > target_s
    assert agents_needed(LOAD, 60, 300, 1 / 600, 20) == 60
