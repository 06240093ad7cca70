"""Surges of a partition: the arrivals of each queue and the mentions of each issue against their usual, by minute.

`note` takes what a batch brings; `pass_time` closes the minutes that are over, judges them, and keeps what the desk and
the drivers read until the next: `value` by subject (1 is an alarm). False alarms have one budget a tenant over all of
its queues and issues. What was not seen is neither judged nor learnt: clock gaps, and minutes in which a tenant said
nothing at all although contacts were due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrivals import Streams
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.evidence import Evidence
from services.scoring.core.issues import Cause, Issues
from services.scoring.core.surge import Surges
from services.scoring.core.surge_feed import SurgeFeed, unknown_issues, unknown_queues

Rows = NDArray[np.intp]


def _one(tenant: int) -> float:
    return 1.0


def _utc(tenant: int, at_ms: int) -> int:
    return 0


class Explained(NamedTuple):
    """What an issue has to do with a surge; `contacts` beyond the usual that it explains."""

    issue: int
    contacts: float
    cause: Cause


class Compared(NamedTuple):
    """Queues or issues of a closed minute that were seen and whose usual is known: contacts, and the usual of them."""

    queues: bool
    subjects: NDArray[np.int64]
    contacts: NDArray[np.int64]
    usual: Floats


MINUTE_MS = 60_000
SILENT_CONTACTS = 5.0
"""A tenant that says nothing at all while so many contacts are usual was not heard: by chance 1 time in 150 at most,
and only if agents and observations are silent too. Product choice."""


class Watched:
    """Streams of one kind of subject: `row` is the stream of a subject (-1: none), `value` its surge, both by subject.

    A value is in thresholds: 1 or more at the alarm, 0 from when it is over.
    """

    def __init__(self) -> None:
        self.streams, self.surges = Streams(), Surges()
        self.evidence = Evidence()
        self.row = np.full(64, -1, np.int64)
        self.value = np.zeros(64)

    def cover(self, subjects: int) -> None:
        """At least so many subjects."""
        more = subjects - self.row.size
        if more > 0:
            more = max(more, self.row.size)
            self.row = np.concatenate([self.row, np.full(more, -1)])
            self.value = np.concatenate([self.value, np.zeros(more)])

    def add(self, subject: int, tenant: int, offset_ms: int) -> int:
        """A stream for a subject; the one without arrivals for longest makes room where there is none."""
        stream = self.streams.row_of(subject + 1, tenant, offset_ms)
        freed = self.streams.take_freed()
        self.surges.follow(self.streams.n, freed)
        if freed:
            self._number()
        self.row[subject] = stream
        return stream

    def _number(self) -> None:
        """Which subject has which stream: the streams know."""
        self.row[:] = -1
        self.value[:] = 0.0
        live = self.live()
        subjects = self.subjects(live)
        self.row[subjects] = live
        self.value[subjects] = self._values(live)

    def live(self) -> Rows:
        """Rows of streams that are in use."""
        return np.flatnonzero(self.streams.key[: self.streams.n])

    def subjects(self, streams: Rows) -> NDArray[np.int64]:
        """Whose streams these are."""
        return self.streams.key[streams].astype(np.int64) - 1

    def judge(self, minute: int) -> None:
        """The minute that was just closed."""
        of, surges = self.streams, self.surges
        surges.step(minute, of.closed, of.expected, of.ready, of.phi, of.cv2)
        of.flag(surges.surging)
        live = self.live()
        self.value[self.subjects(live)] = self._values(live)

    def _values(self, streams: Rows) -> Floats:
        surges = self.surges
        values: Floats = np.where(surges.surging[streams] != 0, surges.value[streams], 0.0)
        return values

    def ready(self, tenants: int) -> Floats:
        """Streams of each tenant that can be judged."""
        of = self.streams
        return np.bincount(of.tenant[: of.n][of.ready[: of.n] != 0], minlength=tenants).astype(np.float64)

    def pack(self) -> dict[str, Any]:
        """All state."""
        return {
            "streams": self.streams.pack(),
            "surges": self.surges.pack(),
            "evidence": self.evidence.pack(),
            "subjects": self.row.size,
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.streams.unpack(packed["streams"])
        self.surges.unpack(packed["surges"])
        self.evidence.unpack(packed["evidence"])
        self.cover(packed["subjects"])
        self._number()


class SurgeWatch:
    """All streams of one partition; subjects are numbered as in the engine's registers."""

    def __init__(self) -> None:
        self.queues, self.issues = Watched(), Watched()
        self.causes = Issues()
        """A row an issue's stream."""
        self.settled: list[tuple[Watched, int, float]] = []
        """(queues or issues, subject, new usual / the old) of deviations that became the usual; whoever announces them
        takes them away within the step."""
        self._compared: list[Compared] = []
        self._gap = (0, 0)  # the last clock gap, ms
        self._heard = np.zeros(0, np.uint8)  # by tenant: an event took effect in the open minute
        self._missed = np.zeros(0)  # by tenant: usual contacts since the last event
        self._budgets: Callable[[int], float] = _one
        self.offset_ms: Callable[[int, int], int] = _utc
        self._feed: SurgeFeed | None = None

    def tune(self, false_alarms_a_day: Callable[[int], float], offset_ms: Callable[[int, int], int]) -> None:
        """Take settings into force: by tenant, and the offset from UTC of a tenant at a moment (ms)."""
        self._budgets, self.offset_ms = false_alarms_a_day, offset_ms

    # --- events

    def begin(self, tenant: int, queues: Sequence[int], issues: Sequence[int], now_ms: int) -> None:
        """Events of a tenant take effect; `queues` and `issues` are the tenants of all that are registered."""
        if self.queues.streams.minute < 0:
            self.queues.streams.minute = self.issues.streams.minute = now_ms // MINUTE_MS
            self._gap = (0, now_ms)  # what was before is unseen
        self._cover(tenant, len(queues), len(issues))
        self._heard[tenant] = 1

    def _cover(self, tenant: int, queues: int, issues: int) -> None:
        if tenant >= self._heard.size:
            more = tenant + 1 - self._heard.size
            self._heard = np.concatenate([self._heard, np.zeros(more, np.uint8)])
            self._missed = np.concatenate([self._missed, np.zeros(more)])
        if queues > self.queues.row.size or issues > self.issues.row.size:
            self.queues.cover(queues)
            self.issues.cover(issues)
            self._feed = None

    def note(self, b: Batch, facts: Facts, contacts: Contacts, strain: Floats) -> None:
        """What a batch brings; `strain` is by queue."""
        queues, issues = self.queues, self.issues
        minute = queues.streams.minute
        feed = self._bound(contacts)
        if not feed.note(b, facts, strain, minute, True):
            open_ms = minute * MINUTE_MS
            for queue in unknown_queues(b, queues.row):
                queues.add(queue, b.tenant, self.offset_ms(b.tenant, open_ms))
            for issue in unknown_issues(b, issues.row):
                self._add_issue(issue, b.tenant, open_ms)
            # Beyond the bound a new stream may have taken the place of one that is needed too: it misses this batch.
            feed = self._bound(contacts)
            feed.note(b, facts, strain, minute, False)
        queues.streams.too_late += feed.arrivals_too_late
        issues.streams.too_late += feed.mentions_too_late

    def _bound(self, contacts: Contacts) -> SurgeFeed:
        queues, issues, feed = self.queues, self.issues, self._feed
        if feed is None or not feed.fits(queues.streams, issues.streams, self.causes, contacts):
            feed = self._feed = SurgeFeed(queues.streams, issues.streams, self.causes, contacts, queues.row, issues.row)
        return feed

    def _add_issue(self, issue: int, tenant: int, at_ms: int) -> None:
        """An issue never heard of was mentioned by nobody in all the hours that its tenant's other issues are known."""
        of = self.issues.streams
        others = np.flatnonzero((of.key[: of.n] != 0) & (of.tenant[: of.n] == tenant))
        worth = of.worth[others].max(axis=0) if others.size else None
        stream = self.issues.add(issue, tenant, self.offset_ms(tenant, at_ms))
        self.causes.follow(of.n, [stream])
        if worth is not None:
            of.worth[stream] = worth

    def follow(self, tenant: int, queues: Sequence[int], issues: Sequence[int], at_ms: int) -> None:
        """Streams for these queues and issues of a tenant, also of those that no event has brought yet.

        Beyond the bound some of them have none in the end: `row` says which.
        """
        self._cover(tenant, max(queues, default=-1) + 1, max(issues, default=-1) + 1)
        for queue in queues:
            if self.queues.row[queue] < 0:
                self.queues.add(queue, tenant, self.offset_ms(tenant, at_ms))
        for issue in issues:
            if self.issues.row[issue] < 0:
                self._add_issue(issue, tenant, at_ms)

    # --- why

    def percent(self, watched: Watched, subject: int) -> float:
        """Contacts since the surge began as a percentage of the usual; NaN while there is none."""
        stream, surges = int(watched.row[subject]), watched.surges
        if stream < 0 or not surges.surging[stream]:
            return float("nan")
        return 100.0 * float(surges.observed[stream]) / max(float(surges.expected[stream]), 1e-9)

    def excess(self, watched: Watched, subject: int) -> float:
        """Contacts beyond the usual since the surge began, 0 while there is none."""
        stream, surges = int(watched.row[subject]), watched.surges
        return max(float(surges.observed[stream] - surges.expected[stream]), 0.0) if stream >= 0 else 0.0

    def explain(self, queue: int, at_ms: int) -> list[Explained]:
        """The issues that come up more than usual in a queue since its surge began, those that explain most first.

        Of an issue's excess a queue has the part that it has of the issue's last contacts.
        """
        found = [
            Explained(issue, part * (cause.observed - cause.expected), cause)
            for issue, cause in self._causes(self.queues, queue, at_ms)
            if (part := self.causes.part_in(cause.row, queue)) > 0.0 and cause.observed > cause.expected
        ]
        return sorted(found, key=lambda e: (-e.contacts, -e.cause.strain_minutes, e.issue))

    def cause(self, issue: int, at_ms: int) -> Explained | None:
        """An issue since its own surge began; None while there is none."""
        found = [cause for other, cause in self._causes(self.issues, issue, at_ms) if other == issue]
        return Explained(issue, self.excess(self.issues, issue), found[0]) if found else None

    def _causes(self, watched: Watched, subject: int, at_ms: int) -> list[tuple[int, Cause]]:
        """All issues of the tenant, over the time of a surge."""
        stream = int(watched.row[subject])
        if stream < 0 or not watched.surges.surging[stream]:
            return []
        of = self.issues.streams
        rows = np.flatnonzero((of.key[: of.n] != 0) & (of.tenant[: of.n] == watched.streams.tenant[stream]))
        since_ms = int(watched.surges.since[stream]) * MINUTE_MS
        return [(int(of.key[cause.row]) - 1, cause) for cause in self.causes.causes(rows, since_ms, at_ms)]

    # --- time

    def gap(self, began_ms: int, ended_ms: int) -> None:
        """Nobody watched between two moments. To be told before `pass_time`."""
        self._gap = (began_ms, ended_ms)

    def pass_time(self, at_ms: int, tenants: int) -> bool:
        """Close all minutes that are over; whether there were any."""
        now = at_ms // MINUTE_MS
        first = minute = self.queues.streams.minute
        if minute < 0:
            return False
        while minute < now:
            began_ms, ended_ms = self._gap
            seen = began_ms >= (minute + 1) * MINUTE_MS or ended_ms <= minute * MINUTE_MS
            self._close(minute, seen, tenants)
            minute += 1
            if not seen:  # and none of the gap's other minutes needs looking at: nothing came in them
                minute = max(minute, min(now, ended_ms // MINUTE_MS))
            self.queues.streams.minute = self.issues.streams.minute = minute
        return minute > first

    def _close(self, minute: int, seen: bool, tenants: int) -> None:
        offsets = np.array([self.offset_ms(t, minute * MINUTE_MS) for t in range(tenants)], np.int64)
        budgets = np.array([self._budgets(t) for t in range(tenants)])
        silent = self._silent()
        for watched in (self.queues, self.issues):
            of = watched.streams
            of.offset_ms[: of.n] = offsets[of.tenant[: of.n]]
            of.close_minute(seen, silent[of.tenant[: of.n]])
            live = watched.live()
            self.settled += [(watched, int(of.key[stream]) - 1, ratio) for stream, ratio in of.take_settled()]
            judged = live[of.closed[live] >= 0]
            known = judged[of.ready[judged] != 0]
            self._compared.append(
                Compared(watched is self.queues, watched.subjects(known), of.closed[known], of.expected[known])
            )
            if watched is self.issues:
                self.causes.expect(judged, minute * MINUTE_MS, of.expected[judged])
        ready = self.queues.ready(tenants), self.issues.ready(tenants)
        for watched, own in zip((self.queues, self.issues), ready, strict=True):
            of = watched.streams
            share = budgets * own / np.maximum(ready[0] + ready[1], 1.0)
            watched.surges.share_budget(of.tenant, of.ready, share)
            watched.judge(minute)

    def take_compared(self) -> list[Compared]:
        """Of the minutes closed since this was asked last; to be asked within the step."""
        compared, self._compared = self._compared, []
        return compared

    def _silent(self) -> NDArray[np.int64]:
        """Tenants that were not heard in the open minute, 0 or 1."""
        of = self.queues.streams
        usual = np.bincount(
            of.tenant[: of.n], weights=of.expected[: of.n] * (of.ready[: of.n] != 0), minlength=self._heard.size
        )
        self._missed = np.where(self._heard != 0, 0.0, self._missed + usual)
        self._heard[:] = 0
        return (self._missed >= SILENT_CONTACTS).astype(np.int64)

    # --- checkpoints

    def pack(self) -> dict[str, Any]:
        """All state."""
        return {
            "queues": self.queues.pack(),
            "issues": self.issues.pack(),
            "causes": self.causes.pack(),
            "gap": list(self._gap),
            "heard": self._heard.tobytes(),
            "missed": self._missed.tobytes(),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.queues.unpack(packed["queues"])
        self.issues.unpack(packed["issues"])
        self.causes.unpack(packed["causes"])
        self._gap = (packed["gap"][0], packed["gap"][1])
        self._heard = np.frombuffer(packed["heard"], np.uint8).copy()
        self._missed = np.frombuffer(packed["missed"], np.float64).copy()
        self._feed = None
