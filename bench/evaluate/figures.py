"""Alarms held against the truth: share detected, delay, false alarms, area under precision and recall.

- An alarm *tells of* a window when it names one of its subjects and opened within it, or up to EARLY_MIN before the
  rise of latent fatigue or of a missed break (these have no moment at which they begin). One that was already open
  when the window began counts as a delay of 0 only if it opened in an earlier window or neutral span: an alarm that is
  always on tells nothing.
- Delay is from the beginning of the cause to the first such alarm. `delay_p50_s` and `delay_p90_s` are over the
  windows that were detected (null when none was); the mean used for tuning counts a miss as MISS_MIN.
- Detectors are compared by that mean at equal false alarms on the days judged: see `delay_at`.
- A false alarm opened outside all windows and neutral spans of its subject. Queue, issue and feed alarms are seen by
  every lead, so each counts once an hour of each lead; those of agents and teams count for the one lead of that team.
- The area is average precision over subject-minutes: label, whether the minute lies in a window of the subject; score,
  what the detector says at the end of that minute. Neutral minutes outside windows are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.evaluate.truth import SUBJECTS, Truth, Window

Floats = NDArray[np.floating]

EARLY_MIN = {"agent.strain": 20.0, "team.strain": 20.0, "agent.break_due": 30.0}
MISS_MIN = 60.0
AGENTS_PER_LEAD = 15
"""A usual span of control; with it the agents judged make so many leads."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Minutes of the day with fractions; `end_min` is the day's end while it was still live."""

    subject: str
    start_min: float
    end_min: float


@dataclass(slots=True)
class Tally:
    """Of one detector and kind over any number of days."""

    delays_min: list[float] = field(default_factory=list)
    windows: int = 0
    false: int = 0
    lead_hours: float = 0.0

    def add(self, kind: str, truth: Truth, alarms: Sequence[Alarm]) -> None:
        """One day."""
        early = EARLY_MIN.get(kind, 0.0)
        for window in truth.windows:
            told = (_delay(alarm, window, early, truth) for alarm in alarms)
            delays = [delay for delay in told if delay is not None]
            self.windows += 1
            if delays:
                self.delays_min.append(min(delays))
        self.false += sum(_is_false(alarm, truth, early) for alarm in alarms)
        leads = len(truth.subjects) / AGENTS_PER_LEAD if SUBJECTS[kind] == "agent" else 1.0
        leads = float(len(truth.subjects)) if SUBJECTS[kind] == "team" else leads
        self.lead_hours += leads * truth.minutes / 60.0

    @property
    def false_per_lead_hour(self) -> float:
        return self.false / self.lead_hours if self.lead_hours else 0.0

    @property
    def mean_delay_min(self) -> float:
        """With a miss as MISS_MIN: what tuning makes small."""
        missed = self.windows - len(self.delays_min)
        return (sum(self.delays_min) + MISS_MIN * missed) / max(self.windows, 1)


class Figures(msgspec.Struct):
    """Of one detector and kind, as they stand in the results."""

    pr_auc: float | None
    delay_p50_s: float | None
    delay_p90_s: float | None
    detected: float | None
    false_per_lead_hour: float


def figures(tally: Tally, area: float | None) -> Figures:
    """Rounded: more digits than days can show are none."""
    delays_s = 60.0 * np.array(tally.delays_min)
    return Figures(
        pr_auc=None if area is None else round(area, 4),
        delay_p50_s=round(float(np.percentile(delays_s, 50)), 1) if delays_s.size else None,
        delay_p90_s=round(float(np.percentile(delays_s, 90)), 1) if delays_s.size else None,
        detected=round(delays_s.size / tally.windows, 4) if tally.windows else None,
        false_per_lead_hour=round(tally.false_per_lead_hour, 5),
    )


def delay_at(points: Iterable[tuple[float, float]], rate: float) -> float:
    """Mean delay at so many false alarms, between the settings (false alarms, mean delay) of one detector.

    It may always stay silent, or keep the setting with fewer false alarms that told sooner; a line between two settings
    is what using each of them on a part of the days gives.
    """
    rates, delays = [0.0], [MISS_MIN]
    for false, delay in sorted(points):
        rates.append(false)
        delays.append(min(delay, delays[-1]))
    place = int(np.searchsorted(rates, rate, side="right"))
    if place == len(rates):
        return delays[-1]
    part = (rate - rates[place - 1]) / (rates[place] - rates[place - 1])
    return delays[place - 1] + part * (delays[place] - delays[place - 1])


def _delay(alarm: Alarm, window: Window, early_min: float, truth: Truth) -> float | None:
    if alarm.subject not in window.subjects:
        return None
    if window.start_min - early_min <= alarm.start_min < window.end_min:
        return max(0.0, alarm.start_min - window.start_min)
    if alarm.start_min < window.start_min < alarm.end_min and not _is_false(alarm, truth, early_min):
        return 0.0
    return None


def _is_false(alarm: Alarm, truth: Truth, early: float) -> bool:
    row = truth.place.get(alarm.subject)
    if row is None:
        return False  # an agent that is not judged
    low, high = int(alarm.start_min), int(alarm.start_min + early) + 1
    return not bool((truth.true[row, low:high] | truth.neutral[row, low:high]).any() or low >= truth.minutes)


def average_precision(days: Iterable[tuple[Truth, Floats]]) -> float | None:
    """Area over all subject-minutes; scores [subject, minute], NaN as lowest. None without a true or a quiet minute."""
    labels, scores = [], []
    for truth, score in days:
        keep = truth.true | ~truth.neutral
        labels.append(truth.true[keep])
        scores.append(np.nan_to_num(score[keep], nan=-np.inf, neginf=-np.inf))
    y, x = np.concatenate(labels), np.concatenate(scores)
    if not y.any() or y.all():
        return None
    _, place = np.unique(-x, return_inverse=True)
    found, hits = np.bincount(place), np.bincount(place, weights=y)
    return float((hits * np.cumsum(hits) / np.cumsum(found)).sum() / hits.sum())
