"""Alerts of surges: their values change at whole minutes only, so they need no judging between two of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import wording
from services.scoring.core.alert_kinds import ISSUE_SURGE, KINDS, QUEUE_SURGE
from services.scoring.core.decay import Floats
from services.scoring.core.desk import Desk
from services.scoring.core.report import settled_alert
from services.scoring.core.seconds import first_due_of
from services.scoring.core.subjects import Subjects
from services.scoring.core.surge_watch import SurgeWatch
from shared.contract.alerts import Alert

Rows = NDArray[np.intp]


class SurgeAlerts:
    """What the desk is asked and told about surges."""

    def __init__(self, surges: SurgeWatch, desk: Desk, subjects: Subjects) -> None:
        self._surges, self._desk, self._subjects = surges, desk, subjects
        self._of = ((QUEUE_SURGE, surges.queues), (ISSUE_SURGE, surges.issues))

    def watched(self) -> list[tuple[str, Rows, Floats]]:
        """(kind, rows, value by row of the kind's subject) where an alert may open or change until the next minute."""
        out = []
        for kind, watched in self._of:
            lines, watch = self._desk.lines(kind), self._desk.watches[kind]
            n = min(watched.value.size, watch.n)
            rows = np.flatnonzero((watched.value[:n] >= lines.open_line[:n]) | (watch.phase[:n] != 0))
            if rows.size:
                out.append((kind, rows, watched.value))
        return out

    def first_due(
        self, first_ms: int, last_ms: int, gap_ms: int, watched: list[tuple[str, Rows, Floats]], due_ms: int
    ) -> int:
        """`due_ms` (-1: none until `last_ms`), or an earlier whole second at which one of these is due."""
        for kind, rows, value in watched:
            watcher = self._desk.watcher(kind, first_ms - gap_ms)
            found = first_due_of(first_ms, last_ms if due_ms < 0 else due_ms, gap_ms, rows, value, watcher)
            due_ms = due_ms if found < 0 else found
        return due_ms

    def moment(self, watched: list[tuple[str, Rows, Floats]], at_ms: int, running_ms: int) -> None:
        """See Desk.moment."""
        for kind, rows, value in watched:
            self._desk.moment(kind, rows, value[rows], at_ms, running_ms)

    def announce(self, at_ms: int) -> None:
        """Tell once of each deviation that lasted and is the usual now: an alert that is over as it is told."""
        settled, self._surges.settled = self._surges.settled, []
        for watched, row, ratio in settled:
            kind = QUEUE_SURGE if watched is self._surges.queues else ISSUE_SURGE
            self._desk.tell(self._settled(kind, row, 100.0 * ratio, at_ms))

    def _settled(self, kind: str, row: int, percent: float, at_ms: int) -> Alert:
        of = KINDS[kind].subject
        subject = self._subjects.subject(of, row)
        tenant, team = self._subjects.tenant_name(of, row), self._subjects.team(of, row)
        title = wording.settled_title(subject.id, percent)
        return settled_alert(kind, tenant, team, subject, title, "surge.plan", at_ms)
