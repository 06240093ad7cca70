"""A batch: events of one tenant that take effect, and what they newly say; its columns are bound once, for all loops.

A dozen compiled loops go over a batch. Bound anew in each, the columns would cost as much as many of these loops.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core import agent_drivers as ad

NAMED = ("queue", "agent", "issue", "team", "department")
_D = cython.declare(cython.Py_ssize_t, len(ad.AGENT_DRIVERS))


class _Rows:
    """What a view of two dimensions is when interpreted: Python's own cannot be cut into its rows."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getitem__(self, row: int) -> memoryview:
        return memoryview(self._array[row])


@cython.final
@cython.cclass
class Batch:
    """Events of one tenant that take effect, in log order; -1 where an event names no such thing.

    Made from `named`, the NAMED columns [5, events], and `numbers`, n0 to n4 [5, events].
    `team` is of an agent's state, `department` the one that a handled contact is about. `outbound` counts contacts to
    the same person within 7 days, 0 for not asked; None: none asked. `ids` are the halves of the 16 bytes, `id_texts`
    those that are no UUIDs.
    """

    def __init__(
        self,
        tenant: int,
        kind: Any,
        at_ms: Any,
        named: Any,
        contact: Any,
        flags: Any,
        numbers: Any,
        since_previous_ms: Any,
        outbound: Any,
        ids: Any,
        id_texts: dict[bytes, str],
    ) -> None:
        self.tenant, self.n = tenant, len(kind)
        self.kind = kind if cython.compiled else memoryview(kind)
        self.at_ms = at_ms if cython.compiled else memoryview(at_ms)
        row: cython.Py_ssize_t[:, ::1] = named if cython.compiled else _Rows(named)
        self.queue, self.agent, self.issue, self.team, self.department = row[0], row[1], row[2], row[3], row[4]
        self.contact = contact if cython.compiled else memoryview(contact)
        self.flags = flags if cython.compiled else memoryview(flags)
        number: cython.const[cython.double][:, ::1] = numbers if cython.compiled else _Rows(numbers)
        self.n0, self.n1, self.n2, self.n3, self.n4 = number[0], number[1], number[2], number[3], number[4]
        self.since_previous_ms = since_previous_ms if cython.compiled else memoryview(since_previous_ms)
        self.outbound = outbound
        self.ids = ids if cython.compiled else memoryview(ids)
        self.id_texts = id_texts


@cython.final
@cython.cclass
class Facts:
    """What the events of a batch newly say, by event: each loop leaves here what the next ones need.

    The memory is used again for the next batch: fresh memory would cost more than what is noted in it. Nothing is
    cleared, as the loop that owns a column writes it for every event.

    By contact_facts: `row` of its contact, -1 for none; `arrival`, `abandoned`, `handled`, `repeat` (0 or 1);
    `ended_repeat`, handled for the first time, and known to be a repeat; `of_queue`, it says how a queue fares;
    `wait_s`, NaN for no new wait; `counted`, of an observation of a queue, how many of its contacts wait by then;
    `began_ms`, of a contact handled for the first time, when the agent took it (0: unknown), else -1.
    By surge_feed: `arrived` in its queue, `mentioned` its issue (0 or 1), each for the first time.
    By impulses and agent_strain: `brings` and `tells`, bits of the drivers to which it adds an `amount`, and of which
    it says what was `measured`, both [event, driver] and nothing where the bit is 0; `evident`, it brings anything;
    `long_one`, bits of impulses.
    """

    def __init__(self) -> None:
        self.room = 0
        self.make_room(1024)

    def make_room(self, events: int) -> None:
        """Room for so many events."""
        if events <= self.room:
            return
        n = max(events, 2 * self.room)
        self.room = n
        flags = np.zeros((10, n), np.uint8)
        self.row = memoryview(np.empty(n, np.intp))
        self.arrival, self.abandoned, self.handled = memoryview(flags[0]), memoryview(flags[1]), memoryview(flags[2])
        self.repeat, self.ended_repeat, self.of_queue = memoryview(flags[3]), memoryview(flags[4]), memoryview(flags[5])
        self.arrived, self.mentioned = memoryview(flags[6]), memoryview(flags[7])
        self.evident, self.long_one = memoryview(flags[8]), memoryview(flags[9])
        self.wait_s = memoryview(np.empty(n))
        self.counted, self.began_ms = memoryview(np.empty(n, np.int64)), memoryview(np.empty(n, np.int64))
        self.brings, self.tells = memoryview(np.empty(n, np.uintc)), memoryview(np.empty(n, np.uintc))
        self.amount, self.measured = memoryview(np.empty((n, _D))), memoryview(np.empty((n, _D)))

    @cython.cfunc
    @cython.exceptval(check=False)
    def bring(self, i: cython.Py_ssize_t, d: cython.Py_ssize_t, amount: cython.double) -> cython.void:
        """An event adds so much to a driver."""
        self.amount[i, d] = amount
        self.brings[i] |= cython.cast(cython.uint, 1) << d

    @cython.cfunc
    @cython.exceptval(check=False)
    def tell(self, i: cython.Py_ssize_t, d: cython.Py_ssize_t, measured: cython.double) -> cython.void:
        """An event says what a driver measures."""
        self.measured[i, d] = measured
        self.tells[i] |= cython.cast(cython.uint, 1) << d
