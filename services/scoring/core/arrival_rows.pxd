"""What other compiled modules see of the bound columns of streams; see arrival_rows.py."""

cimport cython


@cython.final
cdef class ArrivalRows:
    cdef readonly long long version
    cdef unsigned long long[::1] key
    cdef long long[::1] offset_ms
    cdef long long[::1] used
    cdef long long[::1] count
    cdef long long[::1] closed
    cdef double[::1] expected
    cdef long long[::1] ready
    cdef double[::1] phi
    cdef double[::1] cv2
    cdef long long[::1] hour
    cdef double[::1] hour_count
    cdef double[::1] hour_second
    cdef long long[::1] hour_minutes
    cdef long long[::1] hour_flagged
    cdef double[:, ::1] hour_steps
    cdef double[::1] usual
    cdef double[:, ::1] halves
    cdef float[:, ::1] rate
    cdef float[:, ::1] worth
    cdef float[:, ::1] second
    cdef float[:, ::1] second_worth
    cdef double[:, ::1] noise
    cdef double[:, ::1] day
    cdef double[:, ::1] run
    cdef double[::1] settled
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
