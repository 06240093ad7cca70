"""How long a contact will wait: Erlang C's approximation, and the queue-length estimator with abandonment.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
from cython.cimports.libc.math import log, pow, sqrt

_RHO_MAX = cython.declare(cython.double, 0.995)
"""The formula without abandonment has no answer at 1; near it, the queue-length estimator takes over."""


@cython.ccall
@cython.exceptval(check=False)
def wait_when_queue_is_empty_s(rho: cython.double, agents: cython.double, handle_s: cython.double) -> cython.double:
    """Mean wait of a contact that joins an empty queue, s (Sakasegawa 1977: M/M/n without the sum of Erlang C).

    P(wait) is about rho^(sqrt(2(n+1)) - 1); one that waits for the first of n agents waits handle_s/n.
    """
    return pow(min(rho, _RHO_MAX), sqrt(2.0 * (agents + 1.0)) - 1.0) * handle_s / agents


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
