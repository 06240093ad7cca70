from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch
from services.scoring.core.tables import Table

SERVES_FOR_MS: int
PAIRS_MIN: int

class Service(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    agent: NDArray[np.int32]
    queue: NDArray[np.int32]
    last_ms: NDArray[np.int64]

    def serve(self, b: Batch) -> int: ...
