"""The course of one queue or agent out of minute history: minutes as a shelf keeps them, and what one of them says.

A minute of a large centre has thousands of rows, and a day has 1,560 minutes. So a minute is kept as the arrays that
it came in, and names as their 64-bit hashes: a look at one subject costs microseconds a minute, and no names are kept.
(Two names of a centre with the same hash of this process are less likely than a fault of its memory.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.notify.core.scope import Scope
from shared.contract.course import STEP_S, CourseAlert, DriverCourse, SubjectCourse, SubjectType
from shared.contract.minutes import Course, Minute, MinuteRows, QueueFacts
from shared.contract.signal_columns import read
from shared.contract.signals import BadSignals


class Facts(NamedTuple):
    """Of a queue at a minute."""

    waiting: int
    longest_wait_s: float | None
    predicted_wait_s: float | None
    agents: int | None


class Moment(NamedTuple):
    """What a minute says of one subject. `strain` is None where it has no row: nobody, or no strain."""

    at_ms: int
    strain: int | None
    team: str | None
    drivers: tuple[tuple[str, int], ...]
    facts: Facts | None


def _keys(ids: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, ids), np.int64, len(ids))


class _Rows:
    """The queues or the agents of a minute. Raises BadSignals."""

    __slots__ = ("_codes", "_counts", "_drivers", "_keys", "_shares", "_strain", "_team", "_teams")

    def __init__(self, rows: MinuteRows, teams: list[str]) -> None:
        course = Course(rows)
        if course.team.size and not 0 <= int(course.team.min()) <= int(course.team.max()) <= len(teams):
            raise BadSignals("This minute is damaged: a team without a name.")
        self._keys, self._team, self._strain = _keys(course.ids), course.team, course.strain
        self._counts: NDArray[Any] = read(rows.counts, "u1", len(rows.ids))
        self._codes, self._shares = rows.codes, rows.shares
        self._drivers, self._teams = rows.drivers, teams

    @property
    def size(self) -> int:
        return 14 * self._keys.size + 2 * len(self._codes)

    def find(self, key: int) -> tuple[int, str | None, tuple[tuple[str, int], ...]] | None:
        """Strain, team and drivers."""
        found = np.flatnonzero(self._keys == key)
        if not found.size:
            return None
        row = int(found[0])
        begin = int(self._counts[:row].sum(dtype=np.int64))
        end, team = begin + int(self._counts[row]), int(self._team[row])
        named = [self._drivers[code] for code in self._codes[begin:end]]
        drivers = tuple(zip(named, self._shares[begin:end], strict=True))
        return int(self._strain[row]), self._teams[team - 1] if team else None, drivers


class _QueueFacts:
    """See Facts. Raises BadSignals."""

    __slots__ = ("_agents", "_keys", "_longest_s", "_predicted_s", "_waiting")

    def __init__(self, facts: QueueFacts) -> None:
        n = len(facts.ids)
        self._keys = _keys(facts.ids)
        self._waiting: NDArray[Any] = read(facts.waiting, "i4", n)
        self._longest_s: NDArray[Any] = read(facts.longest_wait_s, "f4", n)
        self._predicted_s: NDArray[Any] = read(facts.predicted_wait_s, "f4", n)
        self._agents: NDArray[Any] = read(facts.agents, "i4", n)

    @property
    def size(self) -> int:
        return 24 * self._keys.size

    def find(self, key: int) -> Facts | None:
        found = np.flatnonzero(self._keys == key)
        if not found.size:
            return None
        row, agents = int(found[0]), int(self._agents[found[0]])
        return Facts(
            int(self._waiting[row]),
            _tenths(self._longest_s[row]),
            _tenths(self._predicted_s[row]),
            agents if agents >= 0 else None,
        )


def _tenths(value: float) -> float | None:
    return round(float(value), 1) if value == value else None


class Leaf:
    """One minute of one tenant, as it is kept. Raises BadSignals."""

    __slots__ = ("_agents", "_facts", "_queues", "at_ms", "size")

    OVERHEAD_BYTES = 2_000  # of the arrays and lists of one minute, whatever is in them

    def __init__(self, minute: Minute) -> None:
        self.at_ms = minute.at_ms
        self._agents, self._queues = _Rows(minute.agents, minute.teams), _Rows(minute.queues, minute.teams)
        self._facts = _QueueFacts(minute.facts)
        self.size = self._agents.size + self._queues.size + self._facts.size + self.OVERHEAD_BYTES

    def look(self, type_: SubjectType, id_: str) -> Moment:
        """What this minute says of a subject."""
        key = hash(id_)
        found = (self._agents if type_ == "agent" else self._queues).find(key)
        facts = self._facts.find(key) if type_ == "queue" else None
        return Moment(self.at_ms, None, None, (), facts) if found is None else Moment(self.at_ms, *found, facts)


def newest_team(moments: Iterable[Moment]) -> tuple[bool, str | None]:
    """Whether any of these minutes, oldest first, has a row of the subject, and the team of the last that has."""
    seen, team = False, None
    for moment in moments:
        if moment.strain is not None:
            seen, team = True, moment.team
    return seen, team


def course_of(
    type_: SubjectType, id_: str, team: str | None, moments: Iterable[Moment], scope: Scope, alerts: list[CourseAlert]
) -> SubjectCourse:
    """The body of `GET /v1/history`. What the subject did in a team that the lead does not look after stays unknown.

    A minute without a row is one without strain, but for an agent only after the first with one: before it, the agent
    may not have been there.
    """
    of = sorted({moment.at_ms: moment for moment in moments}.values())
    strain: list[int | None] = []
    known: list[Moment | None] = []
    first = next((moment for moment in of if moment.strain is not None), None)
    # Before its first row a queue has waits but no team told: that of the first, else that of now, which is in scope.
    hidden, seen = first is not None and not scope.sees(first.team, type_), type_ == "queue"
    for moment in of:
        if moment.strain is not None:
            seen, hidden = True, not scope.sees(moment.team, type_)
        there = seen and not hidden and (type_ == "agent" or moment.facts is not None or moment.strain is not None)
        strain.append((moment.strain or 0) if there else None)
        known.append(moment if there else None)
    names = dict.fromkeys(name for at in known if at for name, _ in at.drivers)
    drivers = {name: [0] * len(of) for name in names}
    for place, at in enumerate(known):
        for name, share in at.drivers if at else ():
            drivers[name][place] = share
    facts = [at.facts if at else None for at in known]
    queue = type_ == "queue"
    return SubjectCourse(
        type=type_,
        id=id_,
        team=team,
        step_s=STEP_S,
        at=[moment.at_ms for moment in of],
        strain=strain,
        drivers=[DriverCourse(name=n, shares=s) for n, s in sorted(drivers.items(), key=lambda each: -sum(each[1]))],
        waiting=[f and f.waiting for f in facts] if queue else None,
        longest_wait_s=[f and f.longest_wait_s for f in facts] if queue else None,
        predicted_wait_s=[f and f.predicted_wait_s for f in facts] if queue else None,
        agents=[f and f.agents for f in facts] if queue else None,
        alerts=alerts,
    )
