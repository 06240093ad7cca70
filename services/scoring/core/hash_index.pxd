"""What other compiled modules see of a HashIndex; see hash_index.py."""

cimport cython


cdef extern from *:
    """
    /* Memory that will be needed soon: a look-up in a large index is a wait for memory, and many waits can overlap. */
    #define strainwatch_fetch(address) __builtin_prefetch(address)
    """
    void strainwatch_fetch(const void *address) noexcept


@cython.final
cdef class HashIndex:
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _last
    cdef int _shift
    cdef readonly long long n

    cdef void fetch(self, unsigned long long key) noexcept
    cdef long long find(self, unsigned long long key) noexcept
    cdef void set(self, unsigned long long key, long long value) noexcept
