"""What other compiled modules see of the bound columns of issues; see issue_rows.py."""

cimport cython


@cython.final
cdef class IssueRows:
    cdef readonly long long version
    cdef long long[:, :] bin
    cdef float[:, :] observed
    cdef float[:, :] expected
    cdef float[:, :] again
    cdef double[:, :] cost
    cdef long long[:, :] day
    cdef float[:, :] contacts
    cdef float[:, :] repeats
    cdef float[:, :] followed
    cdef int[:, :] place
    cdef long long[:] places

    cdef Py_ssize_t slot_of_bin(self, Py_ssize_t r, long long at_ms) noexcept
    cdef Py_ssize_t slot_of_day(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void came_in(self, Py_ssize_t r, Py_ssize_t queue) noexcept
    cdef void contact(self, Py_ssize_t r, long long at_ms, long long count) noexcept
    cdef void repeat(self, Py_ssize_t r, long long at_ms, long long since_ms) noexcept
    cdef void handled(self, Py_ssize_t r, long long at_ms, double strain_minutes) noexcept
