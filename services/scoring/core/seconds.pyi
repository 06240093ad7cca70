import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.alerting import Watcher
from services.scoring.core.decay import Floats
from services.scoring.core.queue_rows import QueueRows
from services.scoring.core.queue_strain import Rows, Times

Flags = NDArray[np.uint8]

def touch_queues(
    near: Rows, touched: Rows, at_ms: int, table: QueueRows, watch: Watcher, hot: Flags, strain: Floats
) -> tuple[Rows, Floats]: ...
def touch_agents(touched: Rows, at_ms: int, table: AgentRows, watch: Watcher, hot: Flags) -> tuple[Rows, Floats]: ...
def first_due(
    first_ms: int,
    last_ms: int,
    gap_ms: int,
    queues: tuple[Rows, QueueRows, Watcher],
    agents: tuple[Rows, AgentRows, Watcher],
    feeds: tuple[Rows, Times, Watcher],
) -> int: ...
def first_due_of(first_ms: int, last_ms: int, gap_ms: int, r: Rows, value: Floats, watch: Watcher) -> int: ...
