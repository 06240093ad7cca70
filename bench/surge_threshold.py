"""False alarms of the surge statistic by threshold: where LN_FALSE in services/scoring/core/surge.py comes from.

    python -m bench.surge_threshold [--minutes 500000] [--copies 20] [--seed 1]

Gamma-Poisson arrivals with known expectation and dispersion; each alarm runs to its end, as it does in use. Prints
false alarms per million stream-minutes, and LN_FALSE: ln(false alarms a minute) at threshold 0 by expectation and
dispersion, along lines of the slope that fits all of them together.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.surge import EXPECTED, PHI, SLOPE, Surges, threshold

THRESHOLDS = (8.0, 9.0, 10.0, 11.0)
BLOCK = 2_000


def gamma_poisson(chance: np.random.Generator, mean: Any, phi: Any, size: Any) -> NDArray[np.int64]:
    """Counts with this mean and variance phi x mean (phi 1: Poisson)."""
    shape = np.maximum(mean / np.maximum(phi - 1.0, 1e-9), 1e-300)
    rate = np.where(np.broadcast_to(phi > 1.0, size), chance.standard_gamma(shape, size) * (phi - 1.0), mean)
    return chance.poisson(rate, size)


def false_alarms(minutes: int, copies: int, seed: int) -> NDArray[np.float64]:
    """Alarms a stream-minute, shape (expectations, phis, thresholds)."""
    chance = np.random.default_rng(seed)
    expected, phi = (np.repeat(a.ravel(), copies) for a in np.meshgrid(EXPECTED, PHI, indexing="ij"))
    levels = len(THRESHOLDS)
    surges = Surges()
    rows = expected.size * levels
    surges.follow(rows, [])
    wide_expected, wide_phi = np.repeat(expected, levels), np.repeat(phi, levels)
    ready, cv2 = np.ones(rows, np.int64), np.zeros(rows)
    for row in range(rows):  # the present table, turned round, so that these are the thresholds
        e, p, h = wide_expected[row], wide_phi[row], THRESHOLDS[row % levels]
        surges.ln_false[row] = (threshold(math.exp(-60.0), e, p) - h) * SLOPE - 60.0
    alarms, before = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for first in range(0, minutes, BLOCK):
        counts = np.repeat(gamma_poisson(chance, expected, phi, (BLOCK, expected.size)), levels, axis=1)
        for at in range(BLOCK):
            surges.step(first + at, counts[at], wide_expected, ready, wide_phi, cv2)
            now = surges.surging[:rows]
            alarms += now > before
            before[:] = now
    return alarms.reshape(len(EXPECTED), len(PHI), copies, levels).sum(2) / (copies * minutes)


def pooled_slope(alarms: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    """Of ln(rate) against the threshold, the same for all: the likeliest for Poisson counts of alarms."""
    slopes = np.linspace(0.7, 1.2, 501)
    share = np.exp(-np.outer(slopes, levels))
    share /= share.sum(1, keepdims=True)
    return float(slopes[np.argmax(np.log(share) @ alarms.sum((0, 1)))])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=500_000)
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.perf_counter()
    rate = false_alarms(given.minutes, given.copies, given.seed)
    took_s = time.perf_counter() - began
    print("expected    phi " + "".join(f"{f'h {h:g}':>9}" for h in THRESHOLDS) + "   false alarms a million minutes")
    for i, expected in enumerate(EXPECTED):
        for j, phi in enumerate(PHI):
            print(f"{expected:8g} {phi:6g} " + "".join(f"{1e6 * r:9.2f}" for r in rate[i, j]))
    alarms = rate * given.minutes * given.copies
    levels = np.array(THRESHOLDS)
    slope = pooled_slope(alarms, levels)
    ln_false = np.log(np.maximum(rate.sum(2), 1e-12) / np.exp(-slope * levels).sum())
    print(f"slope {slope:.3f}; LN_FALSE =")
    print("\n".join("    (" + ", ".join(f"{a:.2f}" for a in row) + ")," for row in ln_false))
    steps = rate.size * given.copies * given.minutes
    print(f"{steps:.3g} stream-minutes in {took_s:.1f} s: {1e9 * took_s / steps:.0f} ns each, with the arrivals")


if __name__ == "__main__":
    main()
