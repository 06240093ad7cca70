"""How long callers of a tenant wait before they give up: abandonments over all waiting time, served ones included.

That is the maximum-likelihood estimate of an exponential patience under censoring (Brown et al. 2005): who was answered
would have waited on. One for all queues of a tenant: learnt for each, patient callers would make their own predicted
waits look worse than those of the others.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

DAY_MS = 86_400_000
ENOUGH = 50.0
"""Abandonments of earlier days before they say anything: 50 are known to a seventh. A feed that tells of none must not
make its callers endlessly patient."""
WORTH = 20.0
"""The setting counts as so many abandonments. Product choice."""
HALF_LIFE_DAYS = 28.0
"""As of all that is usual of queues."""
LOW_S, HIGH_S = 30.0, 3600.0
"""The range of the setting."""


class Patience(Table):
    """A row a tenant. `today` (see `handled_feed`) joins the sums of earlier days when the day (UTC) is over."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "waited_s": ("f8", 0.0, 0),
        "abandoned": ("f8", 0.0, 0),
        "today_waited_s": ("f8", 0.0, 0),
        "today_abandoned": ("f8", 0.0, 0),
    }
    waited_s: Floats
    abandoned: Floats
    today_waited_s: Floats
    today_abandoned: Floats

    def __init__(self) -> None:
        super().__init__()
        self._day = -1

    def cover(self, tenants: int) -> None:
        """Rows for all tenants."""
        if tenants > self.n:
            self.add_many(tenants - self.n)

    def end_days(self, at_ms: int) -> bool:
        """Once a minute: end the day when another has begun; whether one ended."""
        day = at_ms // DAY_MS
        if day == self._day:
            return False
        ended = self._day >= 0
        if ended:
            kept = 2.0 ** ((self._day - day) / HALF_LIFE_DAYS)
            self.waited_s[: self.n] = self.waited_s[: self.n] * kept + self.today_waited_s[: self.n]
            self.abandoned[: self.n] = self.abandoned[: self.n] * kept + self.today_abandoned[: self.n]
            self.today_waited_s[: self.n] = self.today_abandoned[: self.n] = 0.0
        self._day = day
        return ended

    def rates(self, setting: Floats, tenants: NDArray[np.int32]) -> Floats:
        """Patience as a rate (1/s) by queue, from the setting of the queue and what is known of its tenant."""
        self.cover(int(tenants.max(initial=-1)) + 1)
        abandoned, waited_s = self.abandoned[tenants], self.waited_s[tenants]
        learnt = (abandoned + WORTH) / (waited_s + WORTH / setting)
        rates: Floats = np.where(abandoned >= ENOUGH, np.clip(learnt, 1.0 / HIGH_S, 1.0 / LOW_S), setting)
        return rates

    def known(self, tenant: int, now_ms: int) -> Floats:
        """(waited s, abandoned) of a tenant as if the day were over."""
        over = Patience()
        over.unpack(self.pack())
        over.cover(tenant + 1)
        over.end_days(now_ms + DAY_MS)
        return np.array([over.waited_s[tenant], over.abandoned[tenant]])

    def learn(self, tenant: int, waited_s: float, abandoned: float) -> bool:
        """Take sums of history where they hold more abandonments; the running day begins anew."""
        self.cover(tenant + 1)
        if abandoned <= self.abandoned[tenant]:
            return False
        self.waited_s[tenant], self.abandoned[tenant] = waited_s, abandoned
        self.today_waited_s[tenant] = self.today_abandoned[tenant] = 0.0
        return True

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"day": self._day}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._day = packed["day"]
