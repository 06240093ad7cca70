import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_table import Agents
from services.scoring.core.alerting import Watcher
from services.scoring.core.decay import Floats

Rows = NDArray[np.intp]

UNHEARD_MS: int
HOT: int
LIVE: int
BETWEEN: float

class StretchRows:
    version: int
    def __init__(self, agents: Agents) -> None: ...

def measure(rows: StretchRows, r: Rows, at_ms: int) -> Floats: ...
def heat(
    rows: StretchRows, r: Rows, at_ms: int, watchers: tuple[Watcher, Watcher, Watcher], hot: NDArray[np.uint8]
) -> Rows: ...
def first_due(
    first_ms: int,
    last_ms: int,
    gap_ms: int,
    rows: StretchRows,
    agents: Rows,
    watchers: tuple[Watcher, Watcher, Watcher],
    queues: Rows,
    contacts: Watcher,
) -> int: ...
