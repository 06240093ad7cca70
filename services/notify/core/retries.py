"""How a send ended, and when the next try is due."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PAUSE_S = (2.0, 300.0)
"""First and longest pause of a channel that is away: one that comes back is used within five minutes."""
RETRY_S = (5.0, 1800.0)
"""First and longest pause before the same change is tried again. Some fifty tries in a day."""
RETRY_AFTER_MAX_S = 3600.0
"""A receiver may ask for more time; one that asks for a week by mistake is asked again in an hour."""
REFUSED_TRIES = 5
"""A message that was refused as it is may have met a receiver that was just being changed; five tries tell."""
GIVE_UP_AFTER_S = 86_400
"""A day: what a change said is on the board since long, and after a day nobody acts on a message."""


class Verdict(Enum):
    """How one try ended."""

    SENT = "sent"
    AWAY = "away"
    """The receiver cannot take anything now."""
    REFUSED = "refused"
    """The receiver does not take this message as it is, or nothing may be sent to where it is."""
    GONE = "gone"
    """The receiver wants no messages any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One try. `reason` is for operators and holds no secret."""

    verdict: Verdict
    reason: str = ""
    retry_after_s: float = 0.0


SENT = Outcome(Verdict.SENT)


def pause_s(failures: int, bounds_s: tuple[float, float], chance: float) -> float:
    """The pause after so many failures in a row (from 1 on), doubling; `chance`, from 0 to 1, spreads it over its upper
    half, so that many channels of one receiver do not come back in one moment."""
    whole_s = min(bounds_s[1], bounds_s[0] * 2.0 ** min(failures - 1, 30))
    return whole_s * (0.5 + 0.5 * chance)


def outcome_of_status(status: int, retry_after: str | None) -> Outcome:
    """What the answer of a webhook's receiver means."""
    if 200 <= status < 300:
        return SENT
    reason = f"answered {status}"
    if status == 410:
        return Outcome(Verdict.GONE, "answered 410 Gone: it wants no messages any more")
    if 300 <= status < 400:
        return Outcome(Verdict.REFUSED, f"{reason}, a redirect; give the address that it leads to")
    if status in (408, 425, 429) or status >= 500:
        wait_s = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 0.0
        return Outcome(Verdict.AWAY, reason, min(wait_s, RETRY_AFTER_MAX_S))
    return Outcome(Verdict.REFUSED, reason)
