"""What events newly say of their contacts: each fact counts once, the first that is complete, in whatever order.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython

from services.scoring.core import contradictions as odd
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.hash_index import HashIndex
from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OBSERVED, OFFERED, REPEATED

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
_OBSERVED = cython.declare(cython.int, OBSERVED)
_ANSWERED_UNOFFERED = cython.declare(cython.Py_ssize_t, odd.ANSWERED_UNOFFERED)
_ANSWERED_BEFORE_OFFERED = cython.declare(cython.Py_ssize_t, odd.ANSWERED_BEFORE_OFFERED)
_HANDLED_UNANSWERED = cython.declare(cython.Py_ssize_t, odd.HANDLED_UNANSWERED)
_ABANDONED_AND_ANSWERED = cython.declare(cython.Py_ssize_t, odd.ABANDONED_AND_ANSWERED)
_SINCE_MAX_MS = cython.declare(cython.longlong, 2**31 - 1)
"""Room for 24 days; a repeat is one within 7."""
_TENANT_MIX = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_NAN = cython.declare(cython.double, float("nan"))
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Events between asking for a row and using it: about as long as memory takes."""


@cython.final
@cython.cclass
class _ContactRows:
    """The columns of the table and of who waits in which queue, bound once; and what one event newly says."""

    version: cython.longlong
    queues_version: cython.longlong
    known: cython.uchar[:]
    queue: cython.int[:]
    agent: cython.int[:]
    offered_ms: cython.longlong[:]
    answered_ms: cython.longlong[:]
    last_ms: cython.longlong[:]
    since_previous_ms: cython.int[:]
    ahead: cython.int[:]
    behind: cython.int[:]
    waiting: cython.longlong[:]
    oldest_ms: cython.longlong[:]
    first: cython.int[:]
    last: cython.int[:]
    odd: cython.longlong[::1]

    def __init__(self, contacts: Any) -> None:
        queues = contacts.queues
        self.version, self.queues_version = contacts.version, queues.version
        self.known = memoryview(contacts.known)
        self.queue = memoryview(contacts.queue)
        self.agent = memoryview(contacts.agent)
        self.offered_ms = memoryview(contacts.offered_ms)
        self.answered_ms = memoryview(contacts.answered_ms)
        self.last_ms = memoryview(contacts.last_ms)
        self.since_previous_ms = memoryview(contacts.since_previous_ms)
        self.ahead = memoryview(contacts.ahead)
        self.behind = memoryview(contacts.behind)
        self.waiting = memoryview(queues.waiting)
        self.oldest_ms = memoryview(queues.oldest_ms)
        self.first = memoryview(queues.first_waiting)
        self.last = memoryview(queues.last_waiting)
        self.odd = memoryview(contacts.contradictions)

    def fits(self, contacts: Any) -> bool:
        return self.version == contacts.version and self.queues_version == contacts.queues.version

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, r: cython.Py_ssize_t, q: cython.Py_ssize_t) -> cython.void:
        """Begin to bring near whom a contact meets when it gets in line or out of it."""
        if cython.compiled and r >= 0:
            if self.ahead[r] >= 0:
                strainwatch_fetch(cython.address(self.behind[self.ahead[r]]))  # noqa: F821 - of the .pxd
            if self.behind[r] >= 0:
                strainwatch_fetch(cython.address(self.ahead[self.behind[r]]))  # noqa: F821
            if q >= 0 and self.last[q] >= 0:
                strainwatch_fetch(cython.address(self.offered_ms[self.last[q]]))  # noqa: F821

    @cython.cfunc
    @cython.exceptval(check=False)
    def join(self, r: cython.Py_ssize_t, q: cython.Py_ssize_t) -> cython.void:
        """A contact gets in line, in the order of offers."""
        k: cython.int = self.last[q]
        while k >= 0 and self.offered_ms[k] > self.offered_ms[r]:
            k = self.ahead[k]
        after: cython.int = self.behind[k] if k >= 0 else self.first[q]
        self.ahead[r], self.behind[r] = k, after
        if k >= 0:
            self.behind[k] = r
        else:
            self.first[q] = r
            self.oldest_ms[q] = self.offered_ms[r]
        if after >= 0:
            self.ahead[after] = r
        else:
            self.last[q] = r
        self.waiting[q] += 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def leave(self, r: cython.Py_ssize_t, q: cython.Py_ssize_t) -> cython.void:
        """A contact gets out of line."""
        k: cython.int = self.ahead[r]
        after: cython.int = self.behind[r]
        if k >= 0:
            self.behind[k] = after
        else:
            self.first[q] = after
            self.oldest_ms[q] = self.offered_ms[after] if after >= 0 else 0
        if after >= 0:
            self.ahead[after] = k
        else:
            self.last[q] = k
        self.waiting[q] -= 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def doubt(self, r: cython.Py_ssize_t, kind: cython.int, at_ms: cython.longlong) -> cython.void:
        """Count what an event, about to be applied, contradicts; each thing once a contact."""
        known: cython.uchar = self.known[r]
        offered_ms: cython.longlong = self.offered_ms[r]
        answered_ms: cython.longlong = self.answered_ms[r]
        abandoned: cython.bint = known & _ENDED and not known & _HAS_HANDLE
        if kind == _OFFERED:
            if offered_ms == 0 and 0 < answered_ms < at_ms:
                self.odd[_ANSWERED_BEFORE_OFFERED] += 1
        elif kind == _ANSWERED:
            if answered_ms == 0:
                if offered_ms == 0:
                    self.odd[_ANSWERED_UNOFFERED] += 1
                elif at_ms < offered_ms:
                    self.odd[_ANSWERED_BEFORE_OFFERED] += 1
                if abandoned:
                    self.odd[_ABANDONED_AND_ANSWERED] += 1
        elif kind == _HANDLED:
            if answered_ms == 0 and not known & _HAS_HANDLE:
                self.odd[_HANDLED_UNANSWERED] += 1
                if abandoned:
                    self.odd[_ABANDONED_AND_ANSWERED] += 1
        elif kind == _ABANDONED and not abandoned and (answered_ms != 0 or known & _HAS_HANDLE):
            self.odd[_ABANDONED_AND_ANSWERED] += 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def place(
        self, r: cython.Py_ssize_t, kind: cython.int, q: cython.Py_ssize_t, at_ms: cython.longlong
    ) -> cython.void:
        """A contact waits from its first offer until anything says that it no longer does, where it was placed last.

        First and last by the events' own times, so that their order makes no difference.
        """
        known: cython.uchar = self.known[r]
        before: cython.Py_ssize_t = self.queue[r]
        waited: cython.bint = known & _IS_WAITING and before >= 0
        if kind in (_ANSWERED, _ABANDONED, _HANDLED):
            known &= _NOT_WAITING
        elif kind == _OFFERED and (self.offered_ms[r] == 0 or at_ms < self.offered_ms[r]):
            if waited:
                self.leave(r, before)
                waited = False
            self.offered_ms[r] = at_ms
            if not known & _WAIT_OVER:
                known |= _IS_WAITING
        now: cython.Py_ssize_t = q if q >= 0 and (before < 0 or at_ms >= self.last_ms[r]) else before
        waits: cython.bint = known & _IS_WAITING and now >= 0
        if waited and not (waits and now == before):
            self.leave(r, before)
        if waits and not (waited and now == before):
            self.join(r, now)
        self.queue[r] = now
        self.known[r] = known

    @cython.cfunc
    @cython.exceptval(check=False)
    def repeats(self, r: cython.Py_ssize_t, told: cython.bint, since_ms: cython.longlong) -> cython.bint:
        """Whether the contact is newly known to be a repeat. The ACD's own word overrides what we found ourselves."""
        known: cython.uchar = self.known[r]
        if told or (since_ms >= 0 and self.since_previous_ms[r] < 0):
            self.since_previous_ms[r] = min(since_ms, _SINCE_MAX_MS)
        if known & _REPEAT or not known & _AGENT_KNOWN or self.since_previous_ms[r] < 0:
            return False
        self.known[r] = known | _REPEAT
        return True


def _rows_of(contacts: Any) -> _ContactRows:
    if contacts.bound is None or not contacts.bound.fits(contacts):
        contacts.bound = _ContactRows(contacts)
    return contacts.bound


def rows_of(contacts: Any, index: HashIndex, b: Batch, facts: Facts) -> None:
    """Find the rows of the contacts that events name, new ones included. There must be room for all."""
    tenant: cython.ulonglong = b.tenant
    free: cython.const[cython.longlong][::1] = contacts.free if cython.compiled else memoryview(contacts.free)
    key_of: cython.ulonglong[:] = contacts.key if cython.compiled else memoryview(contacts.key)
    left: cython.Py_ssize_t = contacts.free_n
    end: cython.Py_ssize_t = contacts.n
    i: cython.Py_ssize_t
    for i in range(b.n):
        index.fetch(key_of_contact(tenant, b.contact[i]))
    for i in range(b.n):
        row: cython.Py_ssize_t = -1
        if _OFFERED <= b.kind[i] <= _REPEATED:
            key: cython.ulonglong = key_of_contact(tenant, b.contact[i])
            row = index.find(key)
            if row < 0:
                if left > 0:  # the last freed first
                    left -= 1
                    row = free[left]
                else:
                    row = end
                    end += 1
                index.set(key, row)
                key_of[row] = key
            if cython.compiled:
                strainwatch_fetch(cython.address(key_of[row]))  # noqa: F821 - of the .pxd
        facts.row[i] = row
    contacts.free_n = left
    contacts.n = end


@cython.ccall
@cython.exceptval(check=False)
def key_of_contact(tenant: cython.ulonglong, contact: cython.ulonglong) -> cython.ulonglong:
    """Key of a contact's hash within its tenant; never 0."""
    return (contact + (tenant * _TENANT_MIX & _MASK64) & _MASK64) | 1


def facts_of(contacts: Any, b: Batch, facts: Facts) -> None:
    """Apply the contact events of a batch in order: note what they newly say.

    A repeat that the ACD tells without an agent belongs to the agent who has the contact: `b.agent` is filled in.
    """
    table: _ContactRows = _rows_of(contacts)
    i: cython.Py_ssize_t
    for i in range(b.n):
        r: cython.Py_ssize_t = facts.row[i]
        kind: cython.int = b.kind[i]
        facts.arrival[i] = facts.abandoned[i] = facts.handled[i] = facts.repeat[i] = facts.ended_repeat[i] = 0
        facts.wait_s[i], facts.counted[i], facts.began_ms[i] = _NAN, 0, -1
        if cython.compiled and i + _AHEAD < b.n:
            table.fetch(facts.row[i + _AHEAD], b.queue[i + _AHEAD])
        facts.of_queue[i] = b.queue[i] >= 0 and kind in (_OBSERVED, _ANSWERED, _ABANDONED)
        if r < 0:
            if kind == _OBSERVED and b.queue[i] >= 0:
                facts.counted[i] = table.waiting[b.queue[i]]
            continue
        table.doubt(r, kind, b.at_ms[i])
        table.place(r, kind, b.queue[i], b.at_ms[i])
        known: cython.uchar = table.known[r]
        if kind != _REPEATED and not known & _ARRIVED:
            facts.arrival[i] = 1
            known |= _ARRIVED
        if kind in (_ANSWERED, _ABANDONED, _HANDLED):
            wait: cython.double = b.n1[i] if kind == _HANDLED else b.n0[i]
            if wait == wait and not known & _WAITED:
                facts.wait_s[i] = wait
                known |= _WAITED
            known |= _WAIT_OVER
        if kind == _ABANDONED:
            facts.abandoned[i] = not known & (_ENDED | _AGENT_KNOWN)
            known |= _ENDED
        elif kind != _OFFERED and b.agent[i] >= 0:
            if not known & _AGENT_KNOWN or b.at_ms[i] >= table.last_ms[r]:
                table.agent[r] = b.agent[i]
            known |= _AGENT_KNOWN
        if kind == _ANSWERED and (table.answered_ms[r] == 0 or b.at_ms[i] < table.answered_ms[r]):
            table.answered_ms[r] = b.at_ms[i]
        if kind == _HANDLED:
            if not known & _HAS_HANDLE:
                facts.handled[i] = 1
                facts.began_ms[i] = table.answered_ms[r]
            known |= _HAS_HANDLE | _ENDED
        table.known[r] = known
        since_ms: cython.longlong = b.since_previous_ms[i]
        if kind == _REPEATED:
            since_ms = cython.cast(cython.longlong, b.n0[i] * 1000.0) if b.n0[i] == b.n0[i] else 0
        if table.repeats(r, kind == _REPEATED, since_ms):
            facts.repeat[i] = 1
            if b.agent[i] < 0:
                b.agent[i] = table.agent[r]
        if facts.handled[i] and table.known[r] & _REPEAT:
            facts.ended_repeat[i] = 1
        table.last_ms[r] = max(table.last_ms[r], b.at_ms[i])


def leave_lines(contacts: Any, rows: Any) -> None:
    """Contacts whose end was lost wait no longer."""
    row: cython.const[cython.longlong][::1] = rows if cython.compiled else memoryview(rows)
    table: _ContactRows = _rows_of(contacts)
    i: cython.Py_ssize_t
    for i in range(row.shape[0]):
        r: cython.Py_ssize_t = row[i]
        if table.known[r] & _IS_WAITING and table.queue[r] >= 0:
            table.leave(r, table.queue[r])
