"""What compiled modules see of a batch and of what it says; see batch.py."""

cimport cython


@cython.final
cdef class Batch:
    cdef readonly Py_ssize_t tenant
    cdef readonly Py_ssize_t n
    cdef readonly object outbound
    cdef readonly object id_texts
    cdef const unsigned char[::1] kind
    cdef const long long[::1] at_ms
    cdef readonly Py_ssize_t[::1] queue
    cdef Py_ssize_t[::1] agent
    cdef Py_ssize_t[::1] issue
    cdef Py_ssize_t[::1] team
    cdef Py_ssize_t[::1] department
    cdef readonly const unsigned long long[::1] contact
    cdef const unsigned int[::1] flags
    cdef const double[::1] n0
    cdef const double[::1] n1
    cdef const double[::1] n2
    cdef const double[::1] n3
    cdef const double[::1] n4
    cdef const long long[::1] since_previous_ms
    cdef const unsigned long long[:, ::1] ids


@cython.final
cdef class Facts:
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t[::1] row
    cdef readonly unsigned char[::1] arrival
    cdef readonly unsigned char[::1] abandoned
    cdef readonly unsigned char[::1] handled
    cdef readonly unsigned char[::1] repeat
    cdef readonly unsigned char[::1] ended_repeat
    cdef readonly unsigned char[::1] of_queue
    cdef readonly unsigned char[::1] arrived
    cdef readonly unsigned char[::1] mentioned
    cdef readonly unsigned char[::1] evident
    cdef readonly unsigned char[::1] long_one
    cdef readonly double[::1] wait_s
    cdef readonly long long[::1] counted
    cdef readonly long long[::1] began_ms
    cdef readonly unsigned int[::1] brings
    cdef readonly unsigned int[::1] tells
    cdef readonly double[:, ::1] amount
    cdef readonly double[:, ::1] measured

    cdef void bring(self, Py_ssize_t i, Py_ssize_t d, double amount) noexcept
    cdef void tell(self, Py_ssize_t i, Py_ssize_t d, double measured) noexcept
