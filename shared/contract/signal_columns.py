"""The columns of signals: made from arrays, read as arrays, and read as the rows that clients see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.packing import packed
from shared.contract.signals import (
    BREAK_LONGEST_MIN,
    NO_BREAK_MIN,
    AgentColumns,
    AgentSignal,
    BadSignals,
    BreakCost,
    BreakDue,
    DriverColumns,
    DriverShare,
    IssueColumns,
    IssueShare,
    QueueColumns,
    QueueSignal,
    TenantSignals,
)

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

DRIVERS_MAX = 255
"""A driver's code is one byte."""
_MINUTES: list[int | None] = [m if m <= BREAK_LONGEST_MIN else None for m in range(256)]


def column(values: NDArray[Any] | Sequence[Any], type_: str) -> bytes:
    """The bytes of a column; `type_` is the one that its field names, such as `i4`."""
    return np.asarray(values, f"<{type_}").tobytes()


def minutes_column(minutes: Floats) -> bytes:
    """Of `AgentColumns.break_min`, from minutes with NaN for none."""
    return column(np.where(minutes == minutes, np.minimum(minutes, BREAK_LONGEST_MIN), NO_BREAK_MIN), "u1")


def driver_columns(names: list[str], units: list[str], shares: Floats, values: Floats) -> DriverColumns:
    """From shares and values [rows, driver]."""
    assert shares.shape[1] == len(names) == len(units) <= DRIVERS_MAX
    counts, codes, positive, measured = packed(
        np.ascontiguousarray(shares, np.float64), np.ascontiguousarray(values, np.float64)
    )
    return DriverColumns(
        names, units, column(counts, "u1"), column(codes, "u1"), column(positive, "f8"), column(measured, "f8")
    )


class Drivers:
    """The drivers of some rows, as arrays. Raises BadSignals."""

    def __init__(self, columns: DriverColumns, rows: int) -> None:
        self.names, self.units = columns.names, columns.units
        self.counts = read(columns.counts, "u1", rows)
        ends = np.cumsum(self.counts, dtype=np.intp)
        self.starts = ends - self.counts
        number = int(ends[-1]) if rows else 0
        self.codes = read(columns.codes, "u1", number)
        self.shares = read(columns.shares, "f8", number)
        self.values = read(columns.values, "f8", number)
        if len(self.units) != len(self.names) or (number and int(self.codes.max()) >= len(self.names)):
            raise BadSignals("These signals are damaged: a driver without a name.")

    def of(self, rows: Rows) -> list[list[DriverShare]]:
        """The drivers of each of these rows, the largest share first."""
        counts = self.counts[rows].astype(np.intp)
        ends = np.cumsum(counts)
        begins = ends - counts
        pick = np.repeat(self.starts[rows] - begins, counts) + np.arange(int(ends[-1]) if rows.size else 0)
        codes = self.codes[pick].tolist()
        named = map(self.names.__getitem__, codes)
        units = map(self.units.__getitem__, codes)
        made = list(map(DriverShare, named, self.shares[pick].tolist(), or_none(self.values[pick]), units))
        return [made[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]

    def share_table(self) -> Floats:
        """Shares [rows, driver], 0 where a driver has none."""
        table = np.zeros((self.counts.size, len(self.names)))
        table[np.repeat(np.arange(self.counts.size), self.counts), self.codes] = self.shares
        return table


class Agents:
    """The agents of a tenant. Raises BadSignals."""

    def __init__(self, signals: TenantSignals) -> None:
        columns, n = signals.agents, len(signals.agents.ids)
        self.ids = columns.ids
        self.team = _team(columns, signals)
        self.strain = read(columns.strain, "f8", n)
        self.drivers = Drivers(columns.drivers, n)
        self._teams: list[str | None] = [None, *signals.teams]
        self._states: list[str | None] = [None, *signals.states]
        self._state = read(columns.state, "u1", n)
        self._state_since_s = read(columns.state_since_s, "f8", n)
        self._since_break_s = read(columns.since_break_s, "f8", n)
        self._break_min = read(columns.break_min or bytes([NO_BREAK_MIN]) * n, "u1", n)
        if n and int(self._state.max()) >= len(self._states):
            raise BadSignals("These signals are damaged: a state without a name.")

    def rows(self, r: Rows | None = None) -> list[AgentSignal]:
        """These rows, or all."""
        r = np.arange(len(self.ids)) if r is None else r
        return list(
            map(
                AgentSignal,
                map(self.ids.__getitem__, r.tolist()),
                map(self._teams.__getitem__, self.team[r].tolist()),
                self.strain[r].tolist(),
                self.drivers.of(r),
                map(self._states.__getitem__, self._state[r].tolist()),
                or_none(self._state_since_s[r]),
                or_none(self._since_break_s[r]),
                map(_MINUTES.__getitem__, self._break_min[r].tolist()),
            )
        )

    def due(self, r: Rows, minutes: list[int], queues: list[list[BreakCost]]) -> list[BreakDue]:
        """These rows as the break list tells them, with the suggested minutes and the queues of each."""
        return list(
            map(
                BreakDue,
                map(self.ids.__getitem__, r.tolist()),
                map(self._teams.__getitem__, self.team[r].tolist()),
                map(self._states.__getitem__, self._state[r].tolist()),
                self.strain[r].tolist(),
                or_none(self._since_break_s[r]),
                map(_MINUTES.__getitem__, self._break_min[r].tolist()),
                minutes,
                queues,
            )
        )


class Queues:
    """The queues of a tenant. Raises BadSignals."""

    def __init__(self, signals: TenantSignals) -> None:
        columns, n = signals.queues, len(signals.queues.ids)
        self.ids = columns.ids
        self.team = _team(columns, signals)
        self.strain = read(columns.strain, "f8", n)
        self.drivers = Drivers(columns.drivers, n)
        self._teams: list[str | None] = [None, *signals.teams]
        self._waiting = read(columns.waiting, "i4", n)
        self._longest_wait_s = read(columns.longest_wait_s, "f8", n)
        self._predicted_wait_s = read(columns.predicted_wait_s, "f8", n)
        self._agents = read(columns.agents, "i4", n)
        self._service_level = read(columns.service_level or column(np.full(n, np.nan), "f8"), "f8", n)
        self._issues = _Issues(columns.issues, n)

    def rows(self, r: Rows | None = None) -> list[QueueSignal]:
        """These rows, or all."""
        r = np.arange(len(self.ids)) if r is None else r
        return list(
            map(
                QueueSignal,
                map(self.ids.__getitem__, r.tolist()),
                map(self._teams.__getitem__, self.team[r].tolist()),
                self.strain[r].tolist(),
                self.drivers.of(r),
                self._waiting[r].tolist(),
                or_none(self._longest_wait_s[r]),
                or_none(self._predicted_wait_s[r]),
                [number if number >= 0 else None for number in self._agents[r].tolist()],
                or_none(self._service_level[r]),
                map(self._issues.of, r.tolist()),
            )
        )

    def costs(self, r: Rows, cost_s: Floats) -> list[BreakCost]:
        """These rows, and what one agent less adds to the predicted wait of each."""
        now_s = self._predicted_wait_s[r]
        ids = map(self.ids.__getitem__, r.tolist())
        return list(map(BreakCost, ids, or_none(now_s), or_none(now_s + cost_s), or_none(cost_s)))


class _Issues:
    """What the contacts of queues are about."""

    def __init__(self, columns: IssueColumns, rows: int) -> None:
        counts = read(columns.counts or bytes(rows), "u1", rows)
        self._start = np.concatenate([[0], np.cumsum(counts, dtype=np.intp)]).tolist()
        codes = _places(columns.codes, self._start[-1], len(columns.names))
        percent = read(columns.percent, "f4", self._start[-1])
        self._shares = list(map(IssueShare, map(columns.names.__getitem__, codes.tolist()), percent.tolist()))

    def of(self, row: int) -> list[IssueShare]:
        """The largest first."""
        return self._shares[self._start[row] : self._start[row + 1]]


class Breaks:
    """Who is due for a break in a tenant, those who need it most first. Raises BadSignals."""

    def __init__(self, signals: TenantSignals, agents: Agents, queues: Queues) -> None:
        columns, n = signals.breaks, len(signals.breaks.minutes)
        counts = read(columns.counts, "u1", n).astype(np.intp)
        pairs = int(counts.sum())
        self._agent = _places(columns.agent, n, len(agents.ids))
        self._minutes = read(columns.minutes, "u1", n)
        self._queue = _places(columns.queue, pairs, len(queues.ids))
        self._cost_s = read(columns.cost_s, "f8", pairs)
        self._start = np.concatenate([[0], np.cumsum(counts)])
        self._agents, self._queues = agents, queues
        self.team: NDArray[np.int32] = agents.team[self._agent]

    def rows(self, begin: int, end: int) -> list[BreakDue]:
        """From one place on the list up to another."""
        first, last = self._start[begin], self._start[end]
        costs = self._queues.costs(self._queue[first:last], self._cost_s[first:last])
        cuts = (self._start[begin : end + 1] - first).tolist()
        queues = [costs[cut:next_cut] for cut, next_cut in pairwise(cuts)]
        return self._agents.due(self._agent[begin:end], self._minutes[begin:end].tolist(), queues)


def _places(data: bytes, number: int, rows: int) -> Rows:
    places = read(data, "i4", number).astype(np.intp)
    if number and not 0 <= int(places.min()) <= int(places.max()) < rows:
        raise BadSignals("These signals are damaged: a place of somebody or something that is not there.")
    return places


def read(data: bytes, type_: str, number: int) -> NDArray[Any]:
    """A column of a known length, as a view. Raises BadSignals."""
    if len(data) != number * int(type_[1:]):
        raise BadSignals(f"These signals are damaged: a column has {len(data)} bytes where {number} {type_} belong.")
    return np.frombuffer(data, f"<{type_}")


def or_none(values: Floats) -> list[float | None]:
    """A list with None for NaN."""
    unknown = values != values
    boxed: NDArray[Any] = values
    if unknown.any():
        boxed = values.astype(object)
        boxed[unknown] = None
    out: list[float | None] = boxed.tolist()
    return out


def _team(columns: QueueColumns | AgentColumns, signals: TenantSignals) -> NDArray[np.int32]:
    team = read(columns.team, "i4", len(columns.ids))
    if team.size and not 0 <= int(team.min()) <= int(team.max()) <= len(signals.teams):
        raise BadSignals("These signals are damaged: a team without a name.")
    return team
