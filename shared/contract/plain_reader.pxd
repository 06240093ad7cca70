"""What is inside the reader; see plain_reader.py."""

cimport cython

from shared.contract.plain_events cimport PlainEvents


@cython.final
cdef class _Reader:
    cdef Py_ssize_t rows_max
    cdef bytearray kinds
    cdef bytearray raw
    cdef unsigned long long[::1] cells
    cdef double[::1] numbers
    cdef list ts_ms
    cdef Py_ssize_t n
    cdef bytes body
    cdef const unsigned char* data
    cdef Py_ssize_t at
    cdef bint by_line
    cdef long long ts_max_ms
    cdef unsigned long long seen
    cdef Py_ssize_t count
    cdef unsigned char[64] order
    cdef unsigned char[65] found
    cdef Py_ssize_t[65] start
    cdef Py_ssize_t[65] length
    cdef double[65] number

    cdef bint events(self, Py_ssize_t rows_max) except -1
    cdef void space(self) noexcept
    cdef Py_ssize_t string(self) noexcept
    cdef Py_ssize_t word(self, Py_ssize_t start, Py_ssize_t length) noexcept
    cdef bint members(self) noexcept
    cdef bint value(self, Py_ssize_t key) noexcept
    cdef bint literal(self) noexcept
    cdef bint digits(self, Py_ssize_t key) noexcept
    cdef bint event(self) except -1
    cdef long long flags_of(self, Py_ssize_t at, Py_ssize_t key, Py_ssize_t rule) except? -2
