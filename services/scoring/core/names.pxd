from services.scoring.core.hash_index cimport HashIndex, strainwatch_fetch
