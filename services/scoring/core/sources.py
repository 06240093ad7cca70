"""What a tenant's feed has shown: a driver whose source never came is off, and its weight is not in the scale."""

from __future__ import annotations

import numpy as np

from services.scoring.core import agent_drivers as ad
from services.scoring.core import queue_drivers as qd
from services.scoring.core.intake import Batch
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


def sources_of(batch: Batch, known: int) -> int:
    """Bits of the sources that a batch shows; `known` are those that need no looking for any more."""
    seen = np.flatnonzero(np.bincount(batch.kind)).tolist()
    bits = 0
    for kind in seen:
        bits |= _BY_KIND.get(kind, 0)
    if HANDLED in seen:
        handled = batch.kind == HANDLED
        if not known & ad.SOURCE_COMPLAINTS:
            told = batch.flags[handled] & np.uint32(COMPLAINT | ABUSIVE | COMPLIMENT)
            bits |= ad.SOURCE_COMPLAINTS if told.any() else 0
        if not known & ad.SOURCE_ISSUES:
            bits |= ad.SOURCE_ISSUES if (batch.issue[handled] >= 0).any() else 0
        if not known & ad.SOURCE_WAITS or not known & qd.SOURCE_ENDED:
            waits = batch.n1[handled]
            bits |= ad.SOURCE_WAITS | qd.SOURCE_ENDED if (waits == waits).any() else 0
    if not known & ad.SOURCE_REPEATS and (batch.since_previous_ms >= 0).any():
        bits |= ad.SOURCE_REPEATS
    return bits
