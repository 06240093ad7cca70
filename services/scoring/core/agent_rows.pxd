"""What other compiled modules see of a bound table of agents; see agent_rows.py."""

cimport cython
from cython cimport view

from services.scoring.core.hash_index cimport strainwatch_fetch


@cython.final
cdef class AgentRows:
    cdef readonly object p
    cdef readonly long long version
    cdef int[:] tenant
    cdef int[:] team
    cdef unsigned char[:] state
    cdef long long[:] state_ms
    cdef long long[:] rest_ms
    cdef unsigned char[:] said_state
    cdef long long[:] t_ms
    cdef long long[:] contact_ms
    cdef int[:] queue
    cdef double[::view.strided, ::view.contiguous] last
    cdef double[::view.strided, ::view.contiguous] all_fast
    cdef double[::view.strided, ::view.contiguous] all_slow
    cdef double[:] all_busy
    cdef double[:] all_staffed
    cdef double[:] all_work_s
    cdef double[:] all_unsupported_s
    cdef long long[:] taken_ms
    cdef long long[:] ended_ms
    cdef unsigned char[::1] mark
    cdef long long[::1] odd
    cdef long long[::1] team_changes
    cdef double[:, ::1] weight
    cdef double[::1] scale
    cdef double[::1] occupancy_line
    cdef double[::1] break_line_s
    cdef double[::1] support_line_s
    cdef double[:, ::1] per_contact
    cdef double[::1] rated
    cdef double[::1] growth_left
    # One row at a moment.
    cdef double[::1] fast
    cdef double[::1] slow
    cdef double[::1] level
    cdef double[::1] value
    cdef double busy
    cdef double staffed
    cdef double work_s
    cdef double unsupported_s
    cdef double strain
    cdef double borne
    cdef double lowest
    cdef double highest

    cdef void fetch(self, Py_ssize_t r) noexcept
    cdef void move(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void rise(self, Py_ssize_t d, double over_s, double dt_s) noexcept
    cdef double take(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void relieve(self, Py_ssize_t r, double kept) noexcept
    cdef void touch(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void add_past_contact(self, Py_ssize_t r, long long at_ms, double handle_s) noexcept
    cdef void judge(self, Py_ssize_t r, long long at_ms) noexcept
    cdef void say(self, Py_ssize_t r, long long at_ms, unsigned char state, Py_ssize_t team) noexcept
    cdef void measure(self, Py_ssize_t r) noexcept
    cdef bint below(self, Py_ssize_t r, long long at_ms, double line) noexcept
    cdef double strain_at(self, Py_ssize_t r, long long at_ms) noexcept
    cdef int meet(self, Py_ssize_t r) noexcept
