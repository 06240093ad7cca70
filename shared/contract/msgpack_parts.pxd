"""What other compiled modules see of msgpack; see msgpack_parts.py."""

cimport cython


@cython.final
cdef class Parts:
    cdef bytes raw
    cdef const unsigned char[::1] data
    cdef Py_ssize_t at
    cdef Py_ssize_t size

    cdef long long big(self, Py_ssize_t width, long long value) except? -1
    cdef Py_ssize_t array(self) except? -1
    cdef long long number(self) except? -1
    cdef Py_ssize_t span(self, Py_ssize_t width, Py_ssize_t size) except? -1
    cdef Py_ssize_t blob(self) except? -1
    cdef object text(self)
