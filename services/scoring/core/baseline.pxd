from services.scoring.core.hash_index cimport strainwatch_fetch
