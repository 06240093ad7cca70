"""`strainwatch baseline`: what is usual, learnt from recorded days, so that a new installation is useful at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np

from services.scoring.core.baseline import ENOUGH
from services.scoring.core.engine import Engine
from services.scoring.core.learnt import learnt
from services.scoring.core.parameters import check_settings
from shared.contract.baseline import Baseline, baseline_of, numbers
from shared.contract.entries import EntryId, baseline_fields
from shared.contract.keys import partition_of
from shared.log import Log
from shared.settings import read_settings
from tools.baseline_file import BadBaseline, is_baseline, read_baseline
from tools.replay import replay, with_progress
from tools.replay_input import Recording

TOGETHER_MS = 60_000
"""Nothing that is learnt depends on the second, and a minute at once is learnt several times as fast."""


def make_baseline(
    paths: Sequence[Path], *, tenant: str | None, err: TextIO, settings: Path | None = None
) -> tuple[Baseline, list[str]]:
    """The baseline of one tenant from history, or from a file that holds one, and what to tell a person of it.

    Bare events belong to `tenant` (None: `demo`); of an exported log it says which of its tenants is meant, and of a
    file that holds a baseline, for whom it is from now on. Raises ReplayError, BadBaseline, BadSetup, OSError.
    """
    if any(is_baseline(path) for path in paths):
        if len(paths) > 1:
            raise BadBaseline("a file that holds a baseline is given alone; what is known cannot be added up")
        found = read_baseline(paths[0])
        found = found if tenant is None else msgspec.structs.replace(found, tenant=tenant)
        return found, told(found)
    recording = Recording(paths, tenant or "demo")
    given = None if settings is None else read_settings(settings, check=check_settings, now_ms=recording.first_ms)
    engines: dict[int, Engine] = {}
    entries = with_progress(recording.entries(given, TOGETHER_MS), None, err)
    summary = replay(entries, clock_gaps=recording.exported, engines=engines)
    whose = {name: engine for engine in engines.values() for name in engine.floor.registers.tenants.text}
    if tenant is None and len(whose) > 1:
        raise BadBaseline(f"history of several tenants; say of which with --tenant: {', '.join(sorted(whose))}")
    name = tenant if tenant is not None else next(iter(whose), "demo")
    if name not in whose:
        raise BadBaseline(f"there is no event of tenant {name!r} in the history")
    floor = whose[name].floor
    number = floor.registers.tenants.find(0, name)
    assert number is not None
    try:
        found = baseline_of(name, learnt(floor, number, summary.first.ms, whose[name].position.ms))
    except ValueError as fault:
        raise BadBaseline(str(fault)) from None
    return found, [*recording.refused, *told(found)]


def told(baseline: Baseline) -> list[str]:
    """What a baseline knows, for a person."""
    document = baseline.document
    days = (document.until_ms - document.from_ms) / 86_400_000
    topic, count = numbers(document.handle_times.topic, "i4"), numbers(document.handle_times.count, "i4")
    known = int(np.count_nonzero((topic == 0) & (count >= ENOUGH)))
    waits = numbers(document.usual.waits, "f8", 24).sum(axis=1)
    return [
        f"tenant {baseline.tenant}, {_date(document.from_ms)} to {_date(document.until_ms - 1)} ({days:.0f} days)",
        f"handle times: {known} of {len(document.agents)} agents have the {ENOUGH} contacts that it takes to judge",
        f"usual waits: {int(np.count_nonzero(waits))} of {len(document.queues)} queues, {waits.sum():,.0f} contacts",
        f"issues: {len(document.issues)}; streams of arrivals: {len(document.streams.kind)}",
    ]


def _date(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


async def append_baseline(log: Log, baseline: Baseline) -> tuple[int, EntryId]:
    """Append it to the events log of its tenant's partition. Raises LogUnavailable."""
    partition = partition_of(baseline.tenant, log.partitions)
    return partition, await log.append(partition, baseline_fields(baseline))
