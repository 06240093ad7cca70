from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrival_rows import ArrivalRows
from services.scoring.core.tables import Table

STREAMS_MAX: int

class Streams(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    key: NDArray[np.uint64]
    tenant: NDArray[np.int64]
    offset_ms: NDArray[np.int64]
    used: NDArray[np.int64]
    hour: NDArray[np.int64]
    hour_count: NDArray[np.float64]
    hour_minutes: NDArray[np.int64]
    closed: NDArray[np.int64]
    expected: NDArray[np.float64]
    ready: NDArray[np.int64]
    phi: NDArray[np.float64]
    cv2: NDArray[np.float64]
    usual: NDArray[np.float64]
    rate: NDArray[np.float32]
    worth: NDArray[np.float32]
    settled: NDArray[np.float64]
    minute: int
    too_late: int

    def row_of(self, key: int, tenant: int = 0, offset_ms: int = 0) -> int: ...
    def take_freed(self) -> list[int]: ...
    def take_settled(self) -> list[tuple[int, float]]: ...
    def note(self, row: int, at_ms: int, count: int = 1) -> None: ...
    def note_each(self, rows: NDArray[np.int64], at_ms: NDArray[np.int64], counts: NDArray[np.int64]) -> None: ...
    def close_minute(self, seen: bool = True, silent: NDArray[np.int64] | None = None) -> None: ...
    def flag(self, surging: NDArray[np.int64]) -> None: ...
    def rows(self) -> ArrivalRows: ...
    def learn(self, row: int, hour_of_week: int, count: float) -> None: ...
