"""Clocks that jump by five minutes, forth and back, on each process alone. By libfaketime (Debian: `faketime`), which
is loaded before the program and reads the offset from a file, so that a running process sees its clock jump. Clocks
that only go forward (monotonic) stay as they are, as in a machine whose clock is set.
"""

from __future__ import annotations

import asyncio
import glob
import time
from pathlib import Path

from tests.chaos.processes import Service
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

LEADS = 20
STEP_S = 300
STAYS_S = 3.0
LONG_RUNS = 20
PROCESSES = (("notify", "scoring-a"), ("ingest", "store"))
"""Two systems, since the second two may make events late, which the oracle then cannot count."""
LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"


def _faked(folder: Path, name: str) -> tuple[Path, dict[str, str]]:
    """The file that holds the offset, and the variables for the process."""
    path = folder / f"{name}.offset"
    path.write_text("+0\n")
    return path, {
        "LD_PRELOAD": glob.glob(LIBRARY)[0],
        "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_NO_CACHE": "0",
    }


async def _step(it: System, row: Row, offset: Path, steps: tuple[str, ...]) -> None:
    for step in steps:
        at_s = time.monotonic()
        await asyncio.to_thread(offset.write_text, f"{step}\n")
        await asyncio.sleep(STAYS_S)
        ledger = it.loads[0].ledger
        await until(lambda: ledger.acknowledged_at_s > at_s + 1, "events are acknowledged")  # noqa: B023
        await it.scored_from((await it.state()).events_last)
        row.recovered(time.monotonic() - at_s - STAYS_S)


@fault("clock steps of five minutes", "forth, back, back, forth, on each process alone, the log server's too")
async def clock_steps(chaos: Chaos, row: Row) -> None:
    if not glob.glob(LIBRARY):
        row.skip("needs libfaketime (Debian: apt install faketime)")
        return
    steps = (f"+{STEP_S}", "+0", f"-{STEP_S}", "+0") if chaos.runs >= LONG_RUNS else (f"+{STEP_S}", f"-{STEP_S}")
    for names in PROCESSES:
        async with system(chaos, row, scorers=1) as it:
            await it.owned()
            it.load()
            await it.join(LEADS)
            for name in names:
                offset = await _with_clock(it, name)
                await _step(it, row, offset, steps)
                await asyncio.to_thread(offset.write_text, "+0\n")
                row.figures["processes"] = ", ".join(filter(None, [row.figures.get("processes"), name]))
            # With the clock of ingest or of the log five minutes off, good events may become late ones.
            row.judged(await it.judged(strict_effect="store" not in names))


async def _with_clock(it: System, name: str) -> Path:
    """Start a process again, with a clock that can be set; the file that sets it."""
    offset, variables = _faked(it.folder, name)
    if name == "store":
        it.store.variables = variables
        it.store.kill()
        it.store.start()
        await it.store.answers()
        return offset
    service: Service = it.services[name]
    service.variables = {**service.variables, **variables}
    service.nursery = None  # the library must be there from the start
    await service.terminate()
    service.start()
    await service.answers("/readyz")
    return offset
