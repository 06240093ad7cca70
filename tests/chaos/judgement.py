"""What the oracle says of one life of a system."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.leads import Watched


@dataclass
class Judgement:
    """What the oracle says of one life of a system."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    alerts: int = 0
    differs: list[str] = field(default_factory=list)
    signals: int = 0
    watched: Watched = field(default_factory=Watched)
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise, for a person; empty when all were kept."""
        told = [f"{self.lost} acknowledged events lost"] * bool(self.lost)
        told += [f"{self.doubled} events took effect twice"] * bool(self.doubled)
        told += self.differs + self.wrong[:5]
        watched = self.watched
        if watched.gaps or watched.doubles or watched.other_bytes or watched.void or watched.told:
            told.append(
                f"leads: {watched.gaps} gaps, {watched.doubles} doubles, {watched.other_bytes} other bytes, "
                f"{watched.void} lists replaced without need; {watched.told[:4]}"
            )
        return told
