from services.scoring.core.hash_index cimport HashIndex
from services.scoring.core.batch cimport Batch
