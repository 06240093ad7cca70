from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

class Service(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    agent: NDArray[np.int32]
    queue: NDArray[np.int32]
    last_ms: NDArray[np.int64]

    def serve(self, kinds: NDArray[np.uint8], agents: Rows, queues: Rows, at_ms: NDArray[np.int64]) -> int: ...
