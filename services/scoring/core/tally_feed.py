"""What the contact events of a batch add to the tallies of the open minute; see tallies.py.

Each fact of a contact counts once, of its queue and in a row of the tallies: (group, issue, department). A contact
whose issue is first told by a later event takes what was counted of it before it was handled along, from the row
without an issue to the one with it.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython

from services.scoring.core.batch import Batch, Facts
from services.scoring.core.hash_index import HashIndex
from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OUTCOME_MASK, REPEATED
from shared.contract.rows import ABUSIVE as ABUSIVE_FLAG
from shared.contract.rows import COMPLAINT as COMPLAINT_FLAG
from shared.contract.rows import COMPLIMENT as COMPLIMENT_FLAG
from shared.contract.rows import OPPORTUNITY as OPPORTUNITY_FLAG
from shared.contract.rows import VISIT_AVOIDED as VISIT_FLAG
from shared.contract.tallies import COUNTERS

REPEAT_MS = 7 * 86_400_000
NAMES_MAX = (1 << 24) - 2
"""Issues of a partition that a key tells apart; what is beyond counts without its issue."""
DEPARTMENTS_MAX = (1 << 16) - 2

_ABANDONED_EVENT = cython.declare(cython.int, ABANDONED)
_ANSWERED_EVENT = cython.declare(cython.int, ANSWERED)
_HANDLED_EVENT = cython.declare(cython.int, HANDLED)
_REPEATED_EVENT = cython.declare(cython.int, REPEATED)
_REPEAT_MS = cython.declare(cython.longlong, REPEAT_MS)
_NAMES_MAX = cython.declare(cython.longlong, NAMES_MAX)
_DEPARTMENTS_MAX = cython.declare(cython.longlong, DEPARTMENTS_MAX)
_OUTCOME_MASK = cython.declare(cython.uint, OUTCOME_MASK)
_COMPLAINT_FLAG = cython.declare(cython.uint, COMPLAINT_FLAG)
_ABUSIVE_FLAG = cython.declare(cython.uint, ABUSIVE_FLAG)
_COMPLIMENT_FLAG = cython.declare(cython.uint, COMPLIMENT_FLAG)
_OPPORTUNITY_FLAG = cython.declare(cython.uint, OPPORTUNITY_FLAG)
_VISIT_FLAG = cython.declare(cython.uint, VISIT_FLAG)

# What is counted of a contact already.
_OFFERED = cython.declare(cython.uint, 1)
_ANSWERED = cython.declare(cython.uint, 2)
_WAITED = cython.declare(cython.uint, 4)
_IN_TIME = cython.declare(cython.uint, 8)
_ABANDONED = cython.declare(cython.uint, 16)
_REPEAT = cython.declare(cython.uint, 32)
_MENTIONED = cython.declare(cython.uint, 64)
WAIT_MAX_S = 65_535
"""Of a wait that is taken along to an issue that comes to be known later; what is longer is cut to it."""
_WAIT_MAX_S = cython.declare(cython.double, WAIT_MAX_S)

_C_OFFERED = cython.declare(cython.Py_ssize_t, COUNTERS.index("offered"))
_C_ANSWERED = cython.declare(cython.Py_ssize_t, COUNTERS.index("answered"))
_C_IN_TIME = cython.declare(cython.Py_ssize_t, COUNTERS.index("in_time"))
_C_ABANDONED = cython.declare(cython.Py_ssize_t, COUNTERS.index("abandoned"))
_C_WAITS = cython.declare(cython.Py_ssize_t, COUNTERS.index("waits"))
_C_WAIT_S = cython.declare(cython.Py_ssize_t, COUNTERS.index("wait_s"))
_C_REPEATS = cython.declare(cython.Py_ssize_t, COUNTERS.index("repeats"))
_C_HANDLED = cython.declare(cython.Py_ssize_t, COUNTERS.index("handled"))
_C_OUTCOME = cython.declare(cython.Py_ssize_t, COUNTERS.index("resolved") - 1)  # outcome 1 is resolved
_C_COMPLAINTS = cython.declare(cython.Py_ssize_t, COUNTERS.index("complaints"))
_C_COMPLIMENTS = cython.declare(cython.Py_ssize_t, COUNTERS.index("compliments"))
_C_ABUSIVE = cython.declare(cython.Py_ssize_t, COUNTERS.index("abusive"))
_C_VISITS = cython.declare(cython.Py_ssize_t, COUNTERS.index("visits_avoided"))
_C_OPPORTUNITIES = cython.declare(cython.Py_ssize_t, COUNTERS.index("opportunities"))
_C_STRAIN = cython.declare(cython.Py_ssize_t, COUNTERS.index("strain_minutes"))


@cython.cfunc
@cython.exceptval(check=False)
def _one(bits: cython.uint) -> cython.double:
    return 1.0 if bits else 0.0


@cython.final
@cython.cclass
class _Minute:
    """The open minute and what is remembered of each contact, bound once."""

    version: cython.longlong
    queues_version: cython.longlong
    contacts_version: cython.longlong
    index: HashIndex
    key: cython.ulonglong[:]
    counts: cython.double[:, :]
    of_queues: cython.double[:, :]
    n: cython.Py_ssize_t
    pressure: cython.float[:]
    mention: cython.int[:]
    told: cython.uchar[:]
    waited_s: cython.ushort[:]

    def __init__(self, tallies: Any, contacts: Any) -> None:
        self.version, self.queues_version = tallies.version, tallies.queues.version
        self.contacts_version = contacts.version
        self.index = tallies.index
        self.key = memoryview(tallies.key)
        self.counts = memoryview(tallies.counts)
        self.of_queues = memoryview(tallies.queues.counts)
        self.pressure = memoryview(contacts.pressure)
        self.mention = memoryview(contacts.mention)
        self.told = memoryview(contacts.told)
        self.waited_s = memoryview(contacts.waited_s)

    def fits(self, tallies: Any, contacts: Any) -> bool:
        return (
            self.version == tallies.version
            and self.queues_version == tallies.queues.version
            and self.contacts_version == contacts.version
        )

    @cython.cfunc
    @cython.exceptval(check=False)
    def row(self, group: cython.longlong, issue: cython.longlong, department: cython.longlong) -> cython.Py_ssize_t:
        """The row of a group, an issue and a department (-1: none)."""
        if issue > _NAMES_MAX:
            issue = -1
        if department > _DEPARTMENTS_MAX:
            department = -1
        key: cython.ulonglong = ((group + 1) << 40) | ((issue + 1) << 16) | (department + 1)
        row: cython.longlong = self.index.find(key)
        if row < 0:
            row = self.n
            self.index.set(key, row)
            self.key[row] = key
            self.n += 1
        return row

    @cython.cfunc
    @cython.exceptval(check=False)
    def add(
        self, row: cython.Py_ssize_t, facts: cython.uint, wait_s: cython.double, times: cython.double
    ) -> cython.void:
        """What came before a contact was handled, `times` 1, or -1 to take it away.

        Without branches: which facts come next cannot be foreseen, and a wrong guess costs more than the sums.
        """
        self.counts[row, _C_OFFERED] += times * _one(facts & _OFFERED)
        self.counts[row, _C_ANSWERED] += times * _one(facts & _ANSWERED)
        self.counts[row, _C_IN_TIME] += times * _one(facts & _IN_TIME)
        self.counts[row, _C_ABANDONED] += times * _one(facts & _ABANDONED)
        self.counts[row, _C_WAITS] += times * _one(facts & _WAITED)
        self.counts[row, _C_WAIT_S] += times * _one(facts & _WAITED) * wait_s
        self.counts[row, _C_REPEATS] += times * _one(facts & _REPEAT)

    @cython.cfunc
    @cython.exceptval(check=False)
    def add_of_queue(self, queue: cython.Py_ssize_t, facts: cython.uint, wait_s: cython.double) -> cython.void:
        """The same of its queue."""
        self.of_queues[queue, _C_OFFERED] += _one(facts & _OFFERED)
        self.of_queues[queue, _C_ANSWERED] += _one(facts & _ANSWERED)
        self.of_queues[queue, _C_IN_TIME] += _one(facts & _IN_TIME)
        self.of_queues[queue, _C_ABANDONED] += _one(facts & _ABANDONED)
        self.of_queues[queue, _C_WAITS] += _one(facts & _WAITED)
        self.of_queues[queue, _C_WAIT_S] += _one(facts & _WAITED) * wait_s
        self.of_queues[queue, _C_REPEATS] += _one(facts & _REPEAT)

    @cython.cfunc
    @cython.exceptval(check=False)
    def handled(
        self, queue: cython.Py_ssize_t, row: cython.Py_ssize_t, flags: cython.uint, strain_minutes: cython.double
    ) -> cython.void:
        """A contact is finished."""
        self.of_queues[queue, _C_HANDLED] += 1.0
        self.counts[row, _C_HANDLED] += 1.0
        outcome: cython.Py_ssize_t = flags & _OUTCOME_MASK
        if 0 < outcome <= 5:
            self.counts[row, _C_OUTCOME + outcome] += 1.0
        if flags & _COMPLAINT_FLAG:
            self.counts[row, _C_COMPLAINTS] += 1.0
        if flags & _COMPLIMENT_FLAG:
            self.counts[row, _C_COMPLIMENTS] += 1.0
        if flags & _ABUSIVE_FLAG:
            self.counts[row, _C_ABUSIVE] += 1.0
        if flags & _VISIT_FLAG:
            self.counts[row, _C_VISITS] += 1.0
        if flags & _OPPORTUNITY_FLAG:
            self.counts[row, _C_OPPORTUNITIES] += 1.0
        if strain_minutes == strain_minutes:
            self.of_queues[queue, _C_STRAIN] += strain_minutes
            self.counts[row, _C_STRAIN] += strain_minutes


def _minute_of(tallies: Any, contacts: Any) -> _Minute:
    if tallies.bound is None or not tallies.bound.fits(tallies, contacts):
        tallies.bound = _Minute(tallies, contacts)
    return tallies.bound


def note(tallies: Any, contacts: Any, b: Batch, facts: Facts, within: Any, teams: Any) -> None:
    """Apply a batch.

    `within` is by queue: how fast (s) the service level asks contacts to be answered; so is `teams`, the code of the
    team of each. There must be room.
    """
    within_s: cython.const[cython.double][::1] = within if cython.compiled else memoryview(within)
    team: cython.int[:] = teams if cython.compiled else memoryview(teams)
    minute: _Minute = _minute_of(tallies, contacts)
    minute.n = tallies.n
    told: cython.uchar[:] = minute.told
    waited_s: cython.ushort[:] = minute.waited_s
    of_tenant: cython.longlong = 2 * b.tenant
    i: cython.Py_ssize_t
    for i in range(b.n):
        r: cython.Py_ssize_t = facts.row[i]
        q: cython.Py_ssize_t = b.queue[i]
        if r < 0 or q < 0:
            continue
        kind: cython.int = b.kind[i]
        known: cython.uint = told[r]
        new: cython.uint = _OFFERED if facts.arrival[i] else 0
        if kind in (_ANSWERED_EVENT, _HANDLED_EVENT) and not known & _ANSWERED:
            new |= _ANSWERED
        if facts.wait_s[i] == facts.wait_s[i]:
            new |= _WAITED
            waited_s[r] = cython.cast(cython.longlong, min(facts.wait_s[i], _WAIT_MAX_S) + 0.5)
            if kind != _ABANDONED_EVENT and facts.wait_s[i] <= within_s[q]:
                new |= _IN_TIME
        if facts.abandoned[i]:
            new |= _ABANDONED
        if not known & _REPEAT:
            since_ms: cython.longlong = b.since_previous_ms[i]
            if kind == _REPEATED_EVENT:
                since_ms = cython.cast(cython.longlong, b.n0[i] * 1000.0) if b.n0[i] == b.n0[i] else 0
            if 0 <= since_ms <= _REPEAT_MS:
                new |= _REPEAT
        group: cython.longlong = 2 * team[q] + 1 if team[q] else of_tenant
        topic: cython.longlong = -1
        if facts.mentioned[i] or known & _MENTIONED:
            topic = minute.mention[r] // 2
        if facts.mentioned[i]:
            if known:
                minute.add(minute.row(group, -1, -1), known, waited_s[r], -1.0)
                minute.add(minute.row(group, topic, -1), known, waited_s[r], 1.0)
            known |= _MENTIONED
        told[r] = known | new
        if new:
            wait: cython.double = facts.wait_s[i] if new & _WAITED else 0.0
            minute.add_of_queue(q, new, wait)
            minute.add(minute.row(group, topic, -1), new, wait, 1.0)
        if facts.handled[i]:
            minute.handled(
                q, minute.row(group, topic, b.department[i]), b.flags[i], minute.pressure[r] * b.n0[i] / 60.0
            )
    tallies.n = minute.n
