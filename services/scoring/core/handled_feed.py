"""What a batch brings to the sums of the running day: handle times of queues, waits and abandonments of a tenant.

Sums grow in the order of the events. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
from cython.cimports.libc.math import log

from services.scoring.core.batch import Batch, Facts

BOUND = 1.5
"""Of a contact's deviation, in log units, about 2.5 standard deviations: one contact of an hour must not make a day."""
WAIT_MAX_S = 3600.0
"""Of one contact: a forgotten one that waits for a day must not outweigh a morning. Product choice."""

_BOUND = cython.declare(cython.double, BOUND)
_WAIT_MAX_S = cython.declare(cython.double, WAIT_MAX_S)


def note(b: Batch, facts: Facts, levels: Any, patience: Any) -> None:
    """Take a batch in. `levels` and `patience` have rows for all of its queues and for its tenant."""
    usual: cython.const[cython.double][:] = levels.queues.usual if cython.compiled else memoryview(levels.queues.usual)
    today: cython.double[:, ::1] = levels.today if cython.compiled else memoryview(levels.today)
    waited: cython.double[:] = patience.today_waited_s if cython.compiled else memoryview(patience.today_waited_s)
    given_up: cython.double[:] = patience.today_abandoned if cython.compiled else memoryview(patience.today_abandoned)
    tenant: cython.Py_ssize_t = b.tenant
    i: cython.Py_ssize_t
    for i in range(b.n):
        if facts.wait_s[i] == facts.wait_s[i]:
            waited[tenant] += min(facts.wait_s[i], _WAIT_MAX_S)
        given_up[tenant] += facts.abandoned[i]
        q: cython.Py_ssize_t = b.queue[i]
        if not facts.handled[i] or q < 0 or b.n0[i] != b.n0[i]:
            continue
        # Of a queue of which nothing is known yet, the values themselves.
        deviation: cython.double = log(max(b.n0[i], 1.0))
        if usual[q] == usual[q]:
            deviation = min(max(deviation - usual[q], -_BOUND), _BOUND)
        today[q, 0] += 1.0
        today[q, 1] += deviation
        today[q, 2] += deviation * deviation
