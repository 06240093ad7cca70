from services.scoring.core.hash_index cimport HashIndex, strainwatch_fetch
from services.scoring.core.batch cimport Batch, Facts
