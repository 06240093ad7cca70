"""What a tenant's feed has shown: a driver whose source never came is off, and its weight is not in the scale.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
import numpy as np

from services.scoring.core import agent_drivers as ad
from services.scoring.core import queue_drivers as qd
from services.scoring.core.batch import Batch
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


def sources_of(b: Batch) -> int:
    """Bits of the sources that a batch shows."""
    bits: cython.longlong = 0
    i: cython.Py_ssize_t
    for i in range(b.n):
        bits |= _KINDS[b.kind[i]]
        if b.since_previous_ms[i] >= 0:
            bits |= _REPEATS
        if b.kind[i] == _HANDLED:
            if b.flags[i] & _TOLD:
                bits |= _COMPLAINTS
            if b.issue[i] >= 0:
                bits |= _ISSUES
            if b.n1[i] == b.n1[i]:  # the wait
                bits |= _WAITS
    return bits
