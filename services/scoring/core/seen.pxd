"""What is inside a Seen; see seen.py."""

cimport cython

from services.scoring.core.hash_index cimport HashIndex


@cython.final
cdef class Seen:
    cdef HashIndex _index
    cdef long long _from_ms
    cdef long long _looked_ms

    cdef void fetch(self, unsigned long long first, unsigned long long second, unsigned long long tenant) noexcept
    cdef bint is_new(
        self, unsigned long long first, unsigned long long second, unsigned long long tenant, long long at_ms
    ) noexcept
