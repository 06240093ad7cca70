"""What other compiled modules see of the contacts that ended; see baseline.py."""

cimport cython

from services.scoring.core.hash_index cimport strainwatch_fetch


@cython.final
cdef class Ended:
    cdef Py_ssize_t room
    cdef Py_ssize_t n
    cdef long long[::1] event
    cdef long long[::1] agent
    cdef long long[::1] topic
    cdef long long[::1] row
    cdef double[::1] took_s
    cdef double[::1] z
    cdef double[::1] ratio
    cdef unsigned char[::1] young
