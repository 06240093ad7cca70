from services.scoring.core.hash_index cimport strainwatch_fetch
from services.scoring.core.batch cimport Batch, Facts
from services.scoring.core.baseline cimport Ended
