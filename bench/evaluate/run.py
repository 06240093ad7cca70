"""All days through the engine and all rivals, then the figures."""

from __future__ import annotations

import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.evaluate.before import Past, history, past_of
from bench.evaluate.days import DAYS_BEFORE, Before, Day
from bench.evaluate.figures import Alarm, Figures, Floats, Tally, average_precision, delay_at, figures
from bench.evaluate.made import cached, engine_code, made, rivals_code
from bench.evaluate.ours import FACTORS, Judged, judge, kinds, score_of
from bench.evaluate.results import Detail, EqualFalse, KindDetail, KindResult, Matched, TimeConstants
from bench.evaluate.rivals import Known, Memo, scores
from bench.evaluate.truth import FATIGUE_HIGH, FATIGUE_NEAR, SUBJECTS, Truth, tired_truth, truth_of
from bench.evaluate.tuning import Choice, ScoredDay, Tried, choose, score_day, tally, try_all
from bench.evaluate.weights import NAMES

Say = Callable[[str], None]
Task = TypeVar("Task")
Done = TypeVar("Done")


class Workers:
    """So many processes; one is this one."""

    def __init__(self, number: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pool = spawn.Pool(number, maxtasksperchild=8) if number > 1 else None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()

    def map(self, work: Callable[[Task], Done], tasks: Sequence[Task]) -> Iterator[Done]:
        """In the order of the tasks."""
        return map(work, tasks) if self._pool is None else self._pool.imap(work, tasks)


BUDGETS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""False alarms a lead and hour on the tuning days for which a rival chooses a setting each: what it is interpolated
between."""


def _try_all(task: tuple[str, list[ScoredDay]]) -> list[Tried]:
    return try_all(*task)


@dataclass(slots=True)
class JudgedDay:
    """One day: per kind the rivals' scores, our alarms by factor, and our score."""

    name: str
    events: int
    scored: dict[str, ScoredDay] = field(default_factory=dict)
    alarms: dict[str, dict[float, list[Alarm]]] = field(default_factory=dict)
    score: dict[str, Floats] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    fatigue: dict[float, Floats] = field(default_factory=dict)
    levels: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    """Of the drivers of queues: [queue, minute, driver], in the order of the truth of `queue.strain`."""


def judged_day(task: tuple[Day, Past], cache: Path, factors: Sequence[float]) -> JudgedDay:
    """Everything about one day that needs its entries.

    What takes long comes from the cache when the same code made it before: alerts for each line, scores of the rivals.
    """
    day, past = task
    ready = made(day, cache)

    def judge_it(what: tuple[Day, float]) -> Judged:
        return judge(ready, past.snapshot, what[1])

    by_factor: dict[float, Judged] = {
        factor: cached((day, factor), f"ours-{day.name}", cache, judge_it, engine_code()) for factor in factors
    }
    known = Known(past.shown, past.arrivals)
    memo = rivals_of(day, cache)
    out = JudgedDay(day.name, ready.events, fatigue=dict(ready.fatigue))
    for kind in kinds():
        truth = truth_of(kind, ready)
        out.scored[kind] = score_day(kind, truth, ready, memo, known)
        out.alarms[kind] = {factor: found.alarms.get(kind, []) for factor, found in by_factor.items()}
        out.score[kind] = score_of(kind, truth, by_factor)
    found = by_factor[1.0].alarms
    none = np.zeros((day.minutes, len(NAMES)))
    queues = out.scored["queue.strain"].truth.subjects
    out.levels = np.array([by_factor[1.0].levels.get(queue, none) for queue in queues])
    out.others = Counter({kind: len(alarms) for kind, alarms in found.items() if kind not in SUBJECTS})
    return out


def rivals_of(day: Day, cache: Path) -> Memo:
    """All scores of the rivals over one day."""

    def score(_: Day) -> Memo:
        ready, before = made(day, cache), history(day.centre, cache)
        memo: Memo = {}
        for kind in kinds():
            for _found in scores(
                kind, SUBJECTS[kind], ready.shown[SUBJECTS[kind]], memo, Known(before.shown, before.arrivals)
            ):
                pass
        return memo

    return cached(day, f"rivals-{day.name}", cache, score, rivals_code())


def days_judged(
    days: Sequence[Day], cache: Path, factors: Sequence[float], workers: Workers, say: Say
) -> list[JudgedDay]:
    """In the order of the days, whoever is done first."""
    centres = list(dict.fromkeys(day.centre for day in days))
    pasts: dict[Before, Past] = {}
    for centre, past in zip(centres, workers.map(partial(past_of, cache=cache), centres), strict=True):
        pasts[centre] = past
        say(f"{DAYS_BEFORE} days before in a centre of {centre.agents}")
    work = partial(judged_day, cache=cache, factors=tuple(factors))
    out: list[JudgedDay] = []
    for result in workers.map(work, [(day, pasts[day.centre]) for day in days]):
        out.append(result)
        say(f"{len(out)} of {len(days)}: {result.name}, {result.events:,} events")
    return out


def ours(kind: str, days: Sequence[JudgedDay], factor: float) -> Tally:
    """Our alarms with the lines at `factor` of their defaults."""
    total = Tally()
    for day in days:
        total.add(kind, day.scored[kind].truth, day.alarms[kind][factor])
    return total


def kind_result(
    kind: str, judged: Sequence[JudgedDay], tuning: Sequence[JudgedDay], tried: Sequence[Tried]
) -> tuple[KindResult, KindDetail]:
    """Defaults against rivals that were tuned to as many false alarms, and the whole curve."""
    mine = ours(kind, judged, 1.0)
    area = average_precision([(day.scored[kind].truth, day.score[kind]) for day in judged])
    curve, rivals, settings = [], dict[str, Figures](), defaultdict[str, set[Choice]](set)
    for budget in BUDGETS:
        for rival, choice in choose(tried, budget).items():
            settings[rival].add(choice)
    for factor in sorted(judged[0].alarms[kind]):
        budget = ours(kind, tuning, factor).false_per_lead_hour
        curve.append(_point(factor, "strainwatch", f"lines x {factor:g}", ours(kind, judged, factor)))
        chosen = choose(tried, budget)
        for rival, choice in chosen.items():
            settings[rival].add(choice)
            theirs = tally(kind, [day.scored[kind] for day in judged], choice)
            setting = f"{choice.measure} >= {choice.line:.4g} for {choice.hold_min} min"
            curve.append(_point(factor, rival, setting, theirs))
            if factor == 1.0:
                rivals[rival] = figures(theirs, _best_area(kind, judged, tuning, choice))
    equal = _equal_false(kind, judged, settings)
    default = next(one for one in equal if one.factor == 1.0)
    result = KindResult(kind, mine.windows, figures(mine, area), rivals, default)
    return result, KindDetail(kind, curve, equal, _by_cause(kind, judged))


def _equal_false(
    kind: str, judged: Sequence[JudgedDay], settings: Mapping[str, Collection[Choice]]
) -> list[EqualFalse]:
    """Every rival with all the settings that tuning chose for it, at as many false alarms as each of our lines gave."""
    scored, points = [day.scored[kind] for day in judged], dict[str, list[tuple[float, float]]]()
    for rival, choices in settings.items():
        made = [tally(kind, scored, choice) for choice in choices]
        points[rival] = [(total.false_per_lead_hour, total.mean_delay_min) for total in made]
    out = []
    for factor in sorted(judged[0].alarms[kind]):
        mine = ours(kind, judged, factor)
        rate = mine.false_per_lead_hour
        delays_min = {"strainwatch": mine.mean_delay_min}
        delays_min |= {rival: delay_at(some, rate) for rival, some in points.items()}
        out.append(EqualFalse(factor, round(rate, 5), {who: round(60 * delay, 1) for who, delay in delays_min.items()}))
    return out


def _best_area(kind: str, judged: Sequence[JudgedDay], tuning: Sequence[JudgedDay], choice: Choice) -> float | None:
    """With the measure that has the largest area on the tuning days, which need not be the one for the alarms."""
    measures = [measure for rival, measure in tuning[0].scored[kind].scores if rival == choice.rival]

    def area(days: Sequence[JudgedDay], measure: str) -> float | None:
        return average_precision(
            [(day.scored[kind].truth, day.scored[kind].scores[choice.rival, measure]) for day in days]
        )

    best = max(measures, key=lambda measure: area(tuning, measure) or 0.0)
    return area(judged, best)


def _point(factor: float, who: str, setting: str, total: Tally) -> Matched:
    shown = figures(total, None)
    return Matched(
        factor=factor,
        who=who,
        setting=setting,
        false_per_lead_hour=shown.false_per_lead_hour,
        mean_delay_s=round(60.0 * total.mean_delay_min, 1),
        delay_p50_s=shown.delay_p50_s,
        detected=shown.detected,
    )


def _by_cause(kind: str, days: Sequence[JudgedDay]) -> dict[str, str]:
    """Cause -> how many of them our defaults told of, and after how long."""
    found: dict[str, Tally] = defaultdict(Tally)
    for day in days:
        truth = day.scored[kind].truth
        whole = truth.windows
        for cause in {window.cause for window in whole}:
            truth.windows = [window for window in whole if window.cause == cause]
            found[cause].add(kind, truth, day.alarms[kind][1.0])
        truth.windows = whole
    return {
        cause: f"{len(t.delays_min)} of {t.windows}"
        + (f", p50 {60 * np.median(t.delays_min):.0f} s" if t.delays_min else "")
        for cause, t in sorted(found.items())
    }


def wrong_time_constants(days: Sequence[JudgedDay]) -> list[TimeConstants]:
    """`agent.strain` against people who recover faster or slower; as many agent-minutes are high for each of them."""
    kind, out = "agent.strain", []
    plain = np.concatenate([day.fatigue[1.0].ravel() for day in days])
    parts = [float((plain < line).mean()) for line in (FATIGUE_HIGH, FATIGUE_NEAR)]
    for factor in sorted(days[0].fatigue):
        high, near = np.quantile(np.concatenate([day.fatigue[factor].ravel() for day in days]), parts).tolist()
        total, scored = Tally(), []
        for day in days:
            truth = tired_truth(day.scored[kind].truth.subjects, day.fatigue[factor], high, near)
            total.add(kind, truth, day.alarms[kind][1.0])
            scored.append((truth, day.score[kind]))
        people = f"recover {factor:g} x as slowly" if factor != 1.0 else "as on this page"
        out.append(TimeConstants(people, total.windows, figures(total, average_precision(scored))))
    return out


def seeded(
    judged_days: Sequence[Day], tuning_days: Sequence[Day], cache: Path, workers: int, say: Say, lines: int
) -> tuple[list[KindResult], Detail, list[tuple[Truth, Floats]]]:
    """The figures of the seeded days, and what weights are picked by: truth and levels of the tuning days.

    `lines`: how many of FACTORS to try, the first is the default.
    """
    factors = FACTORS[:lines]
    pairs = []
    with Workers(workers) as pool:
        tuning = days_judged(tuning_days, cache, factors, pool, say)
        judged = days_judged(judged_days, cache, factors, pool, say)
        tasks = [(kind, [day.scored[kind] for day in tuning]) for kind in kinds()]
        for kind, tried in zip(kinds(), pool.map(_try_all, tasks), strict=True):
            pairs.append(kind_result(kind, judged, tuning, tried))
            say(f"{kind}: {pairs[-1][0].n} windows, {len(tried)} settings of rivals tried")
    sizes = Counter(str(day.agents) for day in judged_days)
    others: Counter[str] = sum((day.others for day in judged), Counter())
    events = sum(day.events for day in judged)
    detail = Detail(dict(sizes), events, [pair[1] for pair in pairs], wrong_time_constants(judged), dict(others))
    return [pair[0] for pair in pairs], detail, [(day.scored["queue.strain"].truth, day.levels) for day in tuning]
