"""How long a contact will wait: Erlang C's approximation, and the queue-length estimator with abandonment."""

from __future__ import annotations

import numpy as np

from services.scoring.core.decay import Floats

_RHO_MAX = 0.995
"""The formula without abandonment has no answer at 1; near it, the queue-length estimator takes over."""


def wait_when_queue_is_empty_s(rho: Floats, agents: Floats, handle_s: Floats) -> Floats:
    """Mean wait of a contact that joins an empty queue, s (Sakasegawa 1977: M/M/n without the sum of Erlang C).

    P(wait) is about rho^(sqrt(2(n+1)) - 1); one that waits for the first of n agents waits handle_s/n.
    """
    capped = np.minimum(rho, _RHO_MAX)
    return capped ** (np.sqrt(2.0 * (agents + 1.0)) - 1.0) * handle_s / agents


def queue_length_wait_s(waiting: Floats, agents: Floats, handle_s: Floats, patience_rate: Floats) -> Floats:
    """Wait of a contact that joins behind `waiting` others while all agents are busy, s.

    sum over i = 0..q of 1/(n mu + i theta), by Euler-Maclaurin to the second term (error below 1e-3 of the sum).
    `patience_rate` is theta, per second.
    """
    first = agents / handle_s
    last = first + waiting * patience_rate
    body = np.where(
        patience_rate * waiting > 1e-9 * first,
        np.log(last / first) / np.maximum(patience_rate, 1e-12),
        waiting / first,
    )
    ends = 0.5 * (1.0 / first + 1.0 / last)
    slopes = patience_rate / 12.0 * (1.0 / (first * first) - 1.0 / (last * last))
    return body + ends + slopes
