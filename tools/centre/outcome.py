"""How a contact ends: outcome, complaint, praise, survey. Long waits and repeats make bad ends more frequent."""

from __future__ import annotations

import random
from typing import Any

from tools.centre.plan import DEPARTMENTS, Issue

LONG_WAIT_S = 120.0
# Chances by choice. Aggression is rare for one contact and a daily matter for one agent (Grandey 2004).
COMPLAINT, COMPLAINT_WAITED, COMPLAINT_REPEAT = 0.02, 0.08, 0.06
ABUSIVE, ABUSIVE_WAITED = 0.006, 0.03
COMPLIMENT = 0.04
SURVEY_ANSWERED = 0.15
OPPORTUNITY, VISIT_AVOIDED = 0.02, 0.03

UNRESOLVED = {"unresolved": 0.6, "transferred": 0.2, "escalated": 0.1, "callback": 0.1}


def outcome_of(issue: Issue, attempt: int, wait_s: float, rng: random.Random) -> dict[str, Any]:
    """Fields of `contact.handled` that say how it went; flags only where true. Draws the same count each time."""
    draws = [rng.random() for _ in range(8)]
    waited = wait_s > LONG_WAIT_S
    resolved = draws[0] >= issue.unresolved
    other = rng.choices(list(UNRESOLVED), list(UNRESOLVED.values()))[0]
    complaint = draws[1] < COMPLAINT + COMPLAINT_WAITED * waited + COMPLAINT_REPEAT * (attempt > 1)
    compliment = resolved and not complaint and draws[3] < COMPLIMENT
    flags = {
        "complaint": complaint,
        "abusive": draws[2] < ABUSIVE + ABUSIVE_WAITED * waited,
        "compliment": compliment,
        "opportunity": resolved and draws[4] < OPPORTUNITY,
        "visit_avoided": resolved and draws[5] < VISIT_AVOIDED,
    }
    ending: dict[str, Any] = {"outcome": "resolved" if resolved else other}
    ending.update((name, True) for name, true in flags.items() if true)
    if draws[6] < SURVEY_ANSWERED:
        ending["satisfaction"] = max(1, 5 - 2 * (not resolved) - waited - complaint - (attempt > 1))
    if complaint or compliment:
        ending["department"] = DEPARTMENTS[int(draws[7] * len(DEPARTMENTS))]
    return ending
