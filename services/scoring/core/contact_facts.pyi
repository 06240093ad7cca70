import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.hash_index import HashIndex

ARRIVED: int
WAITED: int
ENDED: int
REPEAT: int
IS_WAITING: int
AGENT_KNOWN: int
HAS_HANDLE: int
WAIT_OVER: int

def rows_of(contacts: Contacts, index: HashIndex, b: Batch, facts: Facts) -> None: ...
def key_of_contact(tenant: int, contact: int) -> int: ...
def facts_of(contacts: Contacts, b: Batch, facts: Facts) -> None: ...
def leave_lines(contacts: Contacts, rows: NDArray[np.int64]) -> None: ...
