from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrivals import Streams
from services.scoring.core.contact_facts import Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.intake import Batch
from services.scoring.core.issues import Issues

BEHIND_MS: int

@dataclass(slots=True)
class Brought:
    arrived: NDArray[np.uint8]
    mentioned: NDArray[np.uint8]
    arrivals_too_late: int = 0
    mentions_too_late: int = 0

class SurgeFeed:
    def __init__(
        self,
        queues: Streams,
        issues: Streams,
        causes: Issues,
        contacts: Contacts,
        queue_row: NDArray[np.int64],
        issue_row: NDArray[np.int64],
    ) -> None: ...
    def fits(self, queues: Streams, issues: Streams, causes: Issues, contacts: Contacts) -> bool: ...
    def note(
        self, b: Batch, facts: Facts, rows: NDArray[np.intp], strain: Floats, open_minute: int, whole: bool
    ) -> Brought | None: ...

def unknown(rows: NDArray[np.intp], kept: NDArray[np.int64]) -> list[int]: ...
