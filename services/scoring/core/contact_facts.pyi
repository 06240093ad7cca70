from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.intake import Batch

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
    of_queue: Flags
    wait_s: Floats
    counted: NDArray[np.int64]
    began_ms: NDArray[np.int64]

def rows_of(
    contacts: Contacts, index: HashIndex, tenant: int, hashes: NDArray[np.uint64], kinds: Flags
) -> NDArray[np.intp]: ...
def key_of_contact(tenant: int, contact: int) -> int: ...
def facts_of(contacts: Contacts, rows: NDArray[np.intp], b: Batch) -> Facts: ...
def leave_lines(contacts: Contacts, rows: NDArray[np.int64]) -> None: ...
