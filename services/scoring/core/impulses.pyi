from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_table import Agents
from services.scoring.core.baseline import HandleTimes
from services.scoring.core.contact_facts import Facts
from services.scoring.core.decay import Floats
from services.scoring.core.intake import Batch
from services.scoring.core.issue_ages import IssueAges

CONTENT: int
LESS_HARD: float

@dataclass(slots=True)
class Brought:
    amount: Floats
    measured: Floats
    evident: NDArray[np.uint8]

def impulses(
    b: Batch,
    facts: Facts,
    agents: Agents,
    handle_times: HandleTimes,
    issue_ages: IssueAges,
    queue_strain: Floats,
    p: Mapping[str, Mapping[str, float]],
) -> Brought: ...
