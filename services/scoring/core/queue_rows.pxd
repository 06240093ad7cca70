"""What other compiled modules see of a bound table of queues; see queue_rows.py."""

cimport cython
from cython cimport view

from services.scoring.core.queue_levels cimport beyond, clipped, faded, felt, foreseen, fourth, lacking, lately, twelfth
from services.scoring.core.waiting cimport agents_needed, erlang_a_wait_s


@cython.final
cdef class QueueRows:
    cdef readonly object p
    cdef readonly object pools
    cdef readonly long long version
    cdef readonly long long pools_version
    cdef long long[:] first_ms
    cdef long long[:] t_ms
    cdef double[::view.strided, ::view.contiguous] sums
    cdef long long[:] counted
    cdef long long[:] oldest_ms
    cdef long long[:] observed_ms
    cdef double[:] observed_waiting
    cdef double[:] observed_counted
    cdef double[:] observed_longest_s
    cdef double[:] observed_agents
    cdef double[:] needed
    cdef long long[:] held_ms
    cdef double[:] felt_s2
    cdef long long[::1] start
    cdef long long[::1] other
    cdef double[::1] overlap
    cdef double[::1] pool_agents
    cdef double[:, ::1] weight
    cdef double[::1] scale
    cdef double[::1] target_wait_s
    cdef double[::1] patience_rate
    cdef double[::1] recent_target_s
    cdef double[::1] load_line
    cdef double[::1] goal
    cdef double[::1] usual_abandoned
    cdef double[::1] full_abandoned
    cdef double[::1] within_s
    cdef double[::1] full_repeats
    cdef double[::1] full_short
    cdef double[::1] full_surge
    cdef double[:] surge
    cdef double[:] surge_percent
    cdef long long[:] offset_ms
    cdef double[:, :] today_waits_s
    cdef double[:, :] today_capped_s
    cdef double[:, :] today_waits
    cdef double[:] today_contacts
    cdef double[:] today_repeats
    cdef double[:] usual_s
    cdef double[:] usual_repeats
    # A moment, and what was looked at in it; `goes`: an observation goes out of date within a minute.
    cdef long long at_ms
    cdef unsigned int moment
    cdef unsigned int[::1] seen
    cdef unsigned char[::1] goes
    cdef double[::1] waiting
    cdef double[::1] longest_s
    cdef double[::1] rate
    cdef double[::1] erlangs
    cdef double[::1] kept
    cdef double[::1] handle_s
    # One row at the moment.
    cdef double[::1] level
    cdef double[::1] value
    cdef double whole  # sum of its levels
    cdef double strain
    cdef double predicted_s
    cdef double agents
    cdef double pooled_waiting
    cdef double offered
    cdef double pooled_handle_s
    cdef double backlog
    cdef double expected_s
    cdef double recent_s
    cdef double later_s
    cdef double faded
    cdef double rho
    cdef bint stale_soon
    cdef double lowest
    cdef double highest

    cdef void touch(self, Py_ssize_t q, long long at_ms) noexcept
    cdef void feel(self, Py_ssize_t q, long long at_ms, double wait_s) noexcept
    cdef double left(self, Py_ssize_t q, long long at_ms, Py_ssize_t c) noexcept
    cdef void note_wait(self, Py_ssize_t q, long long at_ms, double wait_s) noexcept
    cdef void begin(self, long long at_ms) noexcept
    cdef void look(self, Py_ssize_t q) noexcept
    cdef void pool(self, Py_ssize_t q) noexcept
    cdef void predict(self, Py_ssize_t q) noexcept
    cdef void staff(self, Py_ssize_t q) noexcept
    cdef void judge(self, Py_ssize_t q) noexcept
    cdef void bound(self, Py_ssize_t q) noexcept
