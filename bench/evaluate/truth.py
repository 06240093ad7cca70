"""From the causes of a day: when which alert is right, when it is no fault, and whom it may name.

A *window* is something that an alert of the kind should tell of. A *neutral* span is one in which an alert is neither
right nor false: the tail of a cause (the queue is still long), a queue that shares agents with one in trouble, callers
who really wait long without any injected cause. All else is quiet, and an alert there is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.evaluate.days import START_MS
from bench.evaluate.made import MadeDay
from tools.centre import Cause
from tools.centre.plan import QUEUES, TEAMS

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]

SUBJECTS = {
    "queue.strain": "queue",
    "queue.surge": "queue",
    "issue.surge": "issue",
    "agent.strain": "agent",
    "agent.hard_streak": "agent",
    "agent.break_due": "agent",
    "agent.recognition": "agent",
    "team.strain": "team",
    "feed.silent": "tenant",
}
"""Kinds that the truth can judge -> type of subject. Not `campaign.over_contact`: nobody calls out in these centres."""

TAIL_MIN_MAX = 45
"""How long a cause may be felt after its end without an alert about it being false."""
CALM_S, LONG_S = 30.0, 90.0
"""The tail is over when nobody waits longer than the one; who waits longer than the other really waits long."""
FATIGUE_HIGH, FATIGUE_NEAR, FATIGUE_MIN = 75.0, 55.0, 5
"""Latent fatigue that an alert should tell of, when it lasts so many minutes; from the lower level on one is not false.
The agents of a quiet day are above 75 in about one minute of a hundred."""
TEAM_HIGH, TEAM_NEAR, TEAM_SIZE_MIN = 60.0, 45.0, 5
"""The same of a team: the mean latent fatigue of its agents that are judged, at least five, as fewer are not shown. The
teams of a quiet day are above 60 in about three minutes of a hundred."""
BREAK_DUE_MIN, BREAK_NEAR_MIN = 120.0, 90.0
"""15 min per 2 h is the practice that health and safety guidance gives; an alert may come up to half an hour before.
Rest is what the simulator knows to be one: a break of the plan taken whole, or time off duty. Not a break that was over
after a minute, and not a meeting, which is work."""
STREAK_FLAGS = 2
"""As many abusive or complaining contacts within half an hour are a hard stretch, whoever made them."""
RECOGNITION_MIN = 90


@dataclass(frozen=True, slots=True)
class Window:
    """`start_min`, `end_min`: minutes of the day with fractions. An alert on any of `subjects` tells of it."""

    cause: str
    subjects: frozenset[str]
    start_min: float
    end_min: float


@dataclass(slots=True)
class Truth:
    """Of one kind and day. `true`, `neutral`: [subject, minute]."""

    subjects: list[str]
    windows: list[Window]
    true: Bools
    neutral: Bools
    minutes: int = 0
    place: dict[str, int] = field(default_factory=dict)

    def mark(self, grid: Bools, subject: str, low_min: float, high_min: float) -> None:
        """The minutes from `low_min` to `high_min`."""
        if subject in self.place:
            grid[self.place[subject], max(0, int(low_min)) : max(0, int(np.ceil(high_min)))] = True

    def window(self, cause: str, subjects: frozenset[str], low_min: float, high_min: float) -> None:
        known = frozenset(subject for subject in subjects if subject in self.place)
        if known and low_min < self.minutes:
            self.windows.append(Window(cause, known, low_min, min(high_min, self.minutes)))
            for subject in known:
                self.mark(self.true, subject, low_min, high_min)


def truth_of(kind: str, made: MadeDay) -> Truth:
    """What an alert of this kind should have told on this day."""
    subjects = _subjects(SUBJECTS[kind], made)
    shape = (len(subjects), made.day.minutes)
    truth = Truth(subjects, [], np.zeros(shape, bool), np.zeros(shape, bool), made.day.minutes)
    truth.place = {subject: number for number, subject in enumerate(subjects)}
    _FILL[kind](truth, made)
    return truth


def _subjects(type_: str, made: MadeDay) -> list[str]:
    if type_ == "queue":
        return made.queues
    if type_ == "agent":
        return made.agents
    if type_ == "team":
        return list(TEAMS)
    if type_ == "tenant":
        return ["tenant"]
    return [issue.name for _, issues in QUEUES.values() for issue in issues]


def _span(cause: Cause) -> tuple[float, float]:
    return (cause.start_ms - START_MS) / 60_000, (cause.end_ms - START_MS) / 60_000


def _hit(cause: Cause) -> frozenset[str]:
    """Queues that a cause strains directly."""
    if cause.queue is not None:
        return frozenset({cause.queue})
    return frozenset(TEAMS[cause.team]) if cause.team is not None else frozenset()


def _near(queues: frozenset[str]) -> frozenset[str]:
    """These and all that share agents with one of them, at one or two removes: agents go where it is worst."""
    near = set(queues)
    for _ in range(2):
        near |= {queue for served in TEAMS.values() if near & set(served) for queue in served}
    return frozenset(near)


def _tail_end(made: MadeDay, queues: frozenset[str], end_min: float) -> float:
    waits = made.longest_wait_s[[made.queues.index(queue) for queue in queues]].max(axis=0)
    low, high = int(np.ceil(end_min)), int(end_min) + TAIL_MIN_MAX
    calm = np.flatnonzero(waits[low:high] < CALM_S)
    return float(low + calm[0] + 1 if calm.size else high)


def _troubles(made: MadeDay) -> Iterator[tuple[Cause, float, float, float]]:
    """Causes that strain queues: from, to, end of the tail."""
    for cause in made.causes:
        if cause.kind in ("surge", "burst", "outage", "absence"):
            low, high = _span(cause)
            yield cause, low, high, _tail_end(made, _near(_hit(cause)), high)


def _felt(made: MadeDay, queues: frozenset[str], low_min: float, high_min: float) -> frozenset[str]:
    """Of these queues, where callers really waited long before it was over: a large centre absorbs much."""
    low, high = int(low_min), int(np.ceil(high_min))
    return frozenset(q for q in queues if made.longest_wait_s[made.queues.index(q), low:high].max() >= LONG_S)


def _queue_strain(truth: Truth, made: MadeDay) -> None:
    for cause, low, high, tail in _troubles(made):
        truth.window(cause.kind, _felt(made, _hit(cause), low, high), low, high)
        for queue in _near(_hit(cause)):
            truth.mark(truth.neutral, queue, low, tail + 5)
    for number, queue in enumerate(made.queues):
        for minute in np.flatnonzero(made.longest_wait_s[number] >= LONG_S).tolist():
            truth.mark(truth.neutral, queue, minute - 5, minute + 15)


def _queue_surge(truth: Truth, made: MadeDay) -> None:
    for cause, low, high, tail in _troubles(made):
        if cause.kind == "surge":
            truth.window(cause.kind, _hit(cause), low, high)
        for queue in _hit(cause):  # those who gave up or were not helped call again
            truth.mark(truth.neutral, queue, low, tail + 15)


def _issue_surge(truth: Truth, made: MadeDay) -> None:
    for cause, low, high, tail in _troubles(made):
        if cause.issue is not None:
            truth.window(cause.kind, frozenset({cause.issue}), low, high)
        for queue in _hit(cause):
            for issue in QUEUES[queue][1]:
                truth.mark(truth.neutral, issue.name, low, tail + 15)


def _team_strain(truth: Truth, made: MadeDay) -> None:
    fatigue = made.fatigue[1.0]
    truth.neutral[:] = True  # where too few are judged to say anything
    for team, row in truth.place.items():
        here = [number for number, agent in enumerate(made.agents) if made.teams.get(agent) == team]
        if len(here) >= TEAM_SIZE_MIN:
            truth.neutral[row] = False
            _tired_row(truth, team, fatigue[here].mean(axis=0), TEAM_HIGH, TEAM_NEAR)


def _agent_strain(truth: Truth, made: MadeDay) -> None:
    _tired(truth, made.fatigue[1.0], FATIGUE_HIGH, FATIGUE_NEAR)


def tired_truth(agents: list[str], fatigue: Floats, high_line: float, near_line: float) -> Truth:
    """Of `agent.strain`, for another latent fatigue [agent, minute]."""
    shape = fatigue.shape
    truth = Truth(agents, [], np.zeros(shape, bool), np.zeros(shape, bool), shape[1])
    truth.place = {agent: number for number, agent in enumerate(agents)}
    _tired(truth, fatigue, high_line, near_line)
    return truth


def _tired(truth: Truth, fatigue: Floats, high_line: float, near_line: float) -> None:
    for number, agent in enumerate(truth.subjects):
        _tired_row(truth, agent, fatigue[number], high_line, near_line)


def _tired_row(truth: Truth, subject: str, fatigue: Floats, high_line: float, near_line: float) -> None:
    for low, high in runs(fatigue >= high_line):
        if high - low >= FATIGUE_MIN:
            truth.window("fatigue", frozenset({subject}), low, high)
    for minute in np.flatnonzero(fatigue >= near_line).tolist():
        truth.mark(truth.neutral, subject, minute - 5, minute + 10)


def _hard_streak(truth: Truth, made: MadeDay) -> None:
    for cause in made.causes:
        if cause.kind == "abuse" and cause.agent is not None:
            truth.window(cause.kind, frozenset({cause.agent}), *_span(cause))
            truth.mark(truth.neutral, cause.agent, _span(cause)[0], _span(cause)[1] + 45)
    shown = made.shown["agent"]
    for subject, flags in zip(shown.subjects, shown.values["flagged"], strict=True):
        for minute in np.flatnonzero(np.nan_to_num(flags) >= STREAK_FLAGS).tolist():
            truth.mark(truth.neutral, subject, minute, minute + 15)


def _break_due(truth: Truth, made: MadeDay) -> None:
    """Two hours without a real rest, because a break was missed or cut short; where the plan alone puts breaks further
    apart, an alert is neither right nor false."""
    for agent in truth.subjects:
        denied = [((at_ms - START_MS) / 60_000, how) for at_ms, how in made.denied_ms[agent]]
        for low, high in _without_rest(made, agent):
            missed = [(at_min, how) for at_min, how in denied if low <= at_min < high]
            truth.mark(truth.neutral, agent, low + BREAK_NEAR_MIN, high + 5 if high - low > BREAK_NEAR_MIN else 0)
            if missed:
                due_min = max(low + BREAK_DUE_MIN, missed[0][0])
                if high - due_min >= FATIGUE_MIN:
                    truth.window(f"break {missed[0][1]}", frozenset({agent}), due_min, high)


def _without_rest(made: MadeDay, agent: str) -> Iterator[tuple[float, float]]:
    """(from, to) in minutes of the stretches between rests; one at the end of the day is none."""
    low = 0.0
    for began_ms, ended_ms in made.rested_ms[agent]:
        yield low, (began_ms - START_MS) / 60_000
        if ended_ms is None:
            return
        low = (ended_ms - START_MS) / 60_000
    yield low, float(made.day.minutes)


def _recognition(truth: Truth, made: MadeDay) -> None:
    _hard_streak(truth, made)
    truth.windows, truth.true[:] = [], False
    for cause in made.causes:
        if cause.kind == "abuse" and cause.agent is not None:
            _, high = _span(cause)  # thanks are for a stretch that is over
            truth.window(cause.kind, frozenset({cause.agent}), high, high + RECOGNITION_MIN)


def _silent(truth: Truth, made: MadeDay) -> None:
    for cause in made.causes:
        if cause.kind == "silence":
            low, high = _span(cause)
            truth.window(cause.kind, frozenset(truth.subjects), low, high)
            truth.mark(truth.neutral, "tenant", low, high + 2)
            truth.true[:, int(high) : int(high) + 1] = False  # at the end of that minute it speaks again


_FILL = {
    "queue.strain": _queue_strain,
    "queue.surge": _queue_surge,
    "issue.surge": _issue_surge,
    "team.strain": _team_strain,
    "agent.strain": _agent_strain,
    "agent.hard_streak": _hard_streak,
    "agent.break_due": _break_due,
    "agent.recognition": _recognition,
    "feed.silent": _silent,
}
assert _FILL.keys() == SUBJECTS.keys()


def runs(mask: Bools) -> list[tuple[int, int]]:
    """(from, to) of each stretch of True, `to` not in it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in zip(edges[::2], edges[1::2], strict=True)]
