from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

NAMED: tuple[str, ...]

class Batch:
    tenant: int
    n: int
    queue: Any
    contact: Any
    outbound: NDArray[np.int64] | None
    id_texts: dict[bytes, str]

    def __init__(
        self,
        tenant: int,
        kind: NDArray[np.uint8],
        at_ms: NDArray[np.int64],
        named: Rows,
        contact: NDArray[np.uint64],
        flags: NDArray[np.uint32],
        numbers: Floats,
        since_previous_ms: NDArray[np.int64],
        outbound: NDArray[np.int64] | None,
        ids: NDArray[np.uint64],
        id_texts: dict[bytes, str],
    ) -> None: ...

class Facts:
    row: Any
    arrival: Any
    abandoned: Any
    handled: Any
    repeat: Any
    ended_repeat: Any
    of_queue: Any
    arrived: Any
    mentioned: Any
    evident: Any
    long_one: Any
    wait_s: Any
    counted: Any
    began_ms: Any
    brings: Any
    tells: Any
    amount: Any
    measured: Any

    def __init__(self) -> None: ...
    def make_room(self, events: int) -> None: ...
