from services.scoring.core.agent_rows cimport AgentRows
