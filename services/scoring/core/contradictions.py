"""What a feed says that cannot all be so. It is counted and explained; what is done about each stands beside it.

No event is refused for it: which of two is wrong is not known here, and the rest of a feed is worth having.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "answered_unoffered": "contact.answered before any contact.offered was told: one arrival all the same. "
    "Usual for sources without contact.offered, else lost or reordered events",
    "answered_before_offered": "The ts of the answer is before that of the offer: the wait is what the event tells, "
    "never a difference of the two. The clocks of two systems differ",
    "handled_unanswered": "contact.handled before any contact.answered was told: work of its handle time all the same. "
    "Usual for sources without contact.answered, else lost or reordered events",
    "abandoned_and_answered": "One contact both abandoned and answered or handled: once an agent had it, it counts as "
    "not abandoned; what was counted before stands",
    "answered_at_rest": "contact.answered by an agent in a break or offline: the state stands until another is told",
    "two_states": "Two states of one agent with the same ts: the one told last stands",
    "state_out_of_order": "An agent.state older than the one in force: kept out",
    "two_teams": "An agent named in another team than before: the newest counts. A few a day are moves; many are two "
    "sources that disagree",
}
"""Reason -> what it means, what is made of it, and what it often comes from."""

_PLACE = {reason: place for place, reason in enumerate(REASONS)}
ANSWERED_UNOFFERED = _PLACE["answered_unoffered"]
ANSWERED_BEFORE_OFFERED = _PLACE["answered_before_offered"]
HANDLED_UNANSWERED = _PLACE["handled_unanswered"]
ABANDONED_AND_ANSWERED = _PLACE["abandoned_and_answered"]
ANSWERED_AT_REST = _PLACE["answered_at_rest"]
TWO_STATES = _PLACE["two_states"]
STATE_OUT_OF_ORDER = _PLACE["state_out_of_order"]
TWO_TEAMS = _PLACE["two_teams"]
