"""How long contacts wait, from load and agents: Erlang C, Erlang A (M/M/n+M), and the queue-length estimator.

Load is in Erlangs (arrivals per s times handle time), patience as its rate theta per s. Formulas: Garnett, Mandelbaum
and Reiman (2002); Mandelbaum and Zeltyn, "The Palm/Erlang-A queue". Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
from cython.cimports.libc.math import ceil, exp, floor, log

_AGENTS_MAX = cython.declare(cython.double, 4000.0)
"""A judgement takes time in proportion to the agents. A larger pool is judged as one of 4,000 with the same load per
agent: it waits a little longer there, by seconds at most."""
_LOAD_MAX = cython.declare(cython.double, 3.0)
"""Erlangs per agent. At three times what can be done two of three callers give up: the wait is the patience."""
_NOBODY_WAITS = cython.declare(cython.double, 1e15)
"""Where 1 / Erlang B is beyond this, the mean wait is below a nanosecond."""
_PART_MIN = cython.declare(cython.double, 1e-7)
"""Terms of a sum below this part of it are left out: an error of microseconds."""
_NEVER_IDLE = cython.declare(cython.double, 64.0)
"""Variances: where the mean queue is 8 standard deviations of its length, no agent is ever idle (1e-14 of the time)."""
_INFINITE = cython.declare(cython.double, float("inf"))


@cython.cfunc
@cython.exceptval(check=False)
def _inverse_b(erlangs: cython.double, agents: cython.double) -> cython.double:
    """1 / Erlang B: 1/B(0) = 1, 1/B(k) = 1 + k/a 1/B(k-1). A sum of positive parts, without a division in the loop."""
    inverse: cython.double = 1.0
    per: cython.double = 1.0 / erlangs
    k: cython.double = 1.0
    while k <= agents and inverse < _NOBODY_WAITS:
        inverse = 1.0 + inverse * (k * per)
        k += 1.0
    return inverse


@cython.ccall
@cython.exceptval(check=False)
def erlang_c(erlangs: cython.double, agents: cython.double) -> cython.double:
    """Part of contacts that must wait where nobody gives up; 1 where the load is beyond the agents."""
    if erlangs <= 0.0:
        return 0.0
    if erlangs >= agents:
        return 1.0
    # B / (1 - rho (1 - B))
    return 1.0 / (_inverse_b(erlangs, agents) * (1.0 - erlangs / agents) + erlangs / agents)


@cython.ccall
@cython.exceptval(check=False)
def erlang_c_wait_s(erlangs: cython.double, agents: cython.double, handle_s: cython.double) -> cython.double:
    """Mean wait (ASA) where nobody gives up, s: C AHT / (n - a); infinite where the load is beyond the agents."""
    if erlangs >= agents:
        return _INFINITE
    return erlang_c(erlangs, agents) * handle_s / (agents - erlangs)


@cython.ccall
@cython.exceptval(check=False)
def erlang_c_service_level(
    erlangs: cython.double, agents: cython.double, handle_s: cython.double, within_s: cython.double
) -> cython.double:
    """Part of contacts answered within a time, where nobody gives up: 1 - C exp(-(n - a) T / AHT)."""
    if erlangs >= agents:
        return 0.0
    return 1.0 - erlang_c(erlangs, agents) * exp(-(agents - erlangs) * within_s / handle_s)


@cython.ccall
@cython.exceptval(check=False)
def erlang_a_wait_s(
    erlangs: cython.double, agents: cython.double, handle_s: cython.double, patience_rate: cython.double
) -> cython.double:
    """Mean wait of all who join, s, in M/M/n+M: E[Q] / arrivals. Never infinite: some give up.

    `agents` counts whole ones, at least 1; `patience_rate` is theta > 0, per s. With q waiting, the chance of a state
    is that of "all busy, none waits" times the product over j = 1..q of a / (n + j theta AHT). It is summed from its
    largest term outwards, so that nothing overflows and an overloaded centre takes no longer than a calm one.
    """
    j: cython.double
    if erlangs <= 0.0 or handle_s <= 0.0:
        return 0.0
    n: cython.double = max(floor(agents), 1.0)
    a: cython.double = min(erlangs, _LOAD_MAX * n)
    if n > _AGENTS_MAX:
        a *= _AGENTS_MAX / n
        n = _AGENTS_MAX
    r: cython.double = patience_rate * handle_s
    # All agents busy for ever: as many give up as are not served. E[Q] = (a - n)/r, its variance is a/r.
    if a > n and (a - n) * (a - n) > _NEVER_IDLE * a * r:
        return (a - n) / r * handle_s / a
    top: cython.double = (
        floor((a - n) / r) if a > n else 0.0
    )  # the queue length of the largest term, which is taken as 1
    chances: cython.double = 1.0
    waiting: cython.double = top
    term: cython.double = 1.0
    if top == 0.0:
        chances = _inverse_b(a, n)
        if chances >= _NOBODY_WAITS:
            return 0.0
    else:
        j = top
        while j > 0.0 and term > _PART_MIN * 1e-3:
            term *= (n + j * r) / a
            j -= 1.0
            chances += term
            waiting += j * term
        if j == 0.0:
            chances += term * (_inverse_b(a, n) - 1.0)
    term = 1.0
    j = top
    while True:
        j += 1.0
        term *= a / (n + j * r)
        chances += term
        waiting += j * term
        if j * term < _PART_MIN * chances:
            break
    return waiting / chances * handle_s / a


@cython.ccall
@cython.exceptval(check=False)
def erlang_a_abandonment(
    erlangs: cython.double, agents: cython.double, handle_s: cython.double, patience_rate: cython.double
) -> cython.double:
    """Part of contacts that give up in M/M/n+M: theta E[Q] / arrivals."""
    return patience_rate * erlang_a_wait_s(erlangs, agents, handle_s, patience_rate)


@cython.ccall
@cython.exceptval(check=False)
def agents_needed(
    erlangs: cython.double,
    agents: cython.double,
    handle_s: cython.double,
    patience_rate: cython.double,
    target_s: cython.double,
) -> cython.double:
    """The fewest agents, not less than `agents`, with whom the mean wait of Erlang A is within a target.

    Looked for from where as many give up as may: all busy, the mean wait is (1 - n/a) / theta.
    """
    least: cython.double = max(floor(agents), 1.0)
    few: cython.double = least - 1.0  # of which is known, or assumed, that they are too few
    enough: cython.double = max(floor(erlangs * (1.0 - patience_rate * target_s)), least)
    step: cython.double = 1.0
    while erlang_a_wait_s(erlangs, enough, handle_s, patience_rate) > target_s:
        few = enough
        enough += step
        step *= 2.0
    step = 1.0
    while enough - few > 1.0:
        # Downwards in growing steps, then by halves once both ends are known.
        middle: cython.double = max(enough - step, ceil(0.5 * (few + enough)))
        if erlang_a_wait_s(erlangs, middle, handle_s, patience_rate) > target_s:
            few = middle
        else:
            enough = middle
            step *= 2.0
    return enough


@cython.ccall
@cython.exceptval(check=False)
def queue_length_wait_s(
    waiting: cython.double, agents: cython.double, handle_s: cython.double, patience_rate: cython.double
) -> cython.double:
    """Wait of a contact that joins behind `waiting` others while all agents are busy, s.

    sum over i = 0..q of 1/(n mu + i theta), by Euler-Maclaurin to the second term (error below 1e-3 of the sum).
    `patience_rate` is theta, per second.
    """
    first: cython.double = agents / handle_s
    last: cython.double = first + waiting * patience_rate
    body: cython.double = waiting / first
    if patience_rate * waiting > 1e-9 * first:
        body = log(last / first) / max(patience_rate, 1e-12)
    ends: cython.double = 0.5 * (1.0 / first + 1.0 / last)
    slopes: cython.double = patience_rate / 12.0 * (1.0 / (first * first) - 1.0 / (last * last))
    return body + ends + slopes
