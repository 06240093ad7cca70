"""What other compiled modules see of the bound columns of streams; see arrival_rows.py."""

cimport cython


@cython.final
cdef class ArrivalRows:
    cdef readonly long long version
    cdef unsigned long long[:] key
    cdef long long[:] offset_ms
    cdef long long[:] used
    cdef long long[:] count
    cdef long long[:] closed
    cdef double[:] expected
    cdef long long[:] ready
    cdef double[:] phi
    cdef double[:] cv2
    cdef long long[:] hour
    cdef double[:] hour_count
    cdef double[:] hour_second
    cdef long long[:] hour_minutes
    cdef long long[:] hour_flagged
    cdef double[:, :] hour_steps
    cdef double[:] usual
    cdef double[:, :] halves
    cdef float[:, :] rate
    cdef float[:, :] worth
    cdef float[:, :] second
    cdef float[:, :] second_worth
    cdef double[:, :] noise
    cdef double[:, :] day
    cdef double[:, :] run
    cdef double[:] settled
    cdef double rate_now
    cdef double unsure

    cdef long long note(
        self, const long long[::1] rows, const long long[::1] at_ms, const long long[::1] counts, long long open_minute
    ) noexcept
    cdef long long note_one(self, Py_ssize_t r, long long at_ms, long long count, long long open_minute) noexcept
    cdef void close(self, Py_ssize_t r, long long minute, bint seen) noexcept
    cdef double expect(self, Py_ssize_t r, long long at) noexcept
    cdef bint look(self, Py_ssize_t r, Py_ssize_t how) noexcept
    cdef double own_noise(self, Py_ssize_t r, double rate) noexcept
    cdef double hourly(self, Py_ssize_t r) noexcept
    cdef void learn(self, Py_ssize_t r, Py_ssize_t how, double rate) noexcept
    cdef bint judge_hour(self, Py_ssize_t r, Py_ssize_t how, double usual, double count, double minutes) noexcept
    cdef void turn(self, Py_ssize_t r, long long hour) noexcept
    cdef double second_share(self, Py_ssize_t r, Py_ssize_t how) noexcept
    cdef void end_hour(self, Py_ssize_t r, Py_ssize_t how) noexcept
    cdef void end_day(self, Py_ssize_t r) noexcept
