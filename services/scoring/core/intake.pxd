from services.scoring.core.batch cimport Batch
from services.scoring.core.seen cimport Seen
