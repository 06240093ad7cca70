"""What an ACD's dashboard shows each minute: the measures that the rivals see, made from the same events and no others.

The value of minute m is what is on the dashboard at its end. NaN: nothing to show.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Event = dict[str, Any]

WAITS_MIN, OCCUPANCY_MIN, FLAGS_MIN, OFF_CONTACTS_MIN, HANDLED_LAST = 15, 30, 30, 120, 5
BUSY = frozenset({"reserved", "on_contact", "acw"})
OFF = frozenset({"offline"})
REST = frozenset({"break", "meeting", "offline"})


@dataclass(slots=True)
class Streams:
    """Measures of one type of subject: `values[stream]` is [subject, minute]."""

    subjects: list[str]
    values: dict[str, Floats] = field(default_factory=dict)


Dashboard = dict[str, Streams]
"""Type of subject -> its streams."""


@dataclass(slots=True)
class _Agent:
    team: str = ""
    state: str = "offline"
    since_ms: int = 0
    rest_end_ms: int | None = None
    busy_s: float = 0.0
    ready_s: float = 0.0
    rest_s: float = 0.0
    rests_s: deque[float] = field(default_factory=lambda: deque(maxlen=OFF_CONTACTS_MIN))
    past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=OCCUPANCY_MIN))
    handle_s: deque[float] = field(default_factory=lambda: deque(maxlen=HANDLED_LAST))
    flags_ms: list[int] = field(default_factory=list)

    def until(self, at_ms: int) -> None:
        """Account the time since the last change."""
        passed_s = (at_ms - self.since_ms) / 1000.0
        self.since_ms = at_ms
        if self.state in BUSY:
            self.busy_s += passed_s
        if self.state in BUSY or self.state == "available":
            self.ready_s += passed_s
        if self.state in REST:
            self.rest_s += passed_s


class Board:
    """Fed with events in the order of time; `minute()` at the end of each."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._agents: dict[str, _Agent] = {}
        self._waits: dict[str, deque[tuple[int, float]]] = defaultdict(deque)
        self._observed: dict[str, Event] = {}
        self._offered: dict[str, int] = defaultdict(int)
        self._issues: dict[str, int] = defaultdict(int)
        self._serves: dict[str, set[str]] = defaultdict(set)  # team -> queues
        self._events, self._last_ms = 0, start_ms
        self._rows: dict[str, list[dict[str, dict[str, float]]]] = defaultdict(list)

    def add(self, event: Event) -> None:
        kind, ts = event["type"], event["ts"]
        self._events, self._last_ms = self._events + 1, ts
        if kind == "queue.observed":
            self._observed[event["queue"]] = event
        elif kind == "contact.offered":
            self._offered[event["queue"]] += 1
            if "issue" in event:
                self._issues[event["issue"]] += 1
        elif kind in ("contact.answered", "contact.abandoned"):
            self._waits[event["queue"]].append((ts, event["wait_s"]))
            if kind == "contact.answered" and event["agent"] in self._agents:
                self._serves[self._agents[event["agent"]].team].add(event["queue"])
        elif kind == "contact.handled":
            agent = self._agents.setdefault(event["agent"], _Agent(since_ms=ts))
            agent.handle_s.append(event["talk_s"] + event["hold_s"] + event["acw_s"])
            if event.get("abusive") or event.get("complaint"):
                agent.flags_ms.append(ts)
        elif kind == "agent.state":
            self._state(event, ts)

    def _state(self, event: Event, ts: int) -> None:
        agent = self._agents.setdefault(event["agent"], _Agent(since_ms=ts))
        agent.until(ts)
        if agent.state in REST and event["state"] not in REST:
            agent.rest_end_ms = ts
        agent.state, agent.team = event["state"], event["team"]

    def minute(self, end_ms: int) -> None:
        """The dashboard at the end of a minute."""
        self._rows["queue"].append({queue: self._queue(queue, end_ms) for queue in self._observed})
        self._rows["issue"].append({issue: {"arrivals": float(n)} for issue, n in self._issues.items()})
        agents = {name: self._agent(agent, end_ms) for name, agent in self._agents.items()}
        self._rows["agent"].append(agents)
        self._rows["team"].append(self._teams(agents))
        silence_s = (end_ms - self._last_ms) / 1000.0
        self._rows["tenant"].append({"tenant": {"events": float(self._events), "silence_s": silence_s}})
        self._events = 0
        for counts in (self._offered, self._issues):
            for name in counts:
                counts[name] = 0

    def _queue(self, queue: str, end_ms: int) -> dict[str, float]:
        waits, seen = self._waits[queue], self._observed[queue]
        while waits and waits[0][0] < end_ms - WAITS_MIN * 60_000:
            waits.popleft()
        staffed = seen["agents_staffed"]
        return {
            "waiting": float(seen["waiting"]),
            "longest_wait_s": seen["longest_wait_s"],
            "mean_wait_s": float(np.mean([wait_s for _, wait_s in waits])) if waits else 0.0,
            "arrivals": float(self._offered[queue]),
            "occupancy": seen["agents_busy"] / staffed if staffed else np.nan,
        }

    def _agent(self, agent: _Agent, end_ms: int) -> dict[str, float]:
        agent.until(end_ms)
        agent.past.append((agent.busy_s, agent.ready_s))
        agent.rests_s.append(agent.rest_s)
        agent.busy_s = agent.ready_s = agent.rest_s = 0.0
        busy_s, ready_s = sum(b for b, _ in agent.past), sum(r for _, r in agent.past)
        flags = sum(at_ms > end_ms - FLAGS_MIN * 60_000 for at_ms in agent.flags_ms)
        not_rested = [60.0 - rest_s for rest_s in agent.rests_s]
        working = agent.state not in REST and agent.rest_end_ms is not None
        return {
            "occupancy": busy_s / ready_s if ready_s > 300.0 else np.nan,
            "handle_time_s": float(np.mean(agent.handle_s)) if agent.handle_s else np.nan,
            "flagged": float(flags),
            "no_rest_2h_min": (sum(not_rested) / 60.0 if working else 0.0),
            "since_break_min": (end_ms - (agent.rest_end_ms or 0)) / 60_000.0 if working else 0.0,
        }

    def _teams(self, agents: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        teams: dict[str, list[str]] = defaultdict(list)
        for name, agent in self._agents.items():
            if agent.state not in OFF:
                teams[agent.team].append(name)
        out = {}
        for team, names in teams.items():
            occupancy = [v for name in names if (v := agents[name]["occupancy"]) == v]
            seen = [self._observed[q] for q in self._serves[team] if q in self._observed]
            out[team] = {
                "occupancy": float(np.mean(occupancy)) if occupancy else np.nan,
                "longest_wait_s": max((s["longest_wait_s"] for s in seen), default=0.0),
                "waiting": float(sum(s["waiting"] for s in seen)) / len(names),
                "away": -float(len(names)),
            }
        return out

    def streams(self) -> Dashboard:
        """All of it, as arrays."""
        return {kind: _arrays(rows) for kind, rows in self._rows.items()}


def _arrays(rows: list[dict[str, dict[str, float]]]) -> Streams:
    subjects = sorted({subject for row in rows for subject in row})
    names = {name: None for row in rows for values in row.values() for name in values}
    made = Streams(subjects, {name: np.full((len(subjects), len(rows)), np.nan) for name in names})
    place = {subject: number for number, subject in enumerate(subjects)}
    for minute, row in enumerate(rows):
        for subject, values in row.items():
            for name, value in values.items():
                made.values[name][place[subject], minute] = value
    return made


def dashboard(events: Iterable[Event], start_ms: int, minutes: int) -> Dashboard:
    """Of one day's events, in the order of time."""
    board, end_ms = Board(start_ms), start_ms + 60_000
    for event in events:
        while event["ts"] > end_ms and end_ms < start_ms + minutes * 60_000:
            board.minute(end_ms)
            end_ms += 60_000
        board.add(event)
    while end_ms <= start_ms + minutes * 60_000:
        board.minute(end_ms)
        end_ms += 60_000
    return board.streams()
