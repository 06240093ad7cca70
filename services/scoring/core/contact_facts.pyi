from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.intake import Batch
from services.scoring.core.queue_table import Queues

ARRIVED: int
WAITED: int
ENDED: int
REPEAT: int
IS_WAITING: int
AGENT_KNOWN: int
HAS_HANDLE: int
WAIT_OVER: int

Flags = NDArray[np.uint8]

@dataclass(slots=True)
class Facts:
    arrival: Flags
    abandoned: Flags
    handled: Flags
    repeat: Flags
    ended_repeat: Flags
    wait_s: Floats
    began_ms: NDArray[np.int64]
    recount: Flags

def facts_of(contacts: Contacts, rows: NDArray[np.intp], b: Batch, queues: int) -> Facts: ...
def count_waiting(contacts: Contacts, recount: Flags, queues: Queues) -> None: ...
