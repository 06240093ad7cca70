"""Real calls: queue strain at the end of each quarter of an hour against what happens in the next one.

Slots: queues with at least CALLS_MIN calls; a slot counts when at least JOINS_MIN calls join in the next quarter of an
hour. Outcomes of the calls that join there: mean wait of at least 60 s and 120 s (served at once counts as 0), at least
ABANDONED of the *queued* ones gave up, less than SERVED_GOAL answered within SERVED_S.
Rivals at the same moment: queue length, longest wait, mean wait and EWMA of waits (time constant 10 min) of the calls
that ended waiting in the last 15 min; where none ended, what was shown last stays. Days of the
second of the two weeks are judged.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.contract.signal_columns import Queues
from shared.contract.signals import TenantSignals
from tools.bank_calls import main_convert
from tools.replay import replay
from tools.replay_input import BareEvents

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Levels = Mapping[str, Mapping[int, NDArray[np.floating]]]
LevelsOf = Callable[[Queues], NDArray[np.floating]]

SLOT_MS, DAY_MS = 900_000, 86_400_000
CALLS_MIN, JOINS_MIN = 500, 3
EWMA_S = 600.0
ABANDONED, SERVED_S, SERVED_GOAL = 0.2, 20.0, 0.8
JUDGED_FROM_DAY = 7
"""The first week was looked at while the strain of queues was made, and its weights are picked by it: see `weights`."""
RESAMPLES, SEED = 2000, 20_260_101
RIVALS = ("queue_length", "longest_wait", "mean_wait_15min", "ewma_wait")


class RealDetector(msgspec.Struct):
    """Areas under the two curves over all slots judged."""

    roc_auc: float
    pr_auc: float


class RealOutcome(msgspec.Struct):
    """One outcome. The lead is over the rival with the largest ROC area, its interval from a bootstrap by day."""

    slots: int
    strainwatch: RealDetector
    rivals: dict[str, RealDetector]
    lead_roc_auc: float
    lead_ci95: tuple[float, float]


@dataclass(slots=True)
class Calls:
    """Of one queue, sorted by `offered_ms`. `left_ms`: answered or given up."""

    offered_ms: NDArray[np.int64]
    left_ms: NDArray[np.int64]
    wait_s: Floats
    abandoned: Bools


class RealDay(msgspec.Struct):
    """Means over the calls that joined in the slots of a day: how long they waited, and the strain shown before."""

    date: str
    judged: bool
    calls: int
    wait_s: float
    strain: float


class RealDays(msgspec.Struct):
    """All days, and Spearman's rank correlation of wait and strain over those judged."""

    days: list[RealDay]
    rank_correlation: float


@dataclass(slots=True)
class Slots:
    """One row each: `day` number, calls that joined and their mean wait, outcomes, scores."""

    first_ms: int
    day: NDArray[np.int64]
    joined: NDArray[np.int64]
    wait_s: Floats
    outcomes: dict[str, Bools]
    scores: dict[str, Floats]
    levels: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """Of the drivers, [slot, driver], where they were asked for."""


def real_slots(records: Path, levels_of: LevelsOf) -> Slots:
    """From a file of bank calls. Raises OSError, BankCallsError."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.ndjson"
        with events.open("w") as out:
            main_convert(records, "UTC", out, io.StringIO())
        strain, levels = read_strain(events, levels_of)
        return slots_of(read_calls(events), strain, levels)


def judge_real(slots: Slots) -> tuple[dict[str, RealOutcome], RealDays]:
    """The days that nothing was chosen on; all of them where there is but one week."""
    kept = slots.day >= JUDGED_FROM_DAY
    if not kept.any():
        kept = slots.day >= 0
    return {name: outcome(name, slots, kept) for name in slots.outcomes}, days_of(slots, kept)


def days_of(slots: Slots, kept: Bools) -> RealDays:
    """Whether days come out in the order of their real waits."""
    days, strain = [], slots.scores["strainwatch"]
    for day in np.unique(slots.day).tolist():
        rows = slots.day == day
        joined = slots.joined[rows]
        date = datetime.fromtimestamp(slots.first_ms / 1000 + day * DAY_MS // 1000, UTC).date().isoformat()
        wait_s = float((joined * slots.wait_s[rows]).sum() / joined.sum())
        mean = float((joined * strain[rows]).sum() / joined.sum())
        days.append(RealDay(date, bool(kept[rows].any()), int(joined.sum()), round(wait_s, 1), round(mean, 2)))
    judged = [day for day in days if day.judged]
    waits, strains = (
        np.argsort(np.argsort(values)) for values in zip(*((d.wait_s, d.strain) for d in judged), strict=True)
    )
    together = float(np.corrcoef(waits, strains)[0, 1]) if len(judged) > 1 else float("nan")
    return RealDays(days, round(together, 3))


def read_calls(events: Path) -> dict[str, Calls]:
    """Queue -> calls, from the converted events."""
    offered: dict[str, tuple[str, int]] = {}
    rows: dict[str, list[tuple[int, int, float, bool]]] = defaultdict(list)
    with events.open() as lines:
        for event in map(json.loads, lines):
            if event["type"] == "contact.offered":
                offered[event["contact"]] = event["queue"], event["ts"]
            elif event["type"] in ("contact.answered", "contact.abandoned") and event["contact"] in offered:
                queue, at_ms = offered.pop(event["contact"])
                rows[queue].append((at_ms, event["ts"], event["wait_s"], event["type"] == "contact.abandoned"))
    return {queue: _calls(sorted(some)) for queue, some in rows.items()}


def _calls(rows: list[tuple[int, int, float, bool]]) -> Calls:
    offered, left, wait, abandoned = zip(*rows, strict=True)
    return Calls(
        np.array(offered, np.int64), np.array(left, np.int64), np.array(wait, float), np.array(abandoned, bool)
    )


def read_strain(events: Path, levels_of: LevelsOf) -> tuple[dict[str, dict[int, float]], Levels]:
    """Queue -> strain, and levels of its drivers, at the end of each quarter of an hour (before any event of that
    moment), replayed as live."""
    strain: dict[str, dict[int, float]] = defaultdict(dict)
    levels: dict[str, dict[int, NDArray[np.floating]]] = defaultdict(dict)

    def keep(signals: TenantSignals) -> None:
        if signals.at_ms % SLOT_MS == 0:
            queues = Queues(signals)
            for queue, value, row in zip(queues.ids, queues.strain.tolist(), levels_of(queues), strict=True):
                strain[queue][signals.at_ms] = value
                levels[queue][signals.at_ms] = row

    bare = BareEvents([events], "bank")
    replay(((0, entry) for entry in bare.entries()), clock_gaps=False, marks="minutes", on_signals=keep)
    return strain, levels


def slots_of(
    calls: Mapping[str, Calls], strain: Mapping[str, Mapping[int, float]], levels: Levels | None = None
) -> Slots:
    """All slots that count, in the order of time."""
    first_day = min(int(c.offered_ms[0]) for c in calls.values()) // DAY_MS
    rows: list[tuple[int, str, dict[str, bool], dict[str, float], int, float]] = []
    for queue, some in sorted(calls.items()):
        if some.offered_ms.size < CALLS_MIN:
            continue
        shown = dict.fromkeys(RIVALS, 0.0)
        number = Counter((some.offered_ms // SLOT_MS).tolist())
        for slot in range(min(number), max(number) + 1):
            at_ms = slot * SLOT_MS
            shown = shown | _rivals(some, at_ms)
            if number[slot] >= JOINS_MIN:
                scores = {"strainwatch": strain.get(queue, {}).get(at_ms, 0.0), **shown}
                low, high = np.searchsorted(some.offered_ms, [at_ms, at_ms + SLOT_MS])
                wait_s = float(some.wait_s[low:high].mean())
                rows.append((at_ms, queue, _outcomes(some, at_ms), scores, number[slot], wait_s))
    rows.sort(key=lambda row: row[:2])
    return Slots(
        first_ms=first_day * DAY_MS,
        joined=np.array([row[4] for row in rows], np.int64),
        wait_s=np.array([row[5] for row in rows]),
        day=np.array([row[0] // DAY_MS - first_day for row in rows], np.int64),
        outcomes={name: np.array([row[2][name] for row in rows], bool) for name in rows[0][2]},
        scores={name: np.array([row[3][name] for row in rows], float) for name in rows[0][3]},
        levels=_table([levels.get(row[1], {}).get(row[0]) for row in rows]) if levels else np.empty((0, 0)),
    )


def _table(rows: list[NDArray[np.floating] | None]) -> Floats:
    """Before a queue was heard of, nothing strains it."""
    width = max(row.size for row in rows if row is not None)
    return np.array([np.zeros(width) if row is None else row for row in rows])


def _outcomes(calls: Calls, at_ms: int) -> dict[str, bool]:
    """Of the calls that join within the slot that begins here."""
    low, high = np.searchsorted(calls.offered_ms, [at_ms, at_ms + SLOT_MS])
    wait_s, abandoned = calls.wait_s[low:high], calls.abandoned[low:high]
    queued = abandoned | (wait_s > 0)
    return {
        "wait_60s": bool(wait_s.mean() >= 60.0),
        "wait_120s": bool(wait_s.mean() >= 120.0),
        "abandoned": bool(abandoned.sum() / max(int(queued.sum()), 1) >= ABANDONED),
        "service_level": bool(((wait_s <= SERVED_S) & ~abandoned).mean() < SERVED_GOAL),
    }


def _rivals(calls: Calls, at_ms: int) -> dict[str, float]:
    """At this moment, from what lies before it; waits are left out where no call ended in the last 15 min."""
    joined = int(np.searchsorted(calls.offered_ms, at_ms))
    offered, left, wait_s = calls.offered_ms[:joined], calls.left_ms[:joined], calls.wait_s[:joined]
    waiting = offered[left >= at_ms]
    out = {
        "queue_length": float(waiting.size),
        "longest_wait": (at_ms - int(waiting[0])) / 1000.0 if waiting.size else 0.0,
    }
    ended = (left < at_ms) & (left >= at_ms - SLOT_MS)
    if ended.any():
        weight = np.exp((left[ended] - at_ms) / 1000.0 / EWMA_S)
        out["mean_wait_15min"] = float(wait_s[ended].mean())
        out["ewma_wait"] = float((weight * wait_s[ended]).sum() / weight.sum())
    return out


def outcome(name: str, slots: Slots, kept: Bools) -> RealOutcome:
    """Areas over the slots kept, and how far ours leads the best rival."""
    y, days = slots.outcomes[name][kept], slots.day[kept]
    x = {who: score[kept] for who, score in slots.scores.items()}
    both = {who: RealDetector(round(roc_auc(y, score), 4), round(pr_auc(y, score), 4)) for who, score in x.items()}
    best = max(RIVALS, key=lambda who: both[who].roc_auc)
    by_day = [np.flatnonzero(days == day) for day in np.unique(days)]
    rng, leads = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        rows = np.concatenate([by_day[place] for place in rng.integers(0, len(by_day), len(by_day))])
        if y[rows].any() and not y[rows].all():
            leads.append(roc_auc(y[rows], x["strainwatch"][rows]) - roc_auc(y[rows], x[best][rows]))
    low, high = np.percentile(leads, [2.5, 97.5]) if leads else (float("nan"), float("nan"))
    return RealOutcome(
        slots=int(kept.sum()),
        strainwatch=both["strainwatch"],
        rivals={who: both[who] for who in RIVALS},
        lead_roc_auc=round(both["strainwatch"].roc_auc - both[best].roc_auc, 4),
        lead_ci95=(round(float(low), 4), round(float(high), 4)),
    )


def roc_auc(y: Bools, x: Floats) -> float:
    """Chance that a true slot has the higher score; ties count half. NaN without both kinds."""
    ones, zeros = int(y.sum()), int((~y).sum())
    if not ones or not zeros:
        return float("nan")
    _, place, number = np.unique(x, return_inverse=True, return_counts=True)
    rank = (np.cumsum(number) - (number - 1) / 2)[place]
    return float((rank[y].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def pr_auc(y: Bools, x: Floats) -> float:
    """Average precision; ties are one step. NaN without a true slot."""
    if not y.any():
        return float("nan")
    _, place = np.unique(-x, return_inverse=True)
    found, hits = np.bincount(place), np.bincount(place, weights=y)
    return float((hits * np.cumsum(hits) / np.cumsum(found)).sum() / hits.sum())
