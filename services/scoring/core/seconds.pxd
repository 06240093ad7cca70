from services.scoring.core.agent_rows cimport AgentRows
from services.scoring.core.alerting cimport Watcher
from services.scoring.core.queue_rows cimport QueueRows
