"""The kinds of alerts: what each is about, and what it says when it is published.

To add a kind: a row in KINDS, its rules in `parameters.ALERT_RULES`, its words in `wording`, what it measures where the
engine judges its subject, a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.scoring.core import subjects, wording
from services.scoring.core.floor import Floor
from services.scoring.core.report import agents_at, queues_at, with_words
from services.scoring.core.silence import Silence
from services.scoring.core.surge import LEVEL_MAX
from services.scoring.core.surge_watch import Explained
from shared.contract.alerts import Driver


@dataclass(frozen=True, slots=True)
class Said:
    """What an alert says of its subject at a moment; `title` is a code of `wording`, `silence_s` its parameter."""

    strain: float
    drivers: list[Driver]
    title: str
    action: str
    silence_s: float = 0.0
    evidence: list[str] | None = None
    """Ids of the events behind it, where they are not those of its subject."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert. `say` is asked for the row of a subject at a time."""

    name: str
    subject: str
    say: Callable[[Floor, Silence, int, int], Said]


def _queue_strain(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    judged = queues_at(floor, np.array([row]), at_ms)[0][0]
    strongest = judged.drivers[0].name if judged.drivers else None
    return Said(judged.strain, with_words(judged.drivers), QUEUE, wording.queue_action(strongest))


def _agent_strain(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    judged = agents_at(floor, np.array([row]), at_ms)[0][0]
    strongest = judged.drivers[0].name if judged.drivers else None
    return Said(
        judged.strain,
        with_words(judged.drivers),
        AGENT,
        wording.agent_action(strongest, floor.agents.long_on_new_issue(row)),
    )


def _feed_silent(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    late_s = silence.late_age_s(row)
    if late_s > 0:
        return Said(0.0, [], "feed.late", "feed.check", late_s)
    return Said(0.0, [], FEED, "feed.check", silence.seconds(row, at_ms))


CAUSES_MAX = 5
"""Issues that an alert names; what the others explain is in the rest. More would not be read. Product choice."""
POINTS = 100.0 / LEVEL_MAX
"""Strain of a surge, a threshold: 20 at the alarm, 100 where the test says no more."""


def _queue_surge(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    """Drivers are the issues that explain it, then the rest."""
    surges = floor.surges
    strain = POINTS * float(surges.queues.value[row])
    if strain == 0.0:
        return Said(0.0, [], QUEUE_SURGE, "surge.staff")
    found = surges.explain(row, at_ms)
    excess = surges.excess(surges.queues, row)
    whole = max(excess, sum(e.contacts for e in found), 1e-9)
    drivers = [_cause(floor, e, strain * e.contacts / whole) for e in found[:CAUSES_MAX]]
    left = strain - sum(d.share for d in drivers)
    if left > 1e-9:
        contacts = excess * left / strain
        drivers.append(Driver("other", left, contacts, "contacts", *wording.rest_text(contacts)))
    known = sum(e.contacts for e in found) >= 0.5 * whole
    action = "surge.announce" if known else "surge.staff"
    return Said(strain, drivers, QUEUE_SURGE, action, evidence=surges.queues.evidence.of(row))


def _issue_surge(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    surges = floor.surges
    strain = POINTS * float(surges.issues.value[row])
    found = surges.cause(row, at_ms) if strain else None
    if found is None:
        return Said(0.0, [], ISSUE_SURGE, "surge.announce")
    evidence = surges.issues.evidence.of(row)
    return Said(strain, [_cause(floor, found, strain)], ISSUE_SURGE, "surge.announce", evidence=evidence)


def _cause(floor: Floor, found: Explained, share: float) -> Driver:
    name, cause = floor.registers.issues.text[found.issue], found.cause
    texts = wording.cause_text(name, cause.observed, cause.expected, cause.repeat_share, cause.strain_minutes)
    return Driver(name, share, found.contacts, "contacts", *texts)


QUEUE, AGENT, FEED = "queue.strain", "agent.strain", "feed.silent"
QUEUE_SURGE, ISSUE_SURGE = "queue.surge", "issue.surge"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # In this order they are judged within a moment: queues speak for their agents.
        Kind(QUEUE, subjects.QUEUE, _queue_strain),
        Kind(AGENT, subjects.AGENT, _agent_strain),
        Kind(QUEUE_SURGE, subjects.QUEUE, _queue_surge),
        Kind(ISSUE_SURGE, subjects.ISSUE, _issue_surge),
        Kind(FEED, subjects.TENANT, _feed_silent),
    )
}
