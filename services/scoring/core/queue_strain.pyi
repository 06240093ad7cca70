import numpy as np
from numpy.typing import NDArray

from services.scoring.core.contact_facts import Facts
from services.scoring.core.intake import Batch
from services.scoring.core.pools import Pools
from services.scoring.core.queue_rows import QueueRows
from services.scoring.core.queue_table import JudgedQueues, QueueParameters, Queues

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

def rows_of(queues: Queues, p: QueueParameters, pools: Pools) -> QueueRows: ...
def add(queues: Queues, q: int, at_ms: int, column: int, amount: float, p: QueueParameters, pools: Pools) -> None: ...
def apply(queues: Queues, b: Batch, facts: Facts, p: QueueParameters, pools: Pools) -> Rows: ...
def near(queues: Queues, r: Rows, pools: Pools) -> Rows: ...
def what_if(
    queues: Queues, r: Rows, fewer: float, at_ms: int, p: QueueParameters, pools: Pools
) -> NDArray[np.float64]: ...
def judge(queues: Queues, r: Rows, at_ms: int, p: QueueParameters, pools: Pools) -> JudgedQueues: ...
