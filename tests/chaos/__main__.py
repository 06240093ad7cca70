"""`make chaos`: break a real system in every way of the table, and compare what is left with the oracle.

Examples:
  python -m tests.chaos                                  the short run: 5 of each kill
  python -m tests.chaos --runs 200 --only "kill -9"      a long one
  python -m tests.chaos --only "AOF" --seed 7 --keep     one fault again, its logs kept
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import uvloop

from tests.chaos import table
from tests.chaos.nursery import Nursery
from tests.chaos.processes import ROOT
from tests.chaos.rows import FAULTS, Chaos, Row

FAMILIES = ("kills", "stalls", "stores", "engines", "inputs", "network", "sockets", "upkeep", "clocks")
"""A file for each family of faults; together they fill the table, in this order."""


LONG = frozenset(
    {
        "another engine takes over in the middle of open alerts",
        "kill -9 of the scorer",
        "kill -9 of the scorer between alerts and checkpoint",
        "kill -9 of the scorer of a busy log",
        "partition between each pair",
        "a storm of connects, and a mass return after a restart",
        "SIGTERM rolling restart under load",
        "clock steps of five minutes",
        "readers that stop or crawl among many good ones",
    }
)
"""Faults that take longest. They begin first, so that none of them is left alone at the end."""


async def _run(chaos: Chaos, names: list[str], beside: int, finished: Callable[[Row], None]) -> list[Row]:
    """Do the faults in their order, so many of them beside each other: most of the time they wait."""
    rows: list[Row] = []
    left = deque(sorted(names, key=lambda name: name not in LONG))

    async def lane() -> None:
        while left:
            name = left.popleft()
            row = Row(name, FAULTS[name][0])
            rows.append(row)
            await _do(chaos, row)
            finished(row)
            gc.collect()

    await asyncio.gather(*(lane() for _ in range(beside)))
    return rows


async def _do(chaos: Chaos, row: Row) -> None:
    if chaos.over():
        row.skip("the time was over")
    else:
        began_s = time.monotonic()
        try:
            await FAULTS[row.name][1](chaos, row)
        except Exception as problem:  # the others are still to be done; this row has failed
            row.faults.append(f"{type(problem).__name__}: {problem}")
            traceback.print_exc()
        row.figures["took"] = f"{time.monotonic() - began_s:.0f} s"
    print(table.line(row), flush=True)
    for told in row.faults[:10]:
        print(f"    ! {told}", flush=True)


def main() -> int:
    """The exit code: 1 when a promise was broken."""
    told = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    told.add_argument("--runs", type=int, default=5, help="of each kill")
    told.add_argument("--seed", type=int, default=None, help="the seed that an earlier run printed")
    told.add_argument("--only", default="", help="faults whose names hold this; several with a |")
    told.add_argument("--beside", type=int, default=1, help="so many faults beside each other, each in its own system")
    told.add_argument("--minutes", type=float, default=None, help="begin nothing new after so long")
    told.add_argument("--store", choices=["valkey", "redis"], default="valkey")
    told.add_argument("--warm", action="store_true", help="fork services from a process that has imported the program")
    told.add_argument("--record", action="store_true", help="write docs/chaos.json and the table in docs/guarantees.md")
    told.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    told.add_argument("--list", action="store_true", help="list the faults")
    given = told.parse_args()
    for family in FAMILIES:
        import_module(f"tests.chaos.faults.{family}")
    names = [name for name in FAULTS if any(part in name for part in given.only.split("|"))]
    if given.list:
        print("\n".join(f"{name}: {FAULTS[name][0]}" for name in names))
        return 0
    seed = given.seed if given.seed is not None else secrets.randbelow(1 << 31)
    folder = Path(tempfile.mkdtemp(prefix="strainwatch-chaos-"))
    print(f"seed {seed}; again with: make chaos CHAOS_SEED={seed}", flush=True)
    until_s = float("inf") if given.minutes is None else time.monotonic() + 60 * given.minutes

    def finished(row: Row, *, whole: bool = True) -> None:
        if given.record:
            table.record([row], seed, given.store, warm=given.warm, whole=whole)

    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))  # a storm is thousands of sockets at each end
    nursery = Nursery(ROOT) if given.warm else None
    chaos = Chaos(given.runs, seed, folder, given.store, nursery, until_s, partial(finished, whole=False))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started it with this one ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # so that nothing of it is left
    try:
        rows = uvloop.run(_run(chaos, names, given.beside, finished))
    finally:
        if nursery is not None:
            nursery.close()
    broken = [row for row in rows if not row.well]
    if broken or given.keep:
        print(f"logs of all processes: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(rows)} faults, {len(broken)} with a broken promise" + "".join(f"\n  {row.name}" for row in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
