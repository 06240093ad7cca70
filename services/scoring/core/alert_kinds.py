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
from shared.contract.alerts import Driver


@dataclass(frozen=True, slots=True)
class Said:
    """What an alert says of its subject at a moment; `title` is a code of `wording`, `silence_s` its parameter."""

    strain: float
    drivers: list[Driver]
    title: str
    action: str
    silence_s: float = 0.0


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


QUEUE, AGENT, FEED = "queue.strain", "agent.strain", "feed.silent"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # In this order they are judged within a moment: queues speak for their agents.
        Kind(QUEUE, subjects.QUEUE, _queue_strain),
        Kind(AGENT, subjects.AGENT, _agent_strain),
        Kind(FEED, subjects.TENANT, _feed_silent),
    )
}
