from services.scoring.core.agent_rows cimport AgentRows
from services.scoring.core.batch cimport Batch, Facts
