"""What is inside a PlainEvents; see plain_events.py."""

cimport cython


@cython.final
cdef class PlainEvents:
    cdef readonly bytes body
    cdef readonly list ts_ms
    cdef bytes kinds
    cdef unsigned long long[::1] cells
