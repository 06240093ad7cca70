"""What other compiled modules see of a watch; see alerting.py."""

cimport cython

from services.scoring.core.hash_index cimport strainwatch_fetch


@cython.final
cdef class Watcher:
    cdef readonly object rule
    cdef readonly long long version
    cdef long long now
    cdef unsigned char[:] phase
    cdef unsigned char[:] severity
    cdef long long[:] since
    cdef long long[:] below_since
    cdef long long[:] snoozed_until
    cdef double[::1] open_line
    cdef double[::1] open_hold_s
    cdef double[::1] close_line
    cdef double[::1] close_hold_s
    cdef double[::1] critical_line
    cdef double[::1] escalate_after_s

    cdef void fetch(self, Py_ssize_t r) noexcept
    cdef bint idle(self, Py_ssize_t r) noexcept
    cdef int step(self, Py_ssize_t r, double value, double borne) noexcept
    cdef bint reopens(self, Py_ssize_t r, double low, double high) noexcept
    cdef bint move(self, Py_ssize_t r, double value) noexcept
    cdef bint restless(self, Py_ssize_t r) noexcept
    cdef bint quiet(self, Py_ssize_t r, double low, double high) noexcept
