from services.scoring.core.agent_table import AgentParameters, Agents

BREAK_BEGINS_S: float
WORK_PAID_PER_BREAK_S: float
TAU_OCCUPANCY_S: float

class AgentRows:
    def __init__(self, agents: Agents, p: AgentParameters) -> None: ...
