from services.scoring.core.hash_index cimport HashIndex
