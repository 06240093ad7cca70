"""What other compiled modules see of the stretches of agents; see stretches.py."""

cimport cython

from services.scoring.core.alerting cimport Watcher


@cython.final
cdef class StretchRows:
    cdef readonly long long version
    cdef unsigned char[::1] state
    cdef unsigned char[::1] said_state
    cdef long long[::1] t_ms
    cdef double[::1] work_s
    cdef double[::1] hard
    cdef long long[::1] hard_ms
    # One row at a moment.
    cdef double felt
    cdef double felt_low
    cdef double worked_min
    cdef double worked_low
    cdef double worked_high

    cdef void judge(self, Py_ssize_t r, long long at_ms) noexcept
    cdef bint due(self, Py_ssize_t r, Watcher hard, Watcher rest, Watcher thanks) noexcept
    cdef bint quiet(self, Py_ssize_t r, Watcher hard, Watcher rest, Watcher thanks) noexcept
