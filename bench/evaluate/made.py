"""A day made from its seed: the log's entries, what the dashboards showed, and the truth beside; kept in a cache."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache as once
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.evaluate import dashboard as dash
from bench.evaluate.days import CLOCK_H, START_MS, Day
from shared.contract.block_writer import encode_rows
from shared.contract.entries import block_fields, tick_fields
from shared.contract.events import event_decoder
from shared.contract.hashes import TenantHashes
from shared.contract.rows import row_of
from shared.log_callers import CallerIndex, lookups_of
from tools.centre import Cause, Centre
from tools.centre.fatigue import REST_S
from tools.centre.floor import Event

What = TypeVar("What")
Made = TypeVar("Made")

TENANT = "centre"
ENTRY_MS = 1000
"""Events of a second make one entry, at the end of that second. Seconds without any need no tick."""
RECOVERIES = (1.0, 0.25, 0.5, 2.0, 4.0)
"""People of the truth who recover so many times as slowly: what a score with wrong time constants would face."""
AGENTS_JUDGED = 40
"""So many agents of a day are judged (those with a cause of their own among them): every subject-minute of 2,000 would
drown the small centres and cost the rivals hours."""


@dataclass(slots=True)
class MadeDay:
    """`fatigue[factor]`: [agent judged, minute], with people who recover `factor` times as slowly;
    `longest_wait_s`: [queue, minute], the longest that anybody waited within the minute, the truth; `agents` are those
    judged, `rested_ms` and `denied_ms` of them see `AgentTruth`."""

    day: Day
    entries: list[tuple[int, dict[bytes, bytes]]]
    shown: dash.Dashboard
    causes: list[Cause]
    agents: list[str]
    rested_ms: dict[str, list[tuple[int, int | None]]]
    denied_ms: dict[str, list[tuple[int, str]]]
    teams: dict[str, str]
    fatigue: dict[float, NDArray[np.float64]]
    queues: list[str]
    longest_wait_s: NDArray[np.float64]
    events: int


def made(day: Day, cache: Path) -> MadeDay:
    """From the cache, else made and put there."""
    return cached(day, day.name, cache, make)


def cached(what: What, name: str, cache: Path, make: Callable[[What], Made], code: str | None = None) -> Made:
    """What was made of a day, or of the days before, by the same code (a digest; that which makes days, if not given).

    What judges takes hours in all, and days are judged one by one: a run that was ended goes on where it was.
    """
    key = hashlib.blake2b(f"{code or _sources()}{what!r}".encode(), digest_size=8).hexdigest()
    path = cache / f"{name}-{key}.pickle"
    if path.exists():
        kept: Made = pickle.loads(path.read_bytes())
        return kept
    fresh = make(what)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(fresh))
    part.rename(path)
    return fresh


def _sources() -> str:
    """Digest of the code that days come from: after a change of it they are made anew."""
    here = Path(__file__).parent
    root = here.parent.parent
    paths = [
        here / "dashboard.py",
        here / "days.py",
        here / "made.py",
        here / "before.py",
        *sorted((root / "tools/centre").glob("*.py")),
    ]
    paths += sorted((root / "shared/contract").glob("*.py"))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in paths), digest_size=8).hexdigest()


@once
def engine_code() -> str:
    """Digest of the code that our alerts and scores come from: the engine, how it is run, and that of the days."""
    return _digest("bench/evaluate/ours.py", "services/scoring/core/*.py")


@once
def rivals_code() -> str:
    """The same of the rivals' scores."""
    return _digest("bench/evaluate/rivals.py")


def _digest(*patterns: str) -> str:
    root = Path(__file__).parent.parent.parent
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return hashlib.blake2b(_sources().encode() + b"".join(path.read_bytes() for path in paths)).hexdigest()


def make(day: Day) -> MadeDay:
    """From the seed."""
    centre = Centre(
        seed=day.seed,
        start_ms=START_MS,
        agents=day.agents,
        clock_h=CLOCK_H,
        scenario=day.scenario,
        people_seed=day.centre.seed,
    )
    happened = list(centre.events(day.hours * 3600.0))
    events = list(_heard(happened, day))
    truth = centre.truth
    silences = [Cause("silence", _ms(low), _ms(high), 1.0) for low, high in day.silences]
    agents = _judged(sorted(truth.agents), truth.causes)
    ends_ms = START_MS + 60_000 * (np.arange(day.minutes, dtype=np.int64) + 1)
    queues = sorted(truth.queues)
    waits = np.zeros((len(queues), day.minutes))
    for minute in truth.minutes:
        place = (minute.ts_ms - START_MS) // 60_000 - 1
        if place < day.minutes:
            waits[queues.index(minute.queue), place] = minute.longest_wait_s
    longest_within(happened, queues, waits)
    shown = dash.dashboard(events, START_MS, day.minutes)
    _keep(shown["agent"], agents)
    return MadeDay(
        day=day,
        entries=list(entries_of(events, START_MS + day.minutes * 60_000)),
        shown=shown,
        causes=[*truth.causes, *silences],
        agents=agents,
        rested_ms={agent: truth.agents[agent].rested_ms for agent in agents},
        denied_ms={agent: truth.agents[agent].denied_ms for agent in agents},
        teams={event["agent"]: event["team"] for event in events if event["type"] == "agent.state"},
        fatigue={
            factor: np.array([truth.agents[agent].fatigue.levels(ends_ms, factor * REST_S) for agent in agents])
            for factor in RECOVERIES
        },
        queues=queues,
        longest_wait_s=waits,
        events=len(events),
    )


def longest_within(events: Iterable[Event], queues: list[str], waits: NDArray[np.float64]) -> None:
    """Raise what was seen at the ends of minutes to what contacts really waited: half of the waits of 90 s or more end
    before the minute does."""
    for event in events:
        if event["type"] not in ("contact.answered", "contact.abandoned"):
            continue
        row, end_min = queues.index(event["queue"]), (event["ts"] - START_MS) / 60_000
        begin_min = end_min - event["wait_s"] / 60
        for place in range(max(0, int(begin_min)), min(int(end_min) + 1, waits.shape[1])):
            waits[row, place] = max(waits[row, place], 60.0 * (min(end_min, place + 1) - begin_min))


def _ms(minute: float) -> int:
    return START_MS + round(60_000 * minute)


def _heard(events: Iterable[Event], day: Day) -> Iterator[Event]:
    """Without what the ACD did not send while it was silent."""
    silences = [(_ms(low), _ms(high)) for low, high in day.silences]
    for event in events:
        if not any(low <= event["ts"] < high for low, high in silences):
            yield event


def _judged(agents: list[str], causes: list[Cause]) -> list[str]:
    """Agents with a cause of their own, then others evenly over all."""
    chosen = [cause.agent for cause in causes if cause.agent is not None]
    step = max(1, len(agents) // AGENTS_JUDGED)
    for agent in agents[::step]:
        if len(chosen) < AGENTS_JUDGED and agent not in chosen:
            chosen.append(agent)
    return sorted(set(chosen))


def _keep(streams: dash.Streams, subjects: list[str]) -> None:
    places = [streams.subjects.index(subject) for subject in subjects if subject in streams.subjects]
    streams.values = {name: values[places] for name, values in streams.values.items()}
    streams.subjects = [streams.subjects[place] for place in places]


def entries_of(events: Iterable[Event], end_ms: int) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    """As the log would hold them, with the answers of the repeat-caller index; the last is a tick at `end_ms`."""
    hashes, callers, decoder = TenantHashes(TENANT, b""), CallerIndex(), event_decoder()
    encoded = msgspec.json.encode
    for second, some in groupby(events, key=lambda event: (event["ts"] - 1) // ENTRY_MS + 1):
        at_ms = second * ENTRY_MS
        if at_ms > end_ms:
            break
        rows = [row_of(decoder.decode(encoded(event)), TENANT, event["ts"], hashes) for event in some]
        yield at_ms, block_fields(encode_rows(rows)) | callers.fields(lookups_of(rows), at_ms)
    yield end_ms, tick_fields(end_ms)
