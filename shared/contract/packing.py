"""Shares in columns: only those above 0, in each row the largest first. Compiled; see signal_columns."""

import cython
import numpy as np


def packed(shares, values):
    """See the stub."""
    rows: cython.Py_ssize_t = shares.shape[0]
    width: cython.Py_ssize_t = shares.shape[1]
    counts_made = np.zeros(rows, np.uint8)
    codes_made = np.empty(rows * width, np.uint8)
    shares_made = np.empty(rows * width, np.float64)
    values_made = np.empty(rows * width, np.float64)
    share: cython.const[cython.double][:, ::1] = shares if cython.compiled else memoryview(shares)
    value: cython.const[cython.double][:, ::1] = values if cython.compiled else memoryview(values)
    counts: cython.uchar[::1] = counts_made if cython.compiled else memoryview(counts_made)
    codes: cython.uchar[::1] = codes_made if cython.compiled else memoryview(codes_made)
    share_out: cython.double[::1] = shares_made if cython.compiled else memoryview(shares_made)
    value_out: cython.double[::1] = values_made if cython.compiled else memoryview(values_made)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    place: cython.Py_ssize_t
    first: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t = 0
    s: cython.double
    for i in range(rows):
        first = end
        for d in range(width):
            s = share[i, d]
            if s <= 0.0:
                continue
            # A row has a handful of drivers: each is pushed in before the smaller ones.
            place = end
            while place > first and share_out[place - 1] < s:
                codes[place] = codes[place - 1]
                share_out[place] = share_out[place - 1]
                place -= 1
            codes[place] = d
            share_out[place] = s
            end += 1
        counts[i] = end - first
        for place in range(first, end):
            value_out[place] = value[i, codes[place]]
    return counts_made, codes_made[:end], shares_made[:end], values_made[:end]
