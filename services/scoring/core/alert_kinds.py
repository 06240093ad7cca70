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
from services.scoring.core.report import agents_at, queues_at, team_at, with_words
from services.scoring.core.silence import Silence
from services.scoring.core.surge import LEVEL_MAX
from services.scoring.core.surge_watch import Explained
from services.scoring.core.teams import team_evidence
from shared.contract.alerts import Driver


@dataclass(frozen=True, slots=True)
class Said:
    """What an alert says of its subject at a moment; `title` is a code of `wording`, the last two its parameters."""

    strain: float
    drivers: list[Driver]
    title: str
    action: str
    silence_s: float = 0.0
    count: int = 0
    evidence: list[str] | None = None
    """Ids of the events behind it, where they are not those of its subject."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert. `say` is asked for the row of a subject at a time; `notice`: it is good news, never worse."""

    name: str
    subject: str
    say: Callable[[Floor, Silence, int, int], Said]
    notice: bool = False
    evidence: Callable[[Floor, int], list[str]] | None = None
    """Ids of the events behind it, where those behind its subject's strain would not do."""


def _queue_strain(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    judged = queues_at(floor, np.array([row]), at_ms)[0]
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


def _of_agent(title: str, action: str) -> Callable[[Floor, Silence, int, int], Said]:
    """The agent's strain and drivers under another headline."""

    def say(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
        judged = agents_at(floor, np.array([row]), at_ms)[0][0]
        return Said(judged.strain, with_words(judged.drivers), title, action)

    return say


def _last_rests(floor: Floor, row: int) -> list[str]:
    """The last breaks that are known, else what was noted of the work since."""
    return floor.rests.of(row) or floor.agent_evidence.of(row)


def _team_strain(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    judged = team_at(floor, row, at_ms)
    strongest = judged.drivers[0].name if judged.drivers else None
    return Said(judged.strain, with_words(judged.drivers), TEAM, wording.team_action(strongest))


def _over_contact(floor: Floor, silence: Silence, row: int, at_ms: int) -> Said:
    return Said(0.0, [], OVER_CONTACT, "campaign.pause", count=int(floor.campaigns.count[row]))


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
HARD_STREAK, BREAK_DUE, RECOGNITION = "agent.hard_streak", "agent.break_due", "agent.recognition"
TEAM, OVER_CONTACT = "team.strain", "campaign.over_contact"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # In this order they are judged within a moment: queues speak for their agents.
        Kind(QUEUE, subjects.QUEUE, _queue_strain),
        Kind(AGENT, subjects.AGENT, _agent_strain),
        Kind(QUEUE_SURGE, subjects.QUEUE, _queue_surge),
        Kind(ISSUE_SURGE, subjects.ISSUE, _issue_surge),
        Kind(FEED, subjects.TENANT, _feed_silent),
        Kind(HARD_STREAK, subjects.AGENT, _of_agent(HARD_STREAK, "agent.ease")),
        Kind(BREAK_DUE, subjects.AGENT, _of_agent(BREAK_DUE, "agent.break_now"), evidence=_last_rests),
        Kind(RECOGNITION, subjects.AGENT, _of_agent(RECOGNITION, "agent.thank"), notice=True),
        Kind(TEAM, subjects.TEAM, _team_strain, evidence=team_evidence),
        Kind(OVER_CONTACT, subjects.QUEUE, _over_contact, evidence=lambda floor, row: floor.campaigns.of(row)),
    )
}
