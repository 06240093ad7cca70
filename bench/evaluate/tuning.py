"""From scores to alarms, and the fair choice of a rival's measure, line and duration on days that are not judged.

Every rival may choose the measure, the line and the duration with the shortest mean delay (a miss counts as an hour)
among all those that give no more false alarms a lead and hour, on the tuning days, than Strainwatch does there with its
defaults. Where Strainwatch gives none, one false alarm in all the tuning days is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.evaluate.figures import Alarm, Tally
from bench.evaluate.made import MadeDay
from bench.evaluate.rivals import Known, scores
from bench.evaluate.truth import SUBJECTS, Truth, runs

Floats = NDArray[np.floating]

HOLDS_MIN = (0, 2, 5)
"""Durations for which the line must be held, as the rule engines offer them."""
CLOSE_MIN = 5
"""An alarm ends when the line was not held for as long: the same for all, so that nobody rings twice for one thing."""
UNRIVALLED = frozenset({"agent.recognition"})
"""Thanks for a stretch that is over: nothing that is used now tells of them, and a line on the stretch itself is judged
as `agent.hard_streak`."""
LINES = 28
"""Lines tried: quantiles of what is seen on the tuning days, finer towards the top."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a rival was set to."""

    rival: str
    measure: str
    line: float
    hold_min: int


@dataclass(slots=True)
class ScoredDay:
    """One kind on one day. `scores[(rival, measure)]`: [subject, minute], in the order of the truth's subjects."""

    truth: Truth
    scores: dict[tuple[str, str], Floats]


def score_day(
    kind: str,
    truth: Truth,
    made: MadeDay,
    memo: dict[tuple[str, str, str], Floats] | None = None,
    known: Known | None = None,
) -> ScoredDay:
    """All rivals over one day. `memo` keeps what other kinds of the same day need too."""
    streams = made.shown[SUBJECTS[kind]]
    out: dict[tuple[str, str], Floats] = {}
    for rival, measure, found in scores(kind, SUBJECTS[kind], streams, {} if memo is None else memo, known):
        grid = np.full((len(truth.subjects), truth.minutes), np.nan, np.float32)
        for row, subject in enumerate(streams.subjects):
            if subject in truth.place and found.size:
                grid[truth.place[subject]] = found[row]
        out[rival, measure] = grid
    return ScoredDay(truth, out)


def alarms(subjects: Sequence[str], score: Floats, line: float, hold_min: int) -> list[Alarm]:
    """Where the score was at or over the line at the ends of `hold_min` + 1 minutes in a row; it rings at the last."""
    over = np.nan_to_num(score, nan=-np.inf) >= line
    if not over.any():
        return []
    held = _last(over, hold_min + 1) == hold_min + 1
    live = _last(held, CLOSE_MIN + 1) > 0
    rung = []
    for row in np.flatnonzero(live.any(axis=1)).tolist():
        rung += [Alarm(subjects[row], float(low + 1), float(high + 1)) for low, high in runs(live[row])]
    return rung


def _last(mask: NDArray[np.bool_], minutes: int) -> NDArray[np.int64]:
    """How many of the last `minutes` are True, at each minute."""
    sums = np.cumsum(mask, axis=1, dtype=np.int64)
    before = np.zeros_like(sums)
    before[:, minutes:] = sums[:, :-minutes]
    return sums - before


def tally(kind: str, days: Iterable[ScoredDay], choice: Choice) -> Tally:
    """A rival as it was set, over days."""
    total = Tally()
    for day in days:
        score = day.scores[choice.rival, choice.measure]
        total.add(kind, day.truth, alarms(day.truth.subjects, score, choice.line, choice.hold_min))
    return total


@dataclass(frozen=True, slots=True)
class Tried:
    """What a setting of a rival gave on the tuning days, one false alarm in all of them is
    `one_per_lead_hour`."""

    choice: Choice
    mean_delay_min: float
    false_per_lead_hour: float
    one_per_lead_hour: float


def try_all(kind: str, days: Sequence[ScoredDay]) -> list[Tried]:
    """Every measure, line and duration of every rival."""
    tried: list[Tried] = []
    if kind in UNRIVALLED:
        return tried
    for rival, measure in days[0].scores:
        for line in _lines([day.scores[rival, measure] for day in days]):
            for hold_min in HOLDS_MIN:
                choice = Choice(rival, measure, line, hold_min)
                made = tally(kind, days, choice)
                one = 1.01 / max(made.lead_hours, 1e-3)
                tried.append(Tried(choice, made.mean_delay_min, made.false_per_lead_hour, one))
    return tried


def choose(tried: Sequence[Tried], budget: float) -> dict[str, Choice]:
    """The best setting of each rival within the budget of false alarms a lead and hour."""
    best: dict[str, Tried] = {}
    for one in tried:
        if one.false_per_lead_hour > max(budget, one.one_per_lead_hour):
            continue
        known = best.get(one.choice.rival)
        if known is None or (one.mean_delay_min, one.false_per_lead_hour) < (
            known.mean_delay_min,
            known.false_per_lead_hour,
        ):
            best[one.choice.rival] = one
    silent = {one.choice.rival: Choice(one.choice.rival, one.choice.measure, np.inf, 0) for one in tried}
    return silent | {rival: one.choice for rival, one in best.items()}


def _lines(grids: Sequence[Floats]) -> list[float]:
    seen = np.concatenate([grid.ravel() for grid in grids])
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return []
    parts = np.concatenate([np.linspace(0.3, 0.9, 7), 1.0 - np.geomspace(0.08, 3e-5, LINES - 8), [1.0]])
    return sorted({float(line) for line in np.quantile(seen, parts)} - {0.0, float(seen.min())})
