"""What is inside a Seen; see seen.py."""

cimport cython

from services.scoring.core.hash_index cimport HashIndex


@cython.final
cdef class Seen:
    cdef HashIndex _index
    cdef long long _from_ms
