from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.tables import StreamTable

STARTS: int
RISE_MIN: float
RISE_OVER: float
OVER: float
LEVEL_MAX: float
THRESHOLD_MIN: float
EXPECTED: tuple[float, ...]
PHI: tuple[float, ...]
SLOPE: float
LN_FALSE: tuple[tuple[float, ...], ...]

def threshold(false_a_minute: float, expected: float, phi: float) -> float: ...

class Surges(StreamTable):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    ln_false: NDArray[np.float64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    surging: NDArray[np.int64]
    since: NDArray[np.int64]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]

    def share_budget(
        self, tenants: NDArray[np.int64], ready: NDArray[np.int64], budget_a_day: NDArray[np.float64]
    ) -> None: ...
    def step(
        self,
        minute: int,
        contacts: NDArray[np.int64],
        expected: NDArray[np.float64],
        ready: NDArray[np.int64],
        phi: NDArray[np.float64],
        cv2: NDArray[np.float64],
    ) -> None: ...
