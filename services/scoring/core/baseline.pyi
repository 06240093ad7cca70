from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

Rows = NDArray[np.int64]

WINDOW: int
ENOUGH: int
MAD_FLOOR: float
ABNORMAL_Z: float
RELEARN_AFTER: int
TOPICS_MAX: int

class HandleTimes(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    agent: NDArray[np.int64]
    topic: NDArray[np.int64]
    logs: NDArray[np.float32]
    count: NDArray[np.int64]
    abnormal_run: NDArray[np.int32]
    used: NDArray[np.int64]

    def rows_of(self, agents: Rows, topics: Rows) -> Rows: ...
    def observe(self, rows: Rows, whole: Rows, handle_s: Floats) -> tuple[Floats, Floats, NDArray[np.uint8]]: ...
