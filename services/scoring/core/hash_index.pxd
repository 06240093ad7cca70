"""What other compiled modules see of a HashIndex; see hash_index.py."""

cimport cython


@cython.final
cdef class HashIndex:
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _last
    cdef int _shift
    cdef readonly long long n

    cdef long long find(self, unsigned long long key) noexcept
    cdef void set(self, unsigned long long key, long long value) noexcept
