"""Queues of a feed that is silent stand still.

Who waited when the feed was last heard may long have been answered: counted on, one caller would bring any queue to its
line. From the moment at which the silence itself is told (`feed.silent`), its queues stay as they were then, until the
feed speaks again. Nothing is judged calm either: nobody knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.queue_table import Queues
from services.scoring.core.silence import Silence


def hold(queues: Queues, silence: Silence, open_line_s: NDArray[np.float64], last_ms: int) -> None:
    """Note of every feed that is silent by `last_ms` the moment (log time) at which its queues begin to stand still.

    It counts from that moment on only, so noting it ahead changes nothing; one that was noted moves with the line.
    """
    held, tenants = queues.held_ms[: queues.n], queues.tenant[: queues.n]
    noted = queues.some_held
    for tenant, from_ms in silence.told_ms(open_line_s):
        if from_ms <= last_ms or noted:
            held[tenants == tenant] = from_ms
    queues.some_held = bool(held.any())


def release(queues: Queues, tenant: int, now_ms: int) -> bool:
    """The feed spoke; True when its queues stood still."""
    if not queues.some_held:
        return False
    held = queues.held_ms[: queues.n]
    here = (held != 0) & (queues.tenant[: queues.n] == tenant)
    stood = bool((held[here] < now_ms).any())
    held[here] = 0
    queues.some_held = bool(held.any())
    return stood
