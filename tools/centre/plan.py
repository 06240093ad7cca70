"""What the simulated contact centre is like before anything happens: queues, issues, teams, shifts, scenario.

Every number here is a product choice unless its source is named: a plausible small service centre, not a real one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from tools.centre.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Issue:
    """A reason for contacts. `share` of its queue; talk time's median and the chance that one contact does not do."""

    name: str
    share: float
    talk_median_s: float
    unresolved: float


QUEUES: dict[str, tuple[float, tuple[Issue, ...]]] = {
    "billing": (
        0.30,
        (
            Issue("invoice-question", 0.5, 190, 0.12),
            Issue("payment-failed", 0.3, 250, 0.22),
            Issue("refund", 0.2, 310, 0.28),
        ),
    ),
    "cards": (
        0.25,
        (
            Issue("card-declined", 0.5, 220, 0.15),
            Issue("card-lost", 0.3, 180, 0.05),
            Issue("pin-reset", 0.2, 130, 0.08),
        ),
    ),
    "technical": (
        0.25,
        (
            Issue("app-login", 0.5, 240, 0.20),
            Issue("setup", 0.3, 380, 0.25),
            Issue("outage", 0.2, 260, 0.30),
        ),
    ),
    "accounts": (
        0.20,
        (
            Issue("address-change", 0.6, 150, 0.04),
            Issue("closing", 0.4, 330, 0.10),
        ),
    ),
}
"""Queue -> share of all contacts, and its issues. Shares add up to 1."""

TEAMS: dict[str, tuple[str, ...]] = {
    "team-a": ("billing", "cards"),
    "team-b": ("cards", "accounts"),
    "team-c": ("technical", "accounts"),
}
"""Team -> the queues its agents serve. Neighbours share a queue, so a surge spills over but not everywhere."""

TALK_SIGMA = 0.55  # of ln(talk time): call durations are log-normal (Brown et al. 2005); the width is a choice
AGENT_SIGMA = 0.12  # people differ in pace, each by the same factor all day
HOLD_CHANCE, HOLD_PART_OF_TALK = 0.25, 0.15
ACW_MEDIAN_S, ACW_SIGMA = 25.0, 0.6
RING_S = (1.0, 4.0)
PATIENCE_MEAN_S = 300.0  # exponential, as in the Erlang A model

RATE_SLOT_S = 900.0
RATE_GAMMA_SHAPE = 25.0
"""The rate of each quarter of an hour is multiplied by a Gamma of mean 1 and deviation 0.2: arrivals vary more
than Poisson (Gamma-Poisson, Brown et al.)."""

CALLS_AGAIN = 0.6  # of those whose contact left the issue unresolved
CALLS_AGAIN_MEAN_S = 480.0
TRIES_AGAIN = 0.35  # of those who gave up waiting
TRIES_AGAIN_MEAN_S = 150.0
PAUSE_S_MIN = 20.0  # nobody calls again within the same breath
ISSUE_KNOWN = 0.8  # of the callers, on joining
ATTEMPTS_MAX = 4  # afterwards the caller gives up for the day: keeps an overload from feeding itself for ever

DAY_S = 86_400.0
LOAD_BY_HOUR = {7: 0.0, 8: 0.42, 9: 0.62, 10: 0.80, 11: 0.86, 12: 0.98, 14: 1.0, 16: 0.85, 17: 0.48, 19: 0.2, 20: 0.0}
"""Hour of the centre's day -> arrivals as a part of the busiest hour, straight lines between. It follows the shifts
below, as a planned centre's load does."""

SHIFT_STARTS_H = ((0.5, 8.0), (0.8, 9.5), (1.0, 11.5))  # cumulative part of a team -> hour at which it starts
SHIFT_S = 8.5 * 3600
SHIFT_SPREAD_S = 180.0
PAUSES = ((2.0, "break", "short_break", 600.0), (4.0, "break", "lunch", 1800.0), (6.25, "break", "short_break", 600.0))
"""Hours into the shift, state, reason, length: the 15 min per 2 h of good practice, lunch counted."""
PAUSE_SPREAD_S = 1500.0  # so that a wave of agents does not leave all at once
MEETING_CHANCE, MEETING_S = 0.12, 1200.0
MISSED_PAUSE, MISSED_PAUSE_BUSY = 0.06, 0.35  # chance that a break does not happen, and what waiting callers add
CUT_SHORT_S = (30.0, 180.0)  # how long a break lasts that is cut short
AWAY = 0.09  # part of the shift in breaks and meetings, for the planned load
LONG_WAIT_S = 60.0  # from here the waiting callers are felt on the floor
OCCUPANCY = 0.70  # planned, of the time not away; small pools need this much room to answer quickly
REPEAT_LOAD = 1.10  # contacts per first contact on a usual day

WARM_MIN = 12.0
"""How far back a warm start reaches: enough to fill the agents and a queue, and short of the 15 min after which an
event counts as late, with three minutes for sending it."""

DEPARTMENTS = ("delivery", "branch", "web-shop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What goes wrong, in minutes from the start (negative: before it, seen with `warm_start`).

    With `warm_start` the centre has been at work for `warm_min` before. Surge: `surge_issue` brings contacts to
    `surge_queue` until its rate is `surge_factor` times the usual one, for `surge_for_min`, again every
    `surge_every_min`. Absence: `absent_part` of the agents is away without notice. `troubles`: any
    number of further causes. A smaller `rate_gamma_shape` makes arrivals more over-dispersed.

    Raises ValueError: an unknown queue or issue, or a number that makes no sense.
    """

    warm_start: bool = False
    warm_min: float = WARM_MIN
    surge_at_min: float | None = None
    surge_for_min: float = 15.0
    surge_factor: float = 3.0
    surge_queue: str = "billing"
    surge_issue: str = "payment-failed"
    surge_every_min: float | None = None
    absent_part: float = 0.0
    absent_at_min: float = 0.0
    absent_for_min: float = 60.0
    rate_gamma_shape: float = RATE_GAMMA_SHAPE
    troubles: tuple[Trouble, ...] = ()

    def __post_init__(self) -> None:
        if self.surge_queue not in QUEUES:
            raise ValueError(f"no queue {self.surge_queue!r}; there are: {', '.join(QUEUES)}")
        issues = [issue.name for issue in QUEUES[self.surge_queue][1]]
        if self.surge_issue not in issues:
            raise ValueError(f"{self.surge_queue} has no issue {self.surge_issue!r}; it has: {', '.join(issues)}")
        if self.warm_min < 0:
            raise ValueError("the centre has been at work for 0 minutes or more")
        if not 1.0 <= self.surge_factor <= 20.0:
            raise ValueError("a surge multiplies the rate by 1 to 20")
        if self.surge_for_min <= 0 or self.absent_for_min <= 0:
            raise ValueError("a surge or an absence lasts longer than 0 minutes")
        if self.surge_every_min is not None and self.surge_every_min < self.surge_for_min:
            raise ValueError("a surge must end before it comes again")
        if self.rate_gamma_shape <= 0:
            raise ValueError("the shape of a Gamma lies above 0")
        for trouble in self.troubles:
            self._check(trouble)
        if not 0.0 <= self.absent_part <= 1.0:
            raise ValueError("the part of the agents that is absent lies between 0 and 1")

    @staticmethod
    def _check(trouble: Trouble) -> None:
        if trouble.queue is not None and trouble.queue not in QUEUES:
            raise ValueError(f"no queue {trouble.queue!r}; there are: {', '.join(QUEUES)}")
        if trouble.queue is not None and trouble.issue not in (
            None,
            *(issue.name for issue in QUEUES[trouble.queue][1]),
        ):
            raise ValueError(f"{trouble.queue} has no issue {trouble.issue!r}")
        if trouble.team not in (None, *TEAMS):
            raise ValueError(f"no team {trouble.team!r}; there are: {', '.join(TEAMS)}")

    def absence_s(self, begin_s: float) -> tuple[float, float]:
        """Start and end of the absence in seconds from the start; nothing can be before `begin_s`."""
        start_s = max(60.0 * self.absent_at_min, begin_s)
        return start_s, start_s + 60.0 * self.absent_for_min


DEMO = Scenario(
    warm_start=True,
    surge_at_min=-9.0,
    surge_for_min=17.0,
    surge_factor=5.0,
    surge_every_min=35.0,
    troubles=(Trouble(kind="abuse", agent="agent-01", at_min=-12.0, for_min=18.0, size=0.9),),
)
"""Billing already waits minutes when the page opens, is calm a quarter of an hour later, and strained again after
another; the technical team stays calm beside it. One agent has had hostile callers: somebody to support now, and to
thank when it has passed."""

MORNING_H = 10.7
MORNING = replace(
    DEMO,
    warm_min=170.0,
    troubles=(*DEMO.troubles, Trouble(kind="missed_breaks", agent="agent-02", at_min=-170.0, for_min=190.0)),
)
"""The same, at MORNING_H of the centre's day and with all of its morning before, from before the first shift
on: strain has its history, and one agent, at work for more than two and a half hours, has had no break yet. MORNING_H
lies between the breaks of the first shift and those of the second. For servers that take events of `warm_min` ago
(`lateness_s`)."""


def load_at(day_s: float) -> float:
    """Arrivals at a second of the centre's day as a part of the busiest hour."""
    hour = day_s % DAY_S / 3600.0
    for (left, low), (right, high) in pairwise(LOAD_BY_HOUR.items()):
        if left <= hour < right:
            return low + (high - low) * (hour - left) / (right - left)
    return 0.0


def handle_mean_s(queue: str, only_issue: str | None = None) -> float:
    """Expected time that a contact of `queue` (of one issue) takes: ringing, talk, hold, after-contact work."""
    issues = [issue for issue in QUEUES[queue][1] if only_issue in (None, issue.name)]
    spread = math.exp((TALK_SIGMA**2 + AGENT_SIGMA**2) / 2) * (1 + HOLD_CHANCE * HOLD_PART_OF_TALK)
    shares = sum(issue.share for issue in issues)
    talk_s = sum(issue.share * issue.talk_median_s for issue in issues) / shares * spread
    return sum(RING_S) / 2 + talk_s + ACW_MEDIAN_S * math.exp(ACW_SIGMA**2 / 2)


def first_contacts_per_s(agents: int) -> float:
    """Rate of new contacts in the busiest hour at which `agents` people work at the planned occupancy."""
    mean_s = sum(share * handle_mean_s(queue) for queue, (share, _) in QUEUES.items())
    return OCCUPANCY * (1 - AWAY) * agents / mean_s / REPEAT_LOAD


def shift_start_h(place: float) -> float:
    """Hour at which the agent at `place` (0..1) in a team begins."""
    return next((hour for part, hour in SHIFT_STARTS_H if place <= part), SHIFT_STARTS_H[-1][1])
