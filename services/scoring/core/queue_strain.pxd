from services.scoring.core.queue_rows cimport QueueRows
from services.scoring.core.waiting cimport erlang_a_wait_s
from services.scoring.core.batch cimport Batch, Facts
