from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.agent_table import AgentParameters, Agents, JudgedAgents
from services.scoring.core.batch import Batch, Facts

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

RELIEF: float

def rows_of(agents: Agents, p: AgentParameters) -> AgentRows: ...
def touch(agents: Agents, r: Rows, at_ms: Times, p: AgentParameters) -> None: ...
def judge(agents: Agents, r: Rows, at_ms: int, p: AgentParameters, drivers: bool = True) -> JudgedAgents: ...
def apply(
    agents: Agents,
    b: Batch,
    facts: Facts,
    p: AgentParameters,
    of_tenant: Mapping[str, Mapping[str, float]],
) -> Rows: ...
