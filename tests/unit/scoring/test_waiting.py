"""Predicted waits against published values, and against birth-death chains in plain Python."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import pytest

from services.scoring.core.waiting import (
    agents_needed,
    erlang_a_abandonment,
    erlang_a_wait_s,
    erlang_c,
    erlang_c_service_level,
    erlang_c_wait_s,
    queue_length_wait_s,
)


def behind_s(waiting: float, agents: float, handle_s: float, patience_s: float) -> float:
    theta = 0.0 if math.isinf(patience_s) else 1.0 / patience_s
    return queue_length_wait_s(waiting, agents, handle_s, theta)


def birth_death_s(waiting: int, agents: float, handle_s: float, patience_s: float) -> float:
    """The exact sum: wait of one who joins behind q others in M/M/n+M."""
    return sum(1.0 / (agents / handle_s + i / patience_s) for i in range(waiting + 1))


def in_m_m_n_m(load: float, agents: int, handle_s: float, patience_s: float) -> tuple[float, float]:
    """(mean wait s, part that gives up) by the birth-death chain, state by state."""
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
    mean_s = waiting / total / float(per_s)
    return mean_s, mean_s / patience_s


def test_ten_waiting_for_twenty_agents_who_need_300_s() -> None:
    assert behind_s(10, 20, 300, math.inf) == pytest.approx(165.0, abs=0.005)
    assert behind_s(10, 20, 300, 120) == pytest.approx(108.27, abs=0.02)


@pytest.mark.parametrize("waiting", [0, 1, 3, 10, 60, 400])
@pytest.mark.parametrize("agents", [1, 4, 20, 150])
@pytest.mark.parametrize("patience_s", [60, 120, 600, 1e9])
def test_the_short_sum_is_the_long_sum_to_a_tenth_of_a_percent(waiting: int, agents: int, patience_s: float) -> None:
    exact_s = birth_death_s(waiting, agents, 300.0, patience_s)
    # The expansion needs callers who are more patient than the next agent to be free is far away.
    impatient = 300.0 / agents / patience_s
    rel = 1e-3 if impatient < 0.7 else 0.01 if impatient < 1.5 else 0.2
    assert behind_s(waiting, agents, 300.0, patience_s) == pytest.approx(exact_s, rel=rel)


LOAD = 200 / 3600 * 300
"""200 contacts an hour, AHT 300 s."""


def test_erlang_c_of_the_reference_case() -> None:
    assert erlang_c(LOAD, 20) == pytest.approx(0.33812, abs=5e-6)
    assert erlang_c_wait_s(LOAD, 20, 300) == pytest.approx(30.43, abs=0.005)
    assert erlang_c_service_level(LOAD, 20, 300, 20) == pytest.approx(0.72925, abs=5e-6)


def test_erlang_c_has_no_answer_where_the_load_is_beyond_the_agents() -> None:
    assert erlang_c(LOAD, 16) == 1.0
    assert math.isinf(erlang_c_wait_s(LOAD, 16, 300))
    assert erlang_c_service_level(LOAD, 16, 300, 20) == 0.0
    assert erlang_c(0.0, 16) == 0.0


@pytest.mark.parametrize(("agents", "wait_s", "gave_up"), [(20, 5.17, 0.0431), (15, 21.15, 0.1763)])
def test_erlang_a_of_the_reference_cases(agents: int, wait_s: float, gave_up: float) -> None:
    assert erlang_a_wait_s(LOAD, agents, 300, 1 / 120) == pytest.approx(wait_s, abs=0.005)
    assert erlang_a_abandonment(LOAD, agents, 300, 1 / 120) == pytest.approx(gave_up, abs=5e-5)


@pytest.mark.parametrize("agents", [1, 2, 7, 40, 300])
@pytest.mark.parametrize("rho", [0.05, 0.5, 0.9, 1.0, 1.01, 1.3, 2.9])
@pytest.mark.parametrize(("handle_s", "patience_s"), [(20.0, 600.0), (300.0, 120.0), (900.0, 600.0)])
def test_erlang_a_is_the_birth_death_chain(agents: int, rho: float, handle_s: float, patience_s: float) -> None:
    exact_s, gave_up = in_m_m_n_m(rho * agents, agents, handle_s, patience_s)
    ours_s = erlang_a_wait_s(rho * agents, agents, handle_s, 1 / patience_s)
    assert ours_s == pytest.approx(exact_s, rel=1e-6, abs=1e-3)
    assert erlang_a_abandonment(rho * agents, agents, handle_s, 1 / patience_s) == pytest.approx(gave_up, abs=1e-5)


def test_with_very_patient_callers_erlang_a_is_erlang_c() -> None:
    assert erlang_a_wait_s(LOAD, 20, 300, 1e-9) == pytest.approx(erlang_c_wait_s(LOAD, 20, 300), rel=1e-4)


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


def test_more_waiting_or_fewer_agents_never_predict_a_shorter_wait() -> None:
    seven, six = ([queue_length_wait_s(q, n, 240.0, 1 / 300) for q in range(200)] for n in (7.0, 6.0))
    assert all(later > sooner for sooner, later in pairwise(seven))
    assert all(fewer > more for fewer, more in zip(six, seven, strict=True))
