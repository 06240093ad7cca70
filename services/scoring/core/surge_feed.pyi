import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrivals import Streams
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.issues import Issues

BEHIND_MS: int

class SurgeFeed:
    arrivals_too_late: int
    mentions_too_late: int

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
    def note(self, b: Batch, facts: Facts, strain: Floats, open_minute: int, whole: bool) -> bool: ...

def unknown_queues(b: Batch, kept: NDArray[np.int64]) -> list[int]: ...
def unknown_issues(b: Batch, kept: NDArray[np.int64]) -> list[int]: ...
