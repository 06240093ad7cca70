import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.tallies import Tallies

REPEAT_MS: int
WAIT_MAX_S: int
NAMES_MAX: int
DEPARTMENTS_MAX: int

def note(
    tallies: Tallies,
    contacts: Contacts,
    b: Batch,
    facts: Facts,
    within: Floats,
    teams: NDArray[np.int32],
) -> None: ...
