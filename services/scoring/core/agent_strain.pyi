from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_table import AgentParameters, Agents, JudgedAgents
from services.scoring.core.decay import Floats
from services.scoring.core.intake import Batch

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

BREAK_HEALS_FASTER: float
WORK_PAID_PER_BREAK_S: float
TAU_OCCUPANCY_S: float
RELIEF: float

class AgentRows: ...

def rows_of(agents: Agents, p: AgentParameters) -> AgentRows: ...
def touch(agents: Agents, r: Rows, at_ms: Times, p: AgentParameters) -> None: ...
def judge(agents: Agents, r: Rows, at_ms: int, p: AgentParameters) -> JudgedAgents: ...
def apply(
    agents: Agents, b: Batch, amounts: Floats, measured: Floats, began_ms: NDArray[Any], p: AgentParameters
) -> None: ...
def minutes_of_break_until(
    judged: JudgedAgents, row: int, weight: Floats, scale: float, line: float, longest_min: int = 120
) -> int | None: ...
