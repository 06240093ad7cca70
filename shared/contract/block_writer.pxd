"""What is inside a BlockWriter; see block_writer.py."""

cimport cython


cpdef bint put_uuid(str text, unsigned long long[::1] out, Py_ssize_t at) except -1

cpdef bint put_raw_uuid(
    const unsigned char* data, unsigned long long span, unsigned long long[::1] out, Py_ssize_t at
) except -1


@cython.final
cdef class BlockWriter:
    cdef Py_ssize_t n
    cdef bytes kinds
    cdef bytearray raw
    cdef unsigned long long[::1] cells
    cdef double[::1] numbers
    cdef long long[::1] said
    cdef long long[::1] free
    cdef bytearray spare_raw
    cdef unsigned long long[::1] spare
    cdef bytearray id_raw
    cdef unsigned long long[::1] id_cells
    cdef list id_rows
    cdef list id_strings
    cdef list ts_ms
    cdef dict known
    cdef list names

    cdef object put_id(self, Py_ssize_t row, str event_id)
    cdef object put_raw_id(self, Py_ssize_t row, bytes body, unsigned long long span)
    cdef unsigned long long code(self, str name) except? 0xFFFFFFFF
    cdef bytes finish(self, list wanted, list tenants)
    cdef object name_places(self, Py_ssize_t column, unsigned long long[::1] places, list strings)
    cdef object column(self, Py_ssize_t column, bytes kinds, Py_ssize_t width)
    cdef object sparse(
        self, int code, bytes kinds, str dtype, Py_ssize_t n, Py_ssize_t width, unsigned long long default
    )
    cdef Py_ssize_t gather(self, Py_ssize_t column, bytes kinds) except -1
    cdef bytes narrow(self, Py_ssize_t n, Py_ssize_t width)
