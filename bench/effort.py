"""How much is measured, and how a benchmark says that it cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """Rounds and lengths. The defaults are what the published figures are made with."""

    rounds: int = ROUNDS
    """Sides take turns, so that a machine that slows down slows both; the median of five forgives two bad rounds."""
    warm_s: int = 1
    measure_s: int = 4
    blocks: int = 400
    """Blocks of 1,000 events that are scored in a round."""
    seconds: int = 45
    """Whole seconds that are evaluated in a round; all within a minute."""
    probes: int = 100
    """Alerts that are timed in a round."""

    @classmethod
    def quick(cls, rounds: int = 1) -> Effort:
        """To see that everything runs. Not to be quoted."""
        return cls(rounds=rounds, warm_s=1, measure_s=1, blocks=60, seconds=10, probes=20)


class Skipped(Exception):
    """This machine lacks something that the benchmark needs. The text says what, and how to get it."""


class BenchFault(RuntimeError):
    """What was measured did not do its work, so its figures would mean nothing."""


def percentile(values: Sequence[float], p: float) -> float:
    """The smallest value that at least `p` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]
