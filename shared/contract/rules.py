"""What the rules of a floor have done lately: which ring often, and which of those somebody did something about."""

from __future__ import annotations

from msgspec import Struct


class RuleCount(Struct, kw_only=True):
    """Alerts of one kind that opened since `since`, in the scope of who asks. See services/notify/core/rules.py.

    `fired`: those that leads were told of. `acted`: of these, those that somebody acknowledged, assigned, closed or
    noted something at. `acknowledged_p50_s`: median time from opening to the first acknowledgement, null without any.
    `escalated`: of `fired`, those that nobody took in time. `suppressed`: held back all along, so not in `fired`.
    `open`: of `fired`, those that are not over.
    """

    kind: str
    fired: int
    acted: int
    acknowledged_p50_s: float | None
    escalated: int
    suppressed: int
    open: int


class Rules(Struct, kw_only=True):
    """`GET /v1/rules`. `since` (RFC 3339 UTC) is from when on alerts are counted; kinds without any are left out."""

    since: str
    rules: list[RuleCount]
