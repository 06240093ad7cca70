"""What a tenant's feed has shown: a driver whose source never came is off, and its weight is not in the scale.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core import agent_drivers as ad
from services.scoring.core import queue_drivers as qd
from shared.contract.rows import (
    ABANDONED,
    ABUSIVE,
    ANSWERED,
    CHECK_IN,
    COMPLAINT,
    COMPLIMENT,
    HANDLED,
    OBSERVED,
    OFFERED,
    QUALITY_CHECK,
    REPEATED,
    STATE,
    SUPPORTED,
)

_BY_KIND = {
    ANSWERED: ad.SOURCE_CONTACTS | ad.SOURCE_WAITS | qd.SOURCE_STAFF | qd.SOURCE_ENDED,
    HANDLED: ad.SOURCE_CONTACTS | ad.SOURCE_HANDLED | qd.SOURCE_STAFF,
    ABANDONED: qd.SOURCE_ENDED,
    OFFERED: qd.SOURCE_WAITING,
    OBSERVED: qd.SOURCE_WAITING,
    STATE: ad.SOURCE_STATES,
    REPEATED: ad.SOURCE_REPEATS,
    QUALITY_CHECK: ad.SOURCE_CHECKS,
    CHECK_IN: ad.SOURCE_CHECK_INS,
    SUPPORTED: ad.SOURCE_SUPPORT,
}
_KINDS = cython.declare(cython.longlong[::1], memoryview(np.array([_BY_KIND.get(kind, 0) for kind in range(256)])))
_HANDLED = cython.declare(cython.int, HANDLED)
_TOLD = cython.declare(cython.uint, COMPLAINT | ABUSIVE | COMPLIMENT)
_COMPLAINTS = cython.declare(cython.longlong, ad.SOURCE_COMPLAINTS)
_ISSUES = cython.declare(cython.longlong, ad.SOURCE_ISSUES)
_WAITS = cython.declare(cython.longlong, ad.SOURCE_WAITS | qd.SOURCE_ENDED)
_REPEATS = cython.declare(cython.longlong, ad.SOURCE_REPEATS)


def sources_of(batch: Any) -> int:
    """Bits of the sources that a batch shows."""
    kind: cython.const[cython.uchar][::1] = batch.kind if cython.compiled else memoryview(batch.kind)
    flags: cython.const[cython.uint][::1] = batch.flags if cython.compiled else memoryview(batch.flags)
    issue: cython.const[cython.Py_ssize_t][::1] = batch.issue if cython.compiled else memoryview(batch.issue)
    wait_s: cython.const[cython.double][::1] = batch.n1 if cython.compiled else memoryview(batch.n1)
    since_ms: cython.const[cython.longlong][::1] = (
        batch.since_previous_ms if cython.compiled else memoryview(batch.since_previous_ms)
    )
    bits: cython.longlong = 0
    i: cython.Py_ssize_t
    for i in range(kind.shape[0]):
        bits |= _KINDS[kind[i]]
        if since_ms[i] >= 0:
            bits |= _REPEATS
        if kind[i] == _HANDLED:
            if flags[i] & _TOLD:
                bits |= _COMPLAINTS
            if issue[i] >= 0:
                bits |= _ISSUES
            if wait_s[i] == wait_s[i]:
                bits |= _WAITS
    return bits
