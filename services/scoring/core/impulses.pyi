from collections.abc import Mapping

from services.scoring.core.agent_table import Agents
from services.scoring.core.baseline import HandleTimes
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.decay import Floats
from services.scoring.core.issue_ages import IssueAges

CONTENT: int
COMPLAINT_HARD: float
LESS_HARD: float

class Room: ...

def impulses(
    b: Batch,
    facts: Facts,
    agents: Agents,
    handle_times: HandleTimes,
    issue_ages: IssueAges,
    queue_strain: Floats,
    p: Mapping[str, Mapping[str, float]],
    room: Room,
) -> None: ...
