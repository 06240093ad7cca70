from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.tables import Table

KEPT: int

class Evidence(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    ids: NDArray[np.uint64]
    next: NDArray[np.int64]

    def note(
        self, rows: NDArray[np.intp], evident: NDArray[np.uint8], ids: NDArray[np.uint64], texts: dict[bytes, str]
    ) -> None: ...
    def of(self, row: int) -> list[str]: ...
