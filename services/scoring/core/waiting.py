"""How long contacts wait, from load and agents: Erlang A (M/M/n+M).

Load is in Erlangs (arrivals per s times handle time), patience as its rate theta per s. Formulas: Garnett, Mandelbaum
and Reiman (2002); Mandelbaum and Zeltyn, "The Palm/Erlang-A queue". Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
from cython.cimports.libc.math import ceil, floor

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
