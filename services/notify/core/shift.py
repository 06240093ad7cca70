"""The shift report, computed: the minutes of a period and its alerts, as one lead may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.notify.core import shift_alerts as sa
from services.notify.core.scope import EVERY_TEAM, Scope
from services.notify.core.shift_words import Facts, formula, went_well
from shared.contract.reports import (
    DepartmentIssue,
    DepartmentLine,
    FloorTotals,
    IssueLine,
    PeopleLine,
    Period,
    QueueLine,
    ShiftReport,
    Value,
    ValuePart,
)
from shared.contract.tallies import COUNTERS, GROUP_MIN, QUEUE_COUNTERS, Counted, Tallies, UnitValues

LINES_MAX = 50
"""Queues, issues, departments and alerts in a report, those that cost most: what somebody reads."""
Counts = NDArray[np.float64]

_C = {name: place for place, name in enumerate(COUNTERS)}
_Q, _I = len(QUEUE_COUNTERS), len(COUNTERS)
_OVER_LINE_S, _ARRIVED, _USUAL_ARRIVALS, _GOAL = range(_Q, _Q + 4)
_MENTIONED, _USUAL_MENTIONS, _RATED, _USUAL_REPEATS = range(_I, _I + 4)
"""Below the counters of a queue and of an issue. Rated are contacts in minutes in which the usual part of repeats was
known."""


def _zeros() -> Counts:
    return np.zeros(len(COUNTERS))


Name = TypeVar("Name", str, tuple[str, str])


class _Columns(Generic[Name]):
    """Sums by name, a column each: a large centre has hundreds of queues, and a day has 1,560 minutes."""

    def __init__(self, height: int) -> None:
        self.place: dict[Name, int] = {}
        self.sums = np.zeros((height, 0))
        self._names: list[Name] = []
        self._places = np.empty(0, np.intp)

    def places(self, names: list[Name]) -> NDArray[np.intp]:
        """Columns of these names, new ones included. From minute to minute they are mostly the same."""
        if names != self._names:
            self._places = np.array([self.place.setdefault(name, len(self.place)) for name in names], np.intp)
            more = np.zeros((len(self.sums), len(self.place) - self.sums.shape[1]))
            self.sums, self._names = np.concatenate([self.sums, more], axis=1), names
        return self._places

    def add(self, places: NDArray[np.intp], values: Counts) -> None:
        """Add columns [height, n] where they belong, several into one too; the first rows of the sums."""
        width = self.sums.shape[1]
        for row, weights in enumerate(values):
            self.sums[row] += np.bincount(places, weights, width)

    def items(self) -> Iterator[tuple[Name, Counts]]:
        """Names and their columns."""
        return zip(self.place, self.sums.T, strict=True)


@dataclass(slots=True)
class _People:
    agents: float = 0.0
    on_break: float = 0.0
    over_line: float = 0.0
    seconds: float = 0.0


class Shift:
    """Take minutes with `add`, then ask for the `report`. `teams` narrows what is in scope; empty: all of it."""

    def __init__(self, scope: Scope, teams: frozenset[str], from_ms: int, to_ms: int) -> None:
        self._scope, self._teams = scope, teams
        self._from_ms, self._to_ms = from_ms, to_ms
        self._queues: _Columns[str] = _Columns(_Q + 4)
        self._issues: _Columns[str] = _Columns(_I + 4)
        self._departments: _Columns[tuple[str, str]] = _Columns(_I)
        """By department and issue."""
        self._team: dict[str, str | None] = {}  # of queues
        self._people: defaultdict[str | None, _People] = defaultdict(_People)
        self._total = _zeros()
        self._known_ms = 0
        self._values = UnitValues()
        self.zone: str | None = None

    def _seen(self, team: str | None) -> bool:
        if not self._scope.sees(team, "queue"):
            return False
        return not self._teams or team is None or team in self._teams

    def add(self, tallies: Tallies) -> None:
        """The next minute of the tenant; it belongs to the period in which it ends. Raises BadSignals."""
        if not self._from_ms < tallies.to_ms <= self._to_ms:
            return
        counted = Counted(tallies)
        teams = [None, *tallies.teams]
        seen = np.array([self._seen(team) for team in teams])
        seconds = (tallies.to_ms - tallies.from_ms) / 1000.0
        self._known_ms += min(tallies.to_ms - tallies.from_ms, tallies.to_ms - self._from_ms)
        self._zone_and_values(tallies)
        self._add_queues(tallies, counted, seen[counted.team_of_queue], seconds)
        self._add_rows(tallies, counted, seen[counted.team])
        for group in tallies.people:
            people = self._people[group.team]
            people.agents += seconds * group.agents
            people.on_break += seconds * group.on_break
            people.over_line += seconds * group.over_line
            people.seconds += seconds

    def _add_queues(self, tallies: Tallies, counted: Counted, seen: NDArray[np.bool_], seconds: float) -> None:
        places = self._queues.places(list(tallies.queues.ids))[seen]
        over_line_s = min(seconds, 60.0) * counted.over_line[seen]
        self._queues.add(
            places,
            np.vstack([counted.of_queues[:, seen], over_line_s, counted.arrived[seen], counted.usual_arrivals[seen]]),
        )
        self._queues.sums[_GOAL, places] = counted.goal[seen]
        for place in np.flatnonzero(seen & (counted.team_of_queue > 0)).tolist():
            self._team[tallies.queues.ids[place]] = tallies.teams[counted.team_of_queue[place] - 1]

    def _zone_and_values(self, tallies: Tallies) -> None:
        self.zone, self._values = tallies.zone, tallies.values  # those of the last minute

    def _add_rows(self, tallies: Tallies, counted: Counted, seen: NDArray[np.bool_]) -> None:
        counts, issue, department = counted.counts[:, seen], counted.issue[seen], counted.department[seen]
        self._total += counts.sum(axis=1)
        places = self._issues.places(list(tallies.issues.ids))
        known = issue > 0
        of_issue = issue[known] - 1
        usual = counted.usual_repeats[of_issue]
        offered = np.where(np.isnan(usual), 0.0, counts[_C["offered"], known])
        nothing = np.zeros((2, of_issue.size))  # what is compared is not by row
        repeats = np.nan_to_num(usual) * offered
        self._issues.add(places[of_issue], np.vstack([counts[:, known], nothing, offered, repeats]))
        self._issues.sums[_MENTIONED, places] += counted.mentioned
        self._issues.sums[_USUAL_MENTIONS, places] += counted.usual_mentions
        rows = np.flatnonzero(department)
        names, ids = tallies.departments, ["", *tallies.issues.ids]
        pairs = [(names[d - 1], ids[i]) for d, i in zip(department[rows].tolist(), issue[rows].tolist(), strict=True)]
        self._departments.add(self._departments.places(pairs), counts[:, rows])

    # --- the report

    def report(
        self, alerts: Iterable[sa.ShiftAlert], *, made_at: str, period: tuple[str, str], zone: str, whole: bool
    ) -> ShiftReport:
        """`alerts` are any of the tenant at their latest change; `period` and `made_at` are RFC 3339."""
        from_s, to_s = self._from_ms / 1000, self._to_ms / 1000
        mine = [a for a in alerts if sa.in_shift(a, self._scope, self._teams, from_s, to_s)]
        opened = [a for a in mine if sa.seconds_of(a.opened_at) >= from_s]
        lines = sa.lines_of(mine)
        queues, people, value = self._queue_lines(), self._people_lines(), self._value()
        done, floor = sa.done(opened), self._floor()
        recognitions = sum(a.kind == sa.RECOGNITION for a in opened)
        facts = Facts(floor, queues, done, people, value, recognitions, round(float(self._total[_C["compliments"]])))
        return ShiftReport(
            tenant=self._scope.tenant,
            teams=sorted(self._teams) or self._scope.team_list,
            period=Period(*period, zone, self._known_ms / 1000),
            made_at=made_at,
            floor=floor,
            surges=[line for line in lines if line.kind in sa.SURGES][:LINES_MAX],
            issues=self._issue_lines(),
            queues=queues,
            alerts=[line for line in lines if line.kind not in sa.SURGES][:LINES_MAX],
            done=done,
            well=went_well(facts),
            departments=self._department_lines(),
            value=value,
            people=people,
            alerts_whole=whole,
        )

    def _floor(self) -> FloorTotals:
        t = self._total
        told = sum(t[_C[name]] for name in ("resolved", "unresolved", "transferred", "escalated", "callback"))
        return FloorTotals(
            offered=_int(t[_C["offered"]]),
            answered=_int(t[_C["answered"]]),
            abandoned=_int(t[_C["abandoned"]]),
            in_time_share=_share(t[_C["in_time"]], t[_C["waits"]]),
            mean_wait_s=_share(t[_C["wait_s"]], t[_C["waits"]], None),
            handled=_int(t[_C["handled"]]),
            resolved_share=_share(t[_C["resolved"]], told),
            repeats=_int(t[_C["repeats"]]),
            repeat_share=_share(t[_C["repeats"]], t[_C["offered"]]),
            strain_minutes=_tenths(t[_C["strain_minutes"]]),
            against_usual=_share(self._queues.sums[_ARRIVED].sum(), self._queues.sums[_USUAL_ARRIVALS].sum(), None),
        )

    def _queue_lines(self) -> list[QueueLine]:
        lines = [
            QueueLine(
                id=name,
                team=self._team.get(name),
                offered=_int(q[_C["offered"]]),
                abandoned=_int(q[_C["abandoned"]]),
                in_time_share=_share(q[_C["in_time"]], q[_C["waits"]]),
                goal=round(float(q[_GOAL]), 4),
                mean_wait_s=_share(q[_C["wait_s"]], q[_C["waits"]], None),
                repeats=_int(q[_C["repeats"]]),
                over_line_min=_tenths(q[_OVER_LINE_S] / 60),
                strain_minutes=_tenths(q[_C["strain_minutes"]]),
                against_usual=_share(q[_ARRIVED], q[_USUAL_ARRIVALS], None),
            )
            for name, q in self._queues.items()
            if q[: _OVER_LINE_S + 1].any()
        ]
        return sorted(lines, key=lambda line: (-line.strain_minutes, -line.offered, line.id))[:LINES_MAX]

    def _issue_lines(self) -> list[IssueLine]:
        costs = {
            name: np.maximum(issue[[_C["wait_s"], _C["repeats"], _C["strain_minutes"]]], 0.0)
            for name, issue in self._issues.items()
            if issue[:_I].any()
        }
        whole = np.sum(list(costs.values()), axis=0) if costs else np.zeros(3)
        counted = max(int(np.count_nonzero(whole)), 1)  # what did not occur at all is no part of the mean
        lines = []
        for name, cost in costs.items():
            issue = self._issues.sums[:, self._issues.place[name]]
            contacts = issue[_C["offered"]]
            lines.append(
                IssueLine(
                    id=name,
                    cost_share=round(float((cost / np.where(whole > 0, whole, 1.0)).sum() / counted), 4),
                    contacts=_int(contacts),
                    wait_min=_tenths(cost[0] / 60),
                    repeats=_int(cost[1]),
                    repeat_share=_share(cost[1], contacts),
                    strain_minutes=_tenths(cost[2]),
                    mentions=_tenths(issue[_MENTIONED]),
                    usual_mentions=_tenths(issue[_USUAL_MENTIONS]),
                    against_usual=_share(issue[_MENTIONED], issue[_USUAL_MENTIONS], None),
                )
            )
        return sorted(lines, key=lambda line: (-line.cost_share, -line.contacts, line.id))[:LINES_MAX]

    def _department_lines(self) -> list[DepartmentLine]:
        by_department: defaultdict[str, dict[str, Counts]] = defaultdict(dict)
        for (name, issue), counts in self._departments.items():
            by_department[name][issue] = counts
        lines = []
        for name, by_issue in by_department.items():
            whole = np.sum(list(by_issue.values()), axis=0)
            issues = [
                DepartmentIssue(issue, _int(counts[_C["complaints"]]), _int(counts[_C["compliments"]]))
                for issue, counts in by_issue.items()
                if issue and (counts[_C["complaints"]] > 0 or counts[_C["compliments"]] > 0)
            ]
            lines.append(
                DepartmentLine(
                    id=name,
                    contacts=_int(whole[_C["handled"]]),
                    complaints=_int(whole[_C["complaints"]]),
                    compliments=_int(whole[_C["compliments"]]),
                    unresolved=_int(whole[_C["unresolved"]]),
                    issues=sorted(issues, key=lambda i: (-i.complaints, -i.compliments, i.id))[:LINES_MAX],
                )
            )
        return sorted(lines, key=lambda line: (-line.complaints, -line.contacts, line.id))[:LINES_MAX]

    def _people_lines(self) -> list[PeopleLine]:
        everything = EVERY_TEAM in self._scope.teams and not self._teams
        lines = []
        for team in sorted(self._people, key=lambda team: (team is not None, team or "")):
            p = self._people[team]
            visible = everything if team is None else self._seen(team)
            if visible and p.agents / p.seconds >= GROUP_MIN:
                mean = _tenths(p.agents / p.seconds)
                lines.append(PeopleLine(team, mean, _tenths(p.on_break / 60), _tenths(p.over_line / 60)))
        return lines

    def _value(self) -> Value:
        rated = [issue for _, issue in self._issues.items() if issue[_RATED] > 0]
        had = sum(float(issue[_C["repeats"]]) for issue in rated)
        # Contacts of an issue that came in minutes without a known usual are taken for as usual as the others.
        usual = sum(float(issue[_USUAL_REPEATS] * issue[_C["offered"]] / issue[_RATED]) for issue in rated)
        avoided = max(0.0, _tenths(usual - had)) if rated else 0.0
        values = self._values
        parts = [
            _part("visits_avoided", _int(self._total[_C["visits_avoided"]]), values.visit_avoided),
            _part("opportunities", _int(self._total[_C["opportunities"]]), values.opportunity),
            _part("repeats_avoided", avoided, values.repeat_avoided if rated else None),
        ]
        priced = [part.value for part in parts if part.value is not None]
        total = round(sum(priced), 2) if priced else None
        return Value(
            parts=parts,
            total=total,
            currency=values.currency if priced else None,
            repeats_usual=_tenths(usual) if rated else None,
            repeats_had=_int(had),
            formula=formula(parts, total, values.currency),
        )


def _part(code: str, count: float, unit_value: float | None) -> ValuePart:
    return ValuePart(code, count, unit_value, None if unit_value is None else round(count * unit_value, 2))


def _int(value: float) -> int:
    """A count; what was taken off before the period began may leave it below 0."""
    return max(0, round(float(value)))


def _tenths(value: float) -> float:
    return round(float(value), 1)


def _share(part: float, whole: float, most: float | None = 1.0) -> float | None:
    if whole <= 0:
        return None
    ratio = max(0.0, float(part) / float(whole))
    return round(ratio if most is None else min(ratio, most), 4)
