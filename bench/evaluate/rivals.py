# mypy: disable-error-code="no-untyped-call"
"""What people use now, on the measures of an ACD's dashboard: scores per subject and minute, the higher the worse.

| rival | score of a measure |
|---|---|
| `fixed_threshold` | the measure itself: with a line and a duration it is the rule of a vendor's rule engine |
| `ewma_chart` | EWMA control chart, lambda 0.2, in deviations of the chart, against the hours before |
| `river_gaussian` | river's GaussianScorer over a rolling window: how far out in the upper tail |
| `river_half_space_trees` | river's HalfSpaceTrees over all measures of the subject together |
| `river_adwin` | strictest `delta` at which ADWIN saw the mean rise within the last 15 min |
| `river_page_hinkley` | highest `threshold` at which PageHinkley saw it rise within the last 15 min |
| `poisson_cusum` | of arrivals: textbook CUSUM for a rise by half against the mean of the days before, Poisson |

None looks ahead: the score of a minute comes from that minute and those before. All but the fixed threshold begin the
day as if it followed the same hours of the day before.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river import anomaly, drift, preprocessing

from bench.evaluate.dashboard import Dashboard, Streams

Floats = NDArray[np.floating]

LAMBDA = 0.2
WARM_MIN = 30  # a chart says nothing before it has seen as many minutes
KEPT_MIN = 150  # what is usual: as long a stretch before
HELD_MIN = 15  # a detected change counts so long
ADWIN_DELTAS = (0.5, 0.2, 0.05, 0.01, 0.002, 1e-4, 1e-6)
PAGE_HINKLEY = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
SEED = 7
RISE = 1.5  # what a CUSUM is made for
USUAL_MIN = 0.02  # contacts a minute, at least

MEASURES: dict[str, tuple[str, ...]] = {
    "queue.strain": ("waiting", "longest_wait_s", "mean_wait_s", "arrivals", "occupancy"),
    "queue.surge": ("arrivals", "waiting", "longest_wait_s", "mean_wait_s", "occupancy"),
    "issue.surge": ("arrivals",),
    "agent.strain": ("occupancy", "handle_time_s", "flagged", "since_break_min"),
    "agent.hard_streak": ("flagged", "handle_time_s", "occupancy"),
    "agent.recognition": ("flagged", "handle_time_s", "occupancy"),
    "agent.break_due": ("since_break_min", "no_rest_2h_min", "occupancy"),
    "team.strain": ("occupancy", "longest_wait_s", "waiting", "away"),
    "feed.silent": ("silence_s",),
}
"""What each kind's rivals may look at: every measure of the dashboard that could tell."""

Score = Callable[[Floats], Floats]
Memo = dict[tuple[str, str, str], Floats]


@dataclass(frozen=True, slots=True)
class Known:
    """What the rivals know when a day begins: the dashboards of the day before, and by type of subject the contacts
    that are usual in each minute."""

    shown: Dashboard
    arrivals: dict[str, Streams]


def scores(
    kind: str, subject: str, streams: Streams, memo: Memo, known: Known | None = None
) -> Iterator[tuple[str, str, Floats]]:
    """(rival, measure, scores [subject, minute]) of a day."""
    together = []
    for measure in MEASURES[kind]:
        values = streams.values[measure]
        whole = _after(known.shown[subject] if known else None, streams, measure)
        together.append(whole)
        for rival, score in _ONE.items():
            if (subject, rival, measure) not in memo:
                scored = np.array([score(row)[row.size - values.shape[1] :] for row in whole])
                memo[subject, rival, measure] = scored
            yield rival, measure, memo[subject, rival, measure]
        if measure == "arrivals" and known and subject in known.arrivals:
            if (subject, "poisson_cusum", measure) not in memo:
                memo[subject, "poisson_cusum", measure] = _poisson_cusum(streams, known.arrivals[subject])
            yield "poisson_cusum", measure, memo[subject, "poisson_cusum", measure]
    key = (subject, "river_half_space_trees", "+".join(sorted(MEASURES[kind])))
    if key not in memo:
        trees = _half_space_trees(MEASURES[kind], together)
        memo[key] = trees[:, trees.shape[1] - streams.values[MEASURES[kind][0]].shape[1] :]
    yield key[1], "all", memo[key]


def _after(before: Streams | None, streams: Streams, measure: str) -> Floats:
    """The day's values behind those of the day before; NaN for who was not there."""
    today = streams.values[measure]
    if before is None:
        return today
    earlier = np.full((today.shape[0], before.values[measure].shape[1]), np.nan)
    place = {subject: row for row, subject in enumerate(before.subjects)}
    for row, subject in enumerate(streams.subjects):
        if subject in place:
            earlier[row] = before.values[measure][place[subject]]
    return np.concatenate([earlier, today], axis=1)


def _poisson_cusum(streams: Streams, usual: Streams) -> Floats:
    """S = max(0, S + x ln(mu1 / mu0) - (mu1 - mu0)), for mu1 = RISE mu0."""
    values = np.nan_to_num(streams.values["arrivals"])
    out, place = np.zeros(values.shape), {subject: row for row, subject in enumerate(usual.subjects)}
    for row, subject in enumerate(streams.subjects):
        mean = np.full(values.shape[1], USUAL_MIN)
        if subject in place:
            mean = np.maximum(usual.values["arrivals"][place[subject]], USUAL_MIN)
        level = 0.0
        for minute, step in enumerate((values[row] * math.log(RISE) - (RISE - 1) * mean).tolist()):
            level = max(0.0, level + step)
            out[row, minute] = level
    return out


def _fixed(values: Floats) -> Floats:
    return values


def _ewma(values: Floats) -> Floats:
    """Deviations of the EWMA from the mean of the KEPT_MIN before, in units of the chart's own deviation."""
    out, level = np.full(values.size, np.nan), math.nan
    kept: deque[float] = deque(maxlen=KEPT_MIN)
    for minute, value in enumerate(values.tolist()):
        if value != value:
            continue
        level = value if level != level else LAMBDA * value + (1 - LAMBDA) * level
        if len(kept) >= WARM_MIN:
            past = np.fromiter(kept, float)
            spread = max(float(past.std()), 0.05 * abs(float(past.mean())), 1e-3) * math.sqrt(LAMBDA / (2 - LAMBDA))
            out[minute] = (level - float(past.mean())) / spread
        kept.append(value)
    return out


def _gaussian(values: Floats) -> Floats:
    """Upper tail: minus the logarithm of what is left above the value."""
    out = np.full(values.size, np.nan)
    scorer = anomaly.GaussianScorer(window_size=KEPT_MIN, grace_period=WARM_MIN)
    for minute, value in enumerate(values.tolist()):
        if value != value:
            continue
        beyond = 1.0 - 0.5 * (1.0 + _signed(scorer, value))
        out[minute] = -math.log10(max(beyond, 1e-12))
        scorer.learn_one(None, value)
    return out


def _signed(scorer: anomaly.GaussianScorer, value: float) -> float:
    """river's score is two-sided; only what lies above the mean is of interest.

    Its rolling variance can fall below 0 by rounding where a measure stands still: then it has nothing to say.
    """
    spread: object = scorer.gaussian.sigma
    if isinstance(spread, complex) or value <= float(str(scorer.gaussian.mu)):
        return 0.0
    return float(scorer.score_one(None, value))


def _adwin(values: Floats) -> Floats:
    detectors = [drift.ADWIN(delta=delta, clock=1, min_window_length=3, grace_period=10) for delta in ADWIN_DELTAS]
    out, fired = np.full(values.size, np.nan), [-HELD_MIN - 1] * len(detectors)
    for minute, value in enumerate(values.tolist()):
        if value == value:
            for place, detector in enumerate(detectors):
                before = detector.estimation
                detector.update(value)
                if detector.drift_detected and detector.estimation > before:
                    fired[place] = minute
        live = [place + 1 for place, at in enumerate(fired) if minute - at <= HELD_MIN]
        out[minute] = max(live, default=0)
    return out


def _page_hinkley(values: Floats) -> Floats:
    """In deviations of the first WARM_MIN, so that one threshold fits every measure."""
    known = values[values == values]
    if known.size < WARM_MIN:
        return np.full(values.size, np.nan)
    spread = max(float(known[:WARM_MIN].std()), 0.05 * abs(float(known[:WARM_MIN].mean())), 1e-3)
    detectors = [
        drift.PageHinkley(min_instances=WARM_MIN, delta=0.25, threshold=threshold, alpha=0.9999, mode="up")
        for threshold in PAGE_HINKLEY
    ]
    out, fired = np.full(values.size, np.nan), [-HELD_MIN - 1] * len(detectors)
    for minute, value in enumerate(values.tolist()):
        if value == value:
            for place, detector in enumerate(detectors):
                detector.update(value / spread)
                if detector.drift_detected:
                    fired[place] = minute
        live = [place + 1 for place, at in enumerate(fired) if minute - at <= HELD_MIN]
        out[minute] = max(live, default=0)
    return out


def _half_space_trees(names: tuple[str, ...], values: Sequence[Floats]) -> Floats:
    out = np.full(values[0].shape, np.nan)
    for row in range(values[0].shape[0]):
        model = preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(
            n_trees=10, height=6, window_size=WARM_MIN, seed=SEED
        )
        for minute in range(values[0].shape[1]):
            seen = {name: float(v[row, minute]) for name, v in zip(names, values, strict=True)}
            if any(value != value for value in seen.values()):
                continue
            out[row, minute] = model.score_one(seen)
            model.learn_one(seen)
    return out


_ONE: dict[str, Score] = {
    "fixed_threshold": _fixed,
    "ewma_chart": _ewma,
    "river_gaussian": _gaussian,
    "river_adwin": _adwin,
    "river_page_hinkley": _page_hinkley,
}
RIVALS = (*_ONE, "river_half_space_trees", "poisson_cusum")
