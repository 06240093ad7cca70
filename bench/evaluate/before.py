"""The days before: what the engine and the rivals have learnt when a day begins.

Four ordinary working days of the same centre, with the same people and without any cause. The engine has seen all of
them as it runs live. The rivals begin their morning as if it followed the same hours of the day before, and those that
need an expected number of contacts have the mean of the four days.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from bench.evaluate import dashboard as dash
from bench.evaluate.days import CLOCK_H, DAY_MS, DAYS_BEFORE, START_MS, Before
from bench.evaluate.made import cached, engine_code, entries_of
from services.scoring.core.engine import Engine
from shared.contract.entries import Entry, EntryId, tick_fields
from tools.centre import Centre, Scenario
from tools.centre.floor import Event

SMOOTHED_MIN = 31
"""The mean of a minute over four days is taken over half an hour: some ten contacts of a small queue."""


@dataclass(slots=True)
class History:
    """As it is kept: `packed` are the entries; `shown`: the dashboards of the last day; `arrivals`: by type of subject
    the contacts expected in each minute, [subject, minute]."""

    packed: bytes
    shown: dash.Dashboard
    arrivals: dict[str, dash.Streams]


@dataclass(slots=True)
class Past:
    """What a day begins with: the engine's snapshot, and what the rivals know."""

    snapshot: bytes
    shown: dash.Dashboard
    arrivals: dict[str, dash.Streams]


def past_of(centre: Before, cache: Path) -> Past:
    """The days are kept in the cache, and what the engine learnt from them until its code changes."""
    return cached(centre, f"past-{centre.name}", cache, partial(_learnt, cache=cache), engine_code())


def history(centre: Before, cache: Path) -> History:
    """From the cache, else made and put there."""
    return cached(centre, centre.name, cache, history_of)


def _learnt(centre: Before, cache: Path) -> Past:
    kept = history(centre, cache)
    engine = Engine(clock_gaps=False, marks="none")
    engine.step(Entry(EntryId(START_MS - DAYS_BEFORE * DAY_MS, 0), tick_fields(0)))
    for at_ms, fields in msgspec.msgpack.decode(zlib.decompress(kept.packed)):
        engine.step(Entry(EntryId(at_ms, 0), fields))
    return Past(engine.snapshot(), kept.shown, kept.arrivals)


def history_of(centre: Before) -> History:
    """From the seed."""
    entries, days = [], []
    for day in range(DAYS_BEFORE):
        start_ms = START_MS - (DAYS_BEFORE - day) * DAY_MS
        events = list(_day(centre, day, start_ms))
        entries += list(entries_of(events, start_ms + DAY_MS - 1000))
        days.append(dash.dashboard(events, start_ms, centre.minutes))
    arrivals = {type_: _mean([day[type_] for day in days]) for type_ in ("queue", "issue")}
    return History(zlib.compress(msgspec.msgpack.encode(entries), 1), days[-1], arrivals)


def _day(centre: Before, day: int, start_ms: int) -> Iterator[Event]:
    """Only the hours that are judged later; then everybody goes home."""
    one = Centre(
        seed=10 * centre.seed + day,
        start_ms=start_ms,
        agents=centre.agents,
        clock_h=CLOCK_H,
        scenario=Scenario(warm_start=False),
        people_seed=centre.seed,
    )
    teams: dict[str, str] = {}
    for event in one.events(centre.hours * 3600.0):
        if event["type"] == "agent.state":
            teams[event["agent"]] = event["team"]
        yield event
    end_ms = start_ms + centre.minutes * 60_000
    for agent, team in teams.items():
        fields = {"agent": agent, "state": "offline", "team": team}
        yield {"type": "agent.state", "id": f"home-{agent}-{end_ms}", "ts": end_ms, **fields}


def _mean(days: list[dash.Streams]) -> dash.Streams:
    """Contacts a minute over all days, and over the minutes around."""
    subjects = sorted({subject for day in days for subject in day.subjects})
    minutes = days[0].values["arrivals"].shape[1]
    total = np.zeros((len(subjects), minutes))
    for day in days:
        places = [subjects.index(subject) for subject in day.subjects]
        total[places] += np.nan_to_num(day.values["arrivals"]) / len(days)
    near = np.ones(SMOOTHED_MIN)
    weight = np.convolve(np.ones(minutes), near, "same")
    smooth = np.array([np.convolve(row, near, "same") / weight for row in total])
    return dash.Streams(subjects, {"arrivals": smooth})
