"""Shapes of the levels of queue drivers, and what is left of their sums.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
from cython.cimports.libc.math import log1p

from services.scoring.core import queue_drivers as qd

_FELT = cython.declare(cython.double, qd.FELT)
_REMEMBERED = cython.declare(cython.double, qd.REMEMBERED)
_LOAD_FORESEEN = cython.declare(cython.double, qd.LOAD_FORESEEN)
_LEVEL_MAX = cython.declare(cython.double, qd.LEVEL_MAX)


@cython.ccall
@cython.exceptval(check=False)
def clipped(level: cython.double) -> cython.double:
    """From 0 up to LEVEL_MAX."""
    return min(max(level, 0.0), _LEVEL_MAX)


@cython.ccall
@cython.exceptval(check=False)
def felt(longest_s: cython.double, target_s: cython.double) -> cython.double:
    """Level of a wait that somebody has, NaN for nobody: it grows with its square, as patience ends."""
    return clipped(_FELT * (longest_s / target_s) * (longest_s / target_s)) if longest_s > 0.0 else 0.0


@cython.ccall
@cython.exceptval(check=False)
def faded(felt_s2: cython.double, target_s: cython.double) -> cython.double:
    """Level of a wait of which so much (s squared) is left."""
    return _REMEMBERED * clipped(_FELT * felt_s2 / (target_s * target_s))


@cython.ccall
@cython.exceptval(check=False)
def lately(
    recent_s: cython.double, faded_level: cython.double, longest_s: cython.double, target_s: cython.double
) -> cython.double:
    """Level of the waits that ended lately: their mean, and what is left of the longest beyond who waits now."""
    return clipped(recent_s / target_s + max(faded_level - felt(longest_s, target_s), 0.0))


@cython.ccall
@cython.exceptval(check=False)
def beyond(expected_s: cython.double, longest_s: cython.double) -> cython.double:
    """What a contact is expected to wait beyond the wait of the oldest, which is NaN for nobody."""
    return expected_s - longest_s if longest_s > 0.0 else expected_s


@cython.ccall
@cython.exceptval(check=False)
def lacking(needed: cython.double, agents: cython.double, full: cython.double) -> cython.double:
    """Level of the agents who are missing, as a part of those needed; 0 where none is known to be."""
    missing: cython.double = (needed - agents) / needed if needed > 0.0 else 0.0
    return foreseen(missing / full, _LOAD_FORESEEN)


@cython.ccall
@cython.exceptval(check=False)
def foreseen(level: cython.double, part: cython.double) -> cython.double:
    """Level of what a model says and nobody feels yet: beyond `part` it grows ever more slowly."""
    return part * log1p(clipped(level) / part) if level > 0.0 else 0.0


@cython.ccall
@cython.exceptval(check=False)
def fourth(hours: cython.double) -> cython.double:
    """What is left of a sum of half an hour where `hours` is left of one of two hours."""
    two: cython.double = hours * hours
    return two * two


@cython.ccall
@cython.exceptval(check=False)
def twelfth(hours: cython.double) -> cython.double:
    """The same for a sum of ten minutes."""
    six: cython.double = fourth(hours) * hours * hours
    return six * six
