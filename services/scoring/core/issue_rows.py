"""One issue at a time: what its contacts bring to their five minutes and to their day; see issues.py.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython

BIN_MS = 300_000
BINS = 48
"""Four hours of five minutes: a surge that lasts longer is explained by its last four hours."""
DAYS = 16
"""Seven days that may still be followed, seven that have matured, today, and one to write into."""
REPEAT_DAYS = 7
PLACES = 32
"""Of so many last contacts it is kept in which queue they were: a part is then known to 9 points. Product choice."""
DAY_MS = 86_400_000

_BIN_MS = cython.declare(cython.longlong, BIN_MS)
_BINS = cython.declare(cython.longlong, BINS)
_DAYS = cython.declare(cython.longlong, DAYS)
_DAY_MS = cython.declare(cython.longlong, DAY_MS)
_PLACES = cython.declare(cython.longlong, PLACES)
_REPEAT_MS = cython.declare(cython.longlong, REPEAT_DAYS * DAY_MS)


@cython.final
@cython.cclass
class IssueRows:
    """The columns, bound once."""

    def __init__(self, issues: Any) -> None:
        self.version = issues.version
        self.bin = memoryview(issues.bin)
        self.observed = memoryview(issues.observed)
        self.expected = memoryview(issues.expected)
        self.again = memoryview(issues.again)
        self.cost = memoryview(issues.cost)
        self.day = memoryview(issues.day)
        self.contacts = memoryview(issues.contacts)
        self.repeats = memoryview(issues.repeats)
        self.followed = memoryview(issues.followed)
        self.place = memoryview(issues.place)
        self.places = memoryview(issues.places)

    @cython.cfunc
    @cython.exceptval(check=False)
    def slot_of_bin(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.Py_ssize_t:
        """Where a moment's five minutes stand, emptied if they are new; -1 when they are forgotten."""
        number: cython.longlong = at_ms // _BIN_MS
        slot: cython.Py_ssize_t = number % _BINS
        if self.bin[r, slot] < number:
            self.bin[r, slot] = number
            self.observed[r, slot] = self.expected[r, slot] = self.again[r, slot] = 0.0
            self.cost[r, slot] = 0.0
        return slot if self.bin[r, slot] == number else -1

    @cython.cfunc
    @cython.exceptval(check=False)
    def slot_of_day(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.Py_ssize_t:
        """The same for its day (UTC)."""
        number: cython.longlong = at_ms // _DAY_MS
        slot: cython.Py_ssize_t = number % _DAYS
        if self.day[r, slot] < number:
            self.day[r, slot] = number
            self.contacts[r, slot] = self.repeats[r, slot] = self.followed[r, slot] = 0.0
        return slot if self.day[r, slot] == number else -1

    @cython.cfunc
    @cython.exceptval(check=False)
    def came_in(self, r: cython.Py_ssize_t, queue: cython.Py_ssize_t) -> cython.void:
        """The queue in which a contact with the issue is, -1 for unknown."""
        self.place[r, self.places[r] % _PLACES] = queue
        self.places[r] += 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def contact(self, r: cython.Py_ssize_t, at_ms: cython.longlong, count: cython.longlong) -> cython.void:
        """Contacts with the issue."""
        slot: cython.Py_ssize_t = self.slot_of_bin(r, at_ms)
        if slot >= 0:
            self.observed[r, slot] += count
        slot = self.slot_of_day(r, at_ms)
        if slot >= 0:
            self.contacts[r, slot] += count

    @cython.cfunc
    @cython.exceptval(check=False)
    def repeat(self, r: cython.Py_ssize_t, at_ms: cython.longlong, since_ms: cython.longlong) -> cython.void:
        """One of them was a repeat of a contact so long before."""
        if since_ms > _REPEAT_MS or since_ms > at_ms:
            return
        slot: cython.Py_ssize_t = self.slot_of_bin(r, at_ms)
        if slot >= 0:
            self.again[r, slot] += 1.0
        slot = self.slot_of_day(r, at_ms)
        if slot >= 0:
            self.repeats[r, slot] += 1.0
        slot = self.slot_of_day(r, at_ms - since_ms)
        if slot >= 0:
            self.followed[r, slot] += 1.0

    @cython.cfunc
    @cython.exceptval(check=False)
    def handled(self, r: cython.Py_ssize_t, at_ms: cython.longlong, strain_minutes: cython.double) -> cython.void:
        """What one of them cost."""
        slot: cython.Py_ssize_t = self.slot_of_bin(r, at_ms)
        if slot >= 0:
            self.cost[r, slot] += strain_minutes

    def note_contact(self, r: cython.Py_ssize_t, at_ms: cython.longlong, count: cython.longlong) -> None:
        """See `contact`."""
        self.contact(r, at_ms, count)

    def note_repeat(self, r: cython.Py_ssize_t, at_ms: cython.longlong, since_ms: cython.longlong) -> None:
        """See `repeat`."""
        self.repeat(r, at_ms, since_ms)

    def note_cost(self, r: cython.Py_ssize_t, at_ms: cython.longlong, strain_minutes: cython.double) -> None:
        """See `handled`."""
        self.handled(r, at_ms, strain_minutes)
