from services.scoring.core.batch cimport Batch, Facts
from services.scoring.core.hash_index cimport HashIndex, strainwatch_fetch

cpdef unsigned long long key_of_contact(unsigned long long tenant, unsigned long long contact) noexcept
