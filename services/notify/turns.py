"""Turns at what costs seconds of a processor: each person has a few at a time, however many tabs or scripts ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from services.notify.problems import Refusal
from shared.access import Claims

RETRY_AFTER_S = 2
"""A report of a large centre takes about as long."""


class Turns:
    """Of one kind of question, in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[tuple[str, str]] = Counter()

    def take(self, claims: Claims) -> Callable[[], None]:
        """A turn of a person; what it returns gives it back, and is to be called once. Raises Refusal (429)."""
        person = (claims.tenant, claims.sub)
        if self._taken[person] >= self._most:
            detail = "Your last question of this kind is still being answered; ask again in a moment."
            raise Refusal(429, detail, Retry_After=str(RETRY_AFTER_S))
        self._taken[person] += 1

        def give_back() -> None:
            self._taken[person] -= 1
            if not self._taken[person]:
                del self._taken[person]

        return give_back
