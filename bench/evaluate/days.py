"""The seeded days: which centre, how long, and what is made to go wrong. Everything follows from the day's number."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from tools.centre import Scenario, Trouble
from tools.centre.plan import QUEUES, RATE_GAMMA_SHAPE, TEAMS

Split = Literal["judged", "tuning"]

START_MS = 1_772_784_000_000
"""A Friday, 8:00 on the centre's clock: the first shifts begin."""
CLOCK_H = 8.0
DAYS_BEFORE = 4
"""Working days of the same week that went before: from the third on, an hour of the day can be usual."""
DAY_MS = 86_400_000

WILD_SHAPE = 4.0
"""Gamma shape of an over-dispersed day: the rate of each quarter of an hour has a deviation of one half."""

FIRST_MIN, GAP_MIN, LAST_FREE_MIN = 70.0, 30.0, 15.0
"""Nothing is injected in the first 70 min, and 30 min lie between two causes of queues: an hour in which every detector
learns what is usual, and room to see an alarm end."""

SILENCE_MIN = 15.0
SHORT_BREAKS_OF = 3
"""So many agents of a day are called back from every break after a minute or so."""

# Size of the centre -> (judged days, tuning days, hours of a day). Large centres get fewer and shorter days: their
# events are many, and what differs between days is mostly in the small ones.
SIZES: dict[int, tuple[int, int, float]] = {
    10: (14, 5, 5.0),
    24: (20, 8, 5.0),
    60: (16, 6, 5.0),
    150: (8, 3, 4.0),
    500: (2, 1, 3.5),
    2000: (2, 1, 3.0),
}
DAYS_A_CENTRE = 10
"""So many days, each a Friday after the same four days, are judged in one centre; then other people make another."""

THEMES: tuple[tuple[str, ...], ...] = (
    ("quiet",),
    ("surge", "abuse"),
    ("burst", "missed_breaks", "short_breaks"),
    ("outage", "abuse"),
    ("absence",),
    ("surge", "silence"),
    ("wild",),
    ("wild", "burst", "surge"),
    ("absence", "abuse", "missed_breaks", "short_breaks"),
    ("surge", "burst", "outage"),
)
"""What happens on a day; days take them in turn. `wild`: over-dispersed arrivals."""


@dataclass(frozen=True, slots=True)
class Before:
    """The days before, of one centre: ordinary ones, without any cause. `seed` makes its people, and these days."""

    seed: int
    agents: int
    hours: float

    @property
    def name(self) -> str:
        return f"before-{self.seed}-{self.agents}"

    @property
    def minutes(self) -> int:
        return round(self.hours * 60)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one centre. `silences`: (from, to) in minutes, when the ACD's feed brings nothing."""

    name: str
    seed: int
    centre: Before
    scenario: Scenario
    silences: tuple[tuple[float, float], ...] = ()

    @property
    def agents(self) -> int:
        return self.centre.agents

    @property
    def hours(self) -> float:
        return self.centre.hours

    @property
    def minutes(self) -> int:
        return self.centre.minutes


def all_days(split: Split) -> list[Day]:
    """Days of one of the two sets, which share no seed."""
    days: list[Day] = []
    for size, (judged, tuning, hours) in SIZES.items():
        for place in range(judged if split == "judged" else tuning):
            days.append(_day(split, len(days), _centre(split, size, hours, place // DAYS_A_CENTRE)))
    return days


def _centre(split: Split, agents: int, hours: float, number: int = 0) -> Before:
    return Before((600_000 if split == "judged" else 700_000) + 10 * agents + number, agents, hours)


def quick_days(split: Split) -> list[Day]:
    """A few small days, to see that everything runs."""
    return [_day(split, 5, _centre(split, 10, 4.0)), _day(split, 8, _centre(split, 10, 4.0))]


def some_days(split: Split, number: int) -> list[Day]:
    """`number` days of small centres, every theme in turn: for a look while something is being built."""
    sizes = (10, 24, 60, 24)
    return [_day(split, place, _centre(split, sizes[place % len(sizes)], 5.0)) for place in range(number)]


def _day(split: Split, number: int, centre: Before) -> Day:
    agents, hours = centre.agents, centre.hours
    seed = (30_000 if split == "judged" else 90_000) + 100 * number + agents % 97
    rng = random.Random(f"day/{seed}")
    themes = THEMES[number % len(THEMES)]
    names = [f"agent-{n + 1:0{max(2, len(str(agents)))}}" for n in range(agents)]
    at_min, troubles, silences = FIRST_MIN, list[Trouble](), list[tuple[float, float]]()
    for theme in themes:
        if theme in ("quiet", "wild"):
            continue
        if theme in ("abuse", "missed_breaks"):
            troubles.append(_of_an_agent(theme, rng, names, hours))
            continue
        if theme == "short_breaks":
            taken = {trouble.agent for trouble in troubles if trouble.kind == "missed_breaks"}
            some = rng.sample([name for name in names[: max(6, len(names) // 2)] if name not in taken], SHORT_BREAKS_OF)
            troubles += [Trouble(kind="short_breaks", at_min=0.0, for_min=60.0 * hours, agent=agent) for agent in some]
            continue
        at_min += rng.uniform(0.0, 20.0)
        for_min = SILENCE_MIN if theme == "silence" else rng.uniform(25.0, 45.0)
        for_min = min(for_min, 60.0 * hours - LAST_FREE_MIN - at_min)
        if for_min < SILENCE_MIN:
            break
        if theme == "silence":
            silences.append((at_min, at_min + for_min))
        else:
            troubles.append(_of_queues(theme, rng, at_min, for_min))
        at_min += for_min + GAP_MIN
    shape = WILD_SHAPE if "wild" in themes else RATE_GAMMA_SHAPE
    scenario = Scenario(warm_start=False, rate_gamma_shape=shape, troubles=tuple(troubles))
    return Day(f"{split}-{number:02}-{agents}", seed, centre, scenario, tuple(silences))


def _of_queues(theme: str, rng: random.Random, at_min: float, for_min: float) -> Trouble:
    queue = rng.choice(list(QUEUES))
    issue = rng.choice(QUEUES[queue][1]).name
    if theme == "surge":
        some_issue = issue if rng.random() < 0.5 else None
        size = rng.uniform(2.2, 3.5)
        return Trouble(kind="surge", at_min=at_min, for_min=for_min, size=size, queue=queue, issue=some_issue)
    if theme == "burst":
        size = rng.uniform(3.0, 6.0)
        return Trouble(kind="burst", at_min=at_min, for_min=for_min, size=size, queue=queue, issue=issue)
    if theme == "outage":
        return Trouble(kind="outage", at_min=at_min, for_min=for_min, size=rng.uniform(1.6, 2.4), queue=queue)
    assert theme == "absence"
    team = rng.choice(list(TEAMS))
    return Trouble(kind="absence", at_min=at_min, for_min=1.5 * for_min, size=rng.uniform(0.4, 0.7), team=team)


def _of_an_agent(theme: str, rng: random.Random, names: list[str], hours: float) -> Trouble:
    # Those who begin at 8:00 stand first in their team: they are there all day.
    agent = rng.choice(names[: max(3, len(names) // 2)])
    if theme == "missed_breaks":
        return Trouble(kind="missed_breaks", at_min=0.0, for_min=60.0 * hours, agent=agent)
    at_min = FIRST_MIN + rng.uniform(0.0, 40.0)
    for_min = min(60.0, 60.0 * hours - LAST_FREE_MIN - at_min)
    return Trouble(kind="abuse", at_min=at_min, for_min=for_min, size=rng.uniform(0.7, 1.0), agent=agent)
