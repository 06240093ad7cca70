"""Latent fatigue of an agent: a truth that no event carries, by a form other than that of any score.

Every contact leaves a demand: its minutes, times what made it heavy, times how sensitive this person is. Each demand
fades as a *power law of rest*, (1 + rest / REST_S) ** -POWER, where rest is a clock that stands still on a contact,
runs slowly between contacts and faster in a break. No study gives these numbers for service work: they are choices, and
what they are for is to judge a score under an assumption that is not its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REST_S, POWER = 240.0, 0.8
REST_RATE = {"available": 0.6, "break": 2.0, "meeting": 0.8, "offline": 2.0}
"""Seconds of rest that a second of the state gives; none in any other state (ringing, contact, after-contact work)."""
SENSITIVITY_SIGMA = 0.25  # people differ
ABUSIVE, COMPLAINT, UNRESOLVED, AGAIN = 4.0, 1.5, 0.5, 0.5
"""What makes a contact heavier, in parts of its plain demand: hostility more than volume (Grandey 2004)."""


@dataclass(slots=True)
class Fatigue:
    """One agent's. `times_ms`, `rest_s`, `rates`: the rest clock at each change of state and how fast it runs from
    there; `demand_ms`, `demands`: what each contact left, in minutes."""

    sensitivity: float = 1.0
    times_ms: list[int] = field(default_factory=list)
    rest_s: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    demand_ms: list[int] = field(default_factory=list)
    demands: list[float] = field(default_factory=list)

    def change(self, at_ms: int, state: str) -> None:
        """The agent is in `state` from `at_ms` on."""
        rest = self._rest_at(at_ms)
        self.times_ms.append(at_ms)
        self.rest_s.append(rest)
        self.rates.append(REST_RATE.get(state, 0.0))

    def demand(
        self, at_ms: int, handle_s: float, *, abusive: bool, complaint: bool, resolved: bool, again: bool
    ) -> None:
        """A contact ended."""
        heavy = 1 + ABUSIVE * abusive + COMPLAINT * complaint + UNRESOLVED * (not resolved) + AGAIN * again
        self.demand_ms.append(at_ms)
        self.demands.append(handle_s / 60.0 * heavy * self.sensitivity)

    def _rest_at(self, at_ms: int) -> float:
        if not self.times_ms:
            return 0.0
        return self.rest_s[-1] + self.rates[-1] * (at_ms - self.times_ms[-1]) / 1000.0

    def levels(self, at_ms: NDArray[np.int64], rest_s: float = REST_S) -> Floats:
        """Fatigue at these times (ascending): the sum of what is left of every demand before.

        Another `rest_s` makes people who recover faster or slower.
        """
        if not self.demands:
            return np.zeros(at_ms.size)
        rest_now, rest_then = self._rest(at_ms), self._rest(np.array(self.demand_ms, np.int64))
        gone = np.maximum(rest_now[:, None] - rest_then[None, :], 0.0)
        left = np.array(self.demands) * (1.0 + gone / rest_s) ** -POWER
        left[at_ms[:, None] < np.array(self.demand_ms, np.int64)[None, :]] = 0.0
        return np.asarray(left.sum(axis=1))

    def _rest(self, at_ms: NDArray[np.int64]) -> Floats:
        times = np.array(self.times_ms, np.int64)
        place = np.maximum(np.searchsorted(times, at_ms, side="right") - 1, 0)
        since_s = np.maximum(at_ms - times[place], 0) / 1000.0
        return np.asarray(np.array(self.rest_s)[place] + np.array(self.rates)[place] * since_s)


def some_sensitivity(rng: random.Random) -> float:
    """Of one person."""
    return rng.lognormvariate(0, SENSITIVITY_SIGMA)
