from services.scoring.core.pools import Pools
from services.scoring.core.queue_table import QueueParameters, Queues

OBSERVED_FOR_MS: int

class QueueRows:
    def __init__(self, queues: Queues, p: QueueParameters, pools: Pools) -> None: ...
