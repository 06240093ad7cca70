from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

def minutes_until_below(
    fast: Floats, slow: Floats, r: Rows, tenant: NDArray[Any], weight: Floats, scale: Floats, line: Floats
) -> Rows: ...
