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
STEPS: int
COUNT_MAX: int

class Ended:
    def __init__(self) -> None: ...
    def make_room(self, contacts: int) -> None: ...

class HandleTimes(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    agent: NDArray[np.int32]
    topic: NDArray[np.int32]
    logs: NDArray[np.int16]
    count: NDArray[np.int16]
    abnormal_run: NDArray[np.int8]
    used: NDArray[np.uint32]
    _uses: int
    _slots: NDArray[np.int32]

    def rows_of(self, agents: Rows, topics: Rows) -> Rows: ...
    def hear(self, ended: Ended) -> None: ...
    def observe(self, rows: Rows, whole: Rows, handle_s: Floats) -> tuple[Floats, Floats, NDArray[np.uint8]]: ...
