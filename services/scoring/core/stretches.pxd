"""What other compiled modules see of the stretches of agents; see stretches.py."""

cimport cython

from services.scoring.core.alerting cimport Watcher


@cython.final
cdef class StretchRows:
    cdef readonly long long version
    cdef unsigned char[:] state
    cdef unsigned char[:] said_state
    cdef long long[:] rest_ms
    cdef long long[:] t_ms
    cdef double[:] work_s
    cdef double[:] hard
    cdef long long[:] hard_ms
    # One row at a moment.
    cdef double felt
    cdef double felt_low
    cdef double worked_min
    cdef double worked_low
    cdef double worked_high

    cdef void judge(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void feel(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void work(self, Py_ssize_t r, long long at_ms) noexcept
    cdef bint due(self, Py_ssize_t r, Watcher hard, Watcher rest, Watcher thanks) noexcept
    cdef bint quiet(self, Py_ssize_t r, Watcher hard, Watcher rest, Watcher thanks) noexcept
