"""A number's default and the range that makes sense."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Default, lowest and highest value of a parameter."""

    default: float
    low: float
    high: float


WEIGHT = Bounds(1.0, 0.0, 10.0)
"""Weight of a driver; 0 switches it off. The drivers weigh the same unless a source says otherwise."""
