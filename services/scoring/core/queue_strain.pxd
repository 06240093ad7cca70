from services.scoring.core.queue_rows cimport QueueRows
