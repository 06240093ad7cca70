"""What is inside a bound ring of event ids; see evidence.py."""

cimport cython

from services.scoring.core.batch cimport Batch, Facts
from services.scoring.core.hash_index cimport strainwatch_fetch


@cython.final
cdef class Ring:
    cdef readonly long long version
    cdef readonly Py_ssize_t n
    cdef unsigned long long[:, :] ids
    cdef long long[:] next

    cdef void fetch(self, Py_ssize_t r) noexcept
    cdef void note(self, Py_ssize_t r, Batch b, Py_ssize_t i) noexcept
