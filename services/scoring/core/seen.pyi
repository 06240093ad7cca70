import numpy as np
from numpy.typing import NDArray

MARGIN_MS: int

class Seen:
    def forget(self, before_ms: int) -> None: ...
    def fresh(self, ids: NDArray[np.bytes_], tenant: int, at_ms: int) -> NDArray[np.bool_]: ...
