"""Predicted waits against values computed outside: birth-death sums, and Erlang C itself."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from services.scoring.core.waiting import queue_length_wait_s, wait_when_queue_is_empty_s


def behind_s(waiting: float, agents: float, handle_s: float, patience_s: float) -> float:
    theta = 0.0 if math.isinf(patience_s) else 1.0 / patience_s
    return queue_length_wait_s(waiting, agents, handle_s, theta)


def birth_death_s(waiting: int, agents: float, handle_s: float, patience_s: float) -> float:
    """The exact sum: wait of one who joins behind q others in M/M/n+M."""
    return sum(1.0 / (agents / handle_s + i / patience_s) for i in range(waiting + 1))


def erlang_c_wait_s(per_s: float, handle_s: float, agents: int) -> float:
    """Mean wait in M/M/n: Erlang B by its recursion, then C."""
    load = per_s * handle_s
    b = 1.0
    for k in range(1, agents + 1):
        b = load * b / (k + load * b)
    c = b / (1.0 - load / agents * (1.0 - b))
    return c * handle_s / (agents - load)


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


def test_erlang_c_of_the_reference_case() -> None:
    """200 contacts an hour, AHT 300 s, 20 agents: ASA 30.43 s."""
    assert erlang_c_wait_s(200 / 3600, 300, 20) == pytest.approx(30.43, abs=0.005)


@pytest.mark.parametrize("agents", [2, 5, 20, 60])
@pytest.mark.parametrize("rho", [0.5, 0.7, 0.8333, 0.9, 0.95])
def test_sakasegawas_form_stays_near_erlang_c(agents: int, rho: float) -> None:
    """It is the wait for the first free agent only, C times AHT/n: no 1/(1-rho) of a queue that builds up."""
    handle_s = 300.0
    full_s = erlang_c_wait_s(rho * agents / handle_s, handle_s, agents)
    c_times_s = full_s * (1.0 - rho)
    ours_s = wait_when_queue_is_empty_s(rho, agents, handle_s)
    assert ours_s == pytest.approx(c_times_s, rel=0.1, abs=3.5)


def test_an_overloaded_queue_has_a_finite_answer() -> None:
    waits_s = [wait_when_queue_is_empty_s(rho, 10.0, 300.0) for rho in (0.0, 0.994, 1.0, 7.0)]
    assert waits_s[0] == 0.0
    assert np.isfinite(waits_s).all()
    assert (np.diff(waits_s) >= 0).all()
    assert waits_s[3] <= 30.0


def test_more_waiting_or_fewer_agents_never_predict_a_shorter_wait() -> None:
    seven, six = ([queue_length_wait_s(q, n, 240.0, 1 / 300) for q in range(200)] for n in (7.0, 6.0))
    assert all(later > sooner for sooner, later in pairwise(seven))
    assert all(fewer > more for fewer, more in zip(six, seven, strict=True))
