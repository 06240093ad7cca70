"""What events newly say of their contacts: each fact counts once, the first that is complete, in whatever order.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cython
import numpy as np

from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OFFERED, REPEATED

# What is known of a contact.
ARRIVED, WAITED, ENDED, REPEAT, IS_WAITING, AGENT_KNOWN, HAS_HANDLE, WAIT_OVER = (1 << bit for bit in range(8))

_ARRIVED = cython.declare(cython.uchar, ARRIVED)
_WAITED = cython.declare(cython.uchar, WAITED)
_ENDED = cython.declare(cython.uchar, ENDED)
_REPEAT = cython.declare(cython.uchar, REPEAT)
_IS_WAITING = cython.declare(cython.uchar, IS_WAITING)
_NOT_WAITING = cython.declare(cython.uchar, 0xFF ^ IS_WAITING)
_AGENT_KNOWN = cython.declare(cython.uchar, AGENT_KNOWN)
_HAS_HANDLE = cython.declare(cython.uchar, HAS_HANDLE)
_WAIT_OVER = cython.declare(cython.uchar, WAIT_OVER)
_OFFERED = cython.declare(cython.int, OFFERED)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_ABANDONED = cython.declare(cython.int, ABANDONED)
_HANDLED = cython.declare(cython.int, HANDLED)
_REPEATED = cython.declare(cython.int, REPEATED)
_NAN = cython.declare(cython.double, float("nan"))


@dataclass(slots=True)
class Facts:
    """What the events of a batch newly say; arrays by event."""

    arrival: Any  # 0 or 1
    abandoned: Any  # 0 or 1
    handled: Any  # 0 or 1
    repeat: Any  # 0 or 1
    ended_repeat: Any  # 0 or 1: handled for the first time, and known to be a repeat
    wait_s: Any  # NaN: no new wait
    began_ms: Any  # of a contact handled for the first time: when the agent took it (0: unknown); else -1
    recount: Any  # by queue, 0 or 1: who waits there may have changed


@cython.final
@cython.cclass
class _ContactRows:
    """The columns of the table, bound once; and what one event newly says."""

    version: cython.longlong
    known: cython.uchar[::1]
    queue: cython.int[::1]
    agent: cython.int[::1]
    offered_ms: cython.longlong[::1]
    answered_ms: cython.longlong[::1]
    last_ms: cython.longlong[::1]
    since_previous_ms: cython.longlong[::1]
    recount: cython.uchar[::1]

    def __init__(self, contacts: Any) -> None:
        self.version = contacts.version
        self.known = memoryview(contacts.known)
        self.queue = memoryview(contacts.queue)
        self.agent = memoryview(contacts.agent)
        self.offered_ms = memoryview(contacts.offered_ms)
        self.answered_ms = memoryview(contacts.answered_ms)
        self.last_ms = memoryview(contacts.last_ms)
        self.since_previous_ms = memoryview(contacts.since_previous_ms)

    def fits(self, version: cython.longlong) -> bool:
        return self.version == version

    @cython.cfunc
    @cython.exceptval(check=False)
    def place(
        self, r: cython.Py_ssize_t, kind: cython.int, q: cython.Py_ssize_t, at_ms: cython.longlong
    ) -> cython.void:
        """A contact waits from its offer until anything says that it no longer does; where it waits is counted anew."""
        known: cython.uchar = self.known[r]
        before: cython.Py_ssize_t = self.queue[r]
        if kind in (_ANSWERED, _ABANDONED, _HANDLED) and known & _IS_WAITING:
            known &= _NOT_WAITING
            if before >= 0:
                self.recount[before] = 1
        if kind == _OFFERED:
            if self.offered_ms[r] == 0:
                self.offered_ms[r] = at_ms
                if not known & _WAIT_OVER:
                    known |= _IS_WAITING
            if q >= 0:
                self.recount[q] = 1
        if q >= 0:
            if known & _IS_WAITING and before != q:
                self.recount[q] = 1
                if before >= 0:
                    self.recount[before] = 1
            self.queue[r] = q
        self.known[r] = known

    @cython.cfunc
    @cython.exceptval(check=False)
    def repeats(self, r: cython.Py_ssize_t, told: cython.bint, since_ms: cython.longlong) -> cython.bint:
        """Whether the contact is newly known to be a repeat. The ACD's own word overrides what we found ourselves."""
        known: cython.uchar = self.known[r]
        if told or (since_ms >= 0 and self.since_previous_ms[r] < 0):
            self.since_previous_ms[r] = since_ms
        if known & _REPEAT or not known & _AGENT_KNOWN or self.since_previous_ms[r] < 0:
            return False
        self.known[r] = known | _REPEAT
        return True


def facts_of(contacts: Any, rows: Any, b: Any, queues: cython.Py_ssize_t) -> Facts:
    """Apply the contact events of a batch in order; `rows` are those of their contacts, -1 for other events.

    A repeat that the ACD tells without an agent belongs to the agent who has the contact: `b.agent` is filled in.
    """
    row: cython.Py_ssize_t[::1] = memoryview(rows)
    kinds: cython.const[cython.uchar][::1] = memoryview(b.kind)
    at: cython.const[cython.longlong][::1] = memoryview(b.at_ms)
    queue: cython.const[cython.Py_ssize_t][::1] = memoryview(b.queue)
    agent: cython.Py_ssize_t[::1] = memoryview(b.agent)
    n0: cython.const[cython.double][::1] = memoryview(b.n0)
    n1: cython.const[cython.double][::1] = memoryview(b.n1)
    since: cython.const[cython.longlong][::1] = memoryview(b.since_previous_ms)
    n: cython.Py_ssize_t = row.shape[0]
    facts = Facts(*np.zeros((5, n), np.uint8), np.full(n, _NAN), np.full(n, -1), np.zeros(queues, np.uint8))
    arrival: cython.uchar[::1] = memoryview(facts.arrival)
    abandoned: cython.uchar[::1] = memoryview(facts.abandoned)
    handled: cython.uchar[::1] = memoryview(facts.handled)
    repeat: cython.uchar[::1] = memoryview(facts.repeat)
    ended_repeat: cython.uchar[::1] = memoryview(facts.ended_repeat)
    wait_s: cython.double[::1] = memoryview(facts.wait_s)
    began_ms: cython.longlong[::1] = memoryview(facts.began_ms)
    if contacts.bound is None or not contacts.bound.fits(contacts.version):
        contacts.bound = _ContactRows(contacts)
    table: _ContactRows = contacts.bound
    table.recount = memoryview(facts.recount)
    i: cython.Py_ssize_t
    for i in range(n):
        r: cython.Py_ssize_t = row[i]
        if r < 0:
            continue
        kind: cython.int = kinds[i]
        table.place(r, kind, queue[i], at[i])
        known: cython.uchar = table.known[r]
        if kind != _REPEATED and not known & _ARRIVED:
            arrival[i] = 1
            known |= _ARRIVED
        if kind in (_ANSWERED, _ABANDONED, _HANDLED):
            wait: cython.double = n1[i] if kind == _HANDLED else n0[i]
            if wait == wait and not known & _WAITED:
                wait_s[i] = wait
                known |= _WAITED
            known |= _WAIT_OVER
        if kind == _ABANDONED:
            abandoned[i] = not known & (_ENDED | _AGENT_KNOWN)
            known |= _ENDED
        elif kind != _OFFERED and agent[i] >= 0:
            table.agent[r] = agent[i]
            known |= _AGENT_KNOWN
        if kind == _ANSWERED and table.answered_ms[r] == 0:
            table.answered_ms[r] = at[i]
        if kind == _HANDLED:
            if not known & _HAS_HANDLE:
                handled[i] = 1
                began_ms[i] = table.answered_ms[r]
            known |= _HAS_HANDLE | _ENDED
        table.known[r] = known
        since_ms: cython.longlong = since[i]
        if kind == _REPEATED:
            since_ms = cython.cast(cython.longlong, n0[i] * 1000.0) if n0[i] == n0[i] else 0
        if table.repeats(r, kind == _REPEATED, since_ms):
            repeat[i] = 1
            if agent[i] < 0:
                agent[i] = table.agent[r]
        if handled[i] and table.known[r] & _REPEAT:
            ended_repeat[i] = 1
        table.last_ms[r] = max(table.last_ms[r], at[i])
    return facts


def count_waiting(contacts: Any, recount: Any, queues: Any) -> None:
    """Count anew who waits in the flagged queues, and since when the oldest does (0 where none waits)."""
    wanted: cython.uchar[::1] = memoryview(recount)
    waiting: cython.longlong[::1] = memoryview(queues.waiting)
    oldest_ms: cython.longlong[::1] = memoryview(queues.oldest_ms)
    known: cython.uchar[::1] = memoryview(contacts.known)
    queue_of: cython.int[::1] = memoryview(contacts.queue)
    offered_ms: cython.longlong[::1] = memoryview(contacts.offered_ms)
    any_wanted: cython.bint = False
    q: cython.Py_ssize_t
    for q in range(wanted.shape[0]):
        if wanted[q]:
            any_wanted = True
            waiting[q] = 0
            oldest_ms[q] = 0
    if not any_wanted:
        return
    r: cython.Py_ssize_t
    n: cython.Py_ssize_t = contacts.n
    for r in range(n):
        if known[r] & _IS_WAITING and queue_of[r] >= 0 and wanted[queue_of[r]]:
            q = queue_of[r]
            waiting[q] += 1
            if oldest_ms[q] == 0 or offered_ms[r] < oldest_ms[q]:
                oldest_ms[q] = offered_ms[r]
