"""Leaky integrators: the shape of every strain (Effort-Recovery theory; recovery frames after Sluiter).

dS/dt = load(t) - S/tau. Between two moments the load is constant, so one step is exact:
S' = S e^(-dt/tau) + load tau (1 - e^(-dt/tau)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAU_FAST_S = 600.0
"""Fast integrator: inside the micro frame (a few minutes to ten). Product choice inside that frame."""
TAU_SLOW_S = 4_500.0
"""Slow integrator: inside the meso frame (ten minutes to an hour and more). Product choice inside that frame."""


def remaining(dt_s: Any, tau_s: Any) -> Floats:
    """e^(-dt/tau), the part that is left after `dt_s` seconds. Always NumPy's exp: math.exp differs in the last bit."""
    left: Floats = np.exp(-np.asarray(dt_s, np.float64) / tau_s)
    return left
