"""What other compiled modules see of the bound columns of issues; see issue_rows.py."""

cimport cython


@cython.final
cdef class IssueRows:
    cdef readonly long long version
    cdef long long[:, ::1] bin
    cdef float[:, ::1] observed
    cdef float[:, ::1] expected
    cdef float[:, ::1] again
    cdef double[:, ::1] cost
    cdef long long[:, ::1] day
    cdef float[:, ::1] contacts
    cdef float[:, ::1] repeats
    cdef float[:, ::1] followed
    cdef int[:, ::1] place
    cdef long long[::1] places

    cdef Py_ssize_t slot_of_bin(self, Py_ssize_t r, long long at_ms) noexcept
    cdef Py_ssize_t slot_of_day(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void came_in(self, Py_ssize_t r, Py_ssize_t queue) noexcept
    cdef void contact(self, Py_ssize_t r, long long at_ms, long long count) noexcept
    cdef void repeat(self, Py_ssize_t r, long long at_ms, long long since_ms) noexcept
    cdef void handled(self, Py_ssize_t r, long long at_ms, double strain_minutes) noexcept
