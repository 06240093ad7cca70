"""Writes docs/capacity.md from the measured rows of bench/latest.json: what to plan with, and how it was reckoned.

`python -m bench.capacity [--check]`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LATEST = ROOT / "bench" / "latest.json"
PAGE = ROOT / "docs" / "capacity.md"

PLAN = 0.5
"""Of what was measured on a machine that did nothing else: room for a busy hour, catching up, and slower CPUs."""

HEAD = """\
# Capacity

<!-- Made from bench/latest.json by `python -m bench.capacity`; a test fails when the two differ. -->

Measured {date} at commit {commit}; medians of the rounds.
Machine: {machine}.

**Plan with half**: the last column is half of what was measured, as room for a busy hour, for catching up after an
outage, and for slower machines.

| what | measured | plan with |
|---|---|---|
"""

NEED = """
## How much is that

A contact is about six events: offered, answered, handled, and the states of its agent. So a centre of 1,000 agents at
ten contacts an hour each makes some 17 events/s, and one of 20,000 some 330: one process of each service is enough for
both. More shards are for many organisations, more notify processes for many leads.

## Memory of the store

Events are kept for 26 hours, or up to 4 GB. {memory}

| events/s, on average over the day | for 26 h |
|---|---|
{sizes}

Beside them: minute history (26 h), alerts (7 days), the index of repeat callers (7 days), and the checkpoints. Give
`maxmemory` twice the table's figure and at least 1 GB, and the container twice that again, for the rewrite of the
append-only file.

## What limits what

| it is | it shows as | then |
|---|---|---|
| ingest's CPU | 429 or slow answers | larger batches first (an event then costs an eighth), then a second ingest |
| the store's disk | slow answers of ingest at low CPU | larger batches (it syncs once a group), a faster disk |
| a scorer's CPU | lag at `/readyz` and in the metrics | more shards, if there are several organisations |
| notify's memory or CPU | late boards | a second notify; leads come back to either with their place |
| the store's memory | 503 from ingest, `doctor` warns at 80 % | `maxmemory`, or a shorter retention |

Open files: each lead's page and each ACD's connection is one (`ulimit -n`; `doctor` says how many there may be).
"""


def page(results: dict[str, Any]) -> str:
    """The whole page."""
    rows: dict[tuple[str, str], float] = {}
    for row in results["rows"]:
        rows.setdefault((row["name"], row["aof"]), median(row["ours"]))
    head = HEAD.format(date=results["date"][:10], commit=results["commit"], machine=results["machine"])
    bytes_an_event = rows["redis memory per event, blocks of 100, with the index of callers", "everysec"]
    single = rows["redis memory per event, blocks of 1, with the index of callers", "everysec"]
    memory = (
        f"An event takes {bytes_an_event:.0f} bytes when a hundred\ncome together, and {single:.0f} when each comes "
        "alone, with the index of callers."
    )
    sizes = "\n".join(_sizes(bytes_an_event, single))
    return head + "\n".join(_lines(rows)) + "\n" + NEED.format(memory=memory, sizes=sizes)


def _lines(rows: dict[tuple[str, str], float]) -> Iterator[str]:
    for name, told, unit in (
        ("ingest batch of 100", "events/s into one ingest process, in batches of 100, synced to disk", "events/s"),
        ("ingest single", "events/s into one ingest process, one a request, synced to disk", "events/s"),
        ("scoring from the log", "events/s through one scorer, all drivers, in blocks of 1,000", "events/s"),
    ):
        value = rows.get((name, "always"))
        if value is not None:
            yield f"| {told} | {_round(value)} {unit} | {_round(PLAN * value)} {unit} |"
    for agents in ("1,000", "20,000"):
        p50, p99 = (rows.get((f"end to end {p}, {agents} agents", "always")) for p in ("p50", "p99"))
        if p50 is not None and p99 is not None:
            told = f"post of an event to the alert's frame at a lead, {agents} agents, 500 events/s"
            yield f"| {told} | {p50:.0f} ms, p99 {p99:.0f} ms | |"
    board = rows.get(("whole-second evaluation of 20,000 agents, with the board", "none"))
    if board is not None:
        yield f"| a second of 20,000 agents and 500 queues, with the board | {board:.0f} ms of one core | |"
    idle = next((value for (name, _), value in rows.items() if name == "fan-out, memory an idle lead"), None)
    if idle is not None:
        yield f"| memory of notify for each lead who listens | {idle:.1f} KB | {_round(PLAN * 1e6 / idle)} leads a GB |"


def _sizes(batched: float, single: float) -> Iterator[str]:
    for rate in (10, 100, 1_000):
        events = rate * 26 * 3_600
        yield f"| {rate:,} | {_size(events * batched)} in batches, {_size(events * single)} one by one |"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _round(value: float) -> str:
    """Two digits are what a plan can use."""
    digits = max(0, len(str(int(value))) - 2)
    return f"{int(round(value, -digits)):,}"


def main() -> int:
    """The command line."""
    text = page(json.loads(LATEST.read_text()))
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
