"""How many minutes of break a strain needs to fall below a line.

In a break nothing adds to strain, so all fast integrators together are one exponential and all slow ones another.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from cython.cimports.libc.math import exp, log

from services.scoring.core.agent_drivers import RATED
from services.scoring.core.agent_table import BREAK_HEALS_FASTER, D
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S
from shared.contract.signals import BREAK_LONGEST_MIN

_D = cython.declare(cython.Py_ssize_t, D)
_RATED = cython.declare(cython.int, sum(1 << d for d in RATED))
_SLOW_HEIGHT = cython.declare(cython.double, TAU_FAST_S / TAU_SLOW_S)
"""Of an impulse in the slow integrator, as strain counts it: see `agent_rows.AgentRows.judge`."""
_LONGEST = cython.declare(cython.int, BREAK_LONGEST_MIN)
_LINE_MAX = cython.declare(cython.double, 99.999999)

_HEALED_S = [60.0 * BREAK_HEALS_FASTER * minutes for minutes in range(BREAK_LONGEST_MIN + 1)]
# What is left after so many minutes.
_FAST_LEFT = cython.declare(cython.double[::1], memoryview(np.array([exp(-s / TAU_FAST_S) for s in _HEALED_S])))
_SLOW_LEFT = cython.declare(cython.double[::1], memoryview(np.array([exp(-s / TAU_SLOW_S) for s in _HEALED_S])))


def minutes_until_below(fast: Any, slow: Any, r: Any, tenant: Any, weight: Any, scale: Any, line: Any) -> Any:
    """Whole minutes of break until the strain of rows `r` is below their `line`; BREAK_LONGEST_MIN at most. [r]

    `fast` and `slow` [row, driver], `tenant` and `line` [row] are of all rows at the moment at which the break begins,
    `weight` [tenant, driver] and `scale` [tenant] of all tenants.
    """
    quick: cython.const[cython.double][:, :] = memoryview(fast)
    lasting: cython.const[cython.double][:, :] = memoryview(slow)
    rows: cython.const[cython.Py_ssize_t][::1] = memoryview(r)
    of_tenant: cython.const[cython.int][:] = memoryview(tenant)
    weighs: cython.const[cython.double][:, ::1] = memoryview(weight)
    scales: cython.const[cython.double][::1] = memoryview(scale)
    lines: cython.const[cython.double][:] = memoryview(line)
    out = np.empty(rows.shape[0], np.intp)
    minutes: cython.Py_ssize_t[::1] = memoryview(out)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    for i in range(rows.shape[0]):
        row: cython.Py_ssize_t = rows[i]
        t: cython.Py_ssize_t = of_tenant[row]
        by_fast: cython.double = 0.0
        by_slow: cython.double = 0.0
        for d in range(_D):
            half: cython.double = 0.5 * weighs[t, d]
            by_fast += half * max(quick[row, d], 0.0)  # occupancy may stand below its line, which is no load
            if (_RATED >> d) & 1:
                by_slow += half * max(lasting[row, d], 0.0)
            else:
                by_slow += half * max(lasting[row, d], 0.0) * _SLOW_HEIGHT
        enough: cython.double = -scales[t] * log(1.0 - min(lines[row], _LINE_MAX) / 100.0)  # the line as a level
        low: cython.int = 0
        high: cython.int = _LONGEST
        while low < high:
            middle: cython.int = (low + high) // 2
            if by_fast * _FAST_LEFT[middle] + by_slow * _SLOW_LEFT[middle] < enough:
                high = middle
            else:
                low = middle + 1
        minutes[i] = high
    return out
