"""One whole second of 20,000 agents and 500 queues: all rows judged, and all rows judged and put on the board. And the
state of them all as bytes, for a checkpoint: the engine stands still for as long; they are stored beside it.

Lines so low that every row is over them, and holds that end within the minute but after the seconds that are timed,
keep every row in the evaluation and no alert opens; in a real centre most rows are left out of most seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from bench.effort import BenchFault, Effort
from bench.machine import SERVER_CPU, on_cpu
from bench.recorded import TENANT, block_entries
from bench.rows import LOWER_IS_BETTER, Row, row
from bench.workload import AGENTS, QUEUES
from services.scoring.core.engine import Engine
from shared.contract.entries import Entry, EntryId, Settings, settings_fields, tick_fields
from shared.contract.signal_columns import Agents, Queues
from shared.settings import digest_of

FIRST_MS = 1_772_442_000_000  # a whole minute
BLOCK = 1_000
FILL_BLOCKS = 400
"""After as many nearly all of 20,000 agents have had an event that loads them."""
KNOWN_MIN = 0.98
FILL_MS = 100  # between two of them: 40 s in all
TARGET_MS = 15.0
STATE_TARGET_MS = 100.0

LOW_MS = FIRST_MS + 45_000  # after the fill: from the next second on every row is over its line
HOLD_S = 70  # to second 56 of the minute that is timed
_LOW = {"open_line": 1, "close_line": 0, "critical_line": 100, "open_hold_s": HOLD_S}
_HIGH = {**_LOW, "open_line": 100}


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Three rows. Raises BenchFault."""
    with on_cpu(SERVER_CPU):
        full = _filled()
        judged_ms, shown_ms, packed_ms = [], [], []
        for number in range(effort.rounds):
            # Each round is the same minute: were they to follow one another, the feed would fall silent in the end.
            judged_ms.append(_mean_ms(Engine.restore(full, marks="none"), effort.seconds))
            shown_ms.append(_mean_ms(Engine.restore(full, marks="seconds"), effort.seconds))
            packed_ms.append(_pack_ms(Engine.restore(full, marks="none")))
            say(
                f"round {number + 1}: judged {judged_ms[-1]:.1f} ms, judged and shown {shown_ms[-1]:.1f} ms, "
                f"packed {packed_ms[-1]:.1f} ms"
            )
    unit = f"ms {LOWER_IS_BETTER}"
    return [
        row(f"whole-second evaluation of {AGENTS:,} agents", unit=unit, ours=judged_ms, target=TARGET_MS),
        row(f"whole-second evaluation of {AGENTS:,} agents, with the board", unit=unit, ours=shown_ms),
        row(f"checkpoint of {AGENTS:,} agents", unit=unit, ours=packed_ms, target=STATE_TARGET_MS),
    ]


def _filled() -> bytes:
    """The state of an engine that knows a whole centre."""
    engine = Engine(marks="none")
    engine.step(_lines(FIRST_MS, 1, _HIGH))
    entries = block_entries(4, first_ms=FIRST_MS + FILL_MS, step_ms=FILL_MS, events_each=BLOCK)
    for at_ms, fields in islice(entries, FILL_BLOCKS):
        engine.step(Entry(EntryId(at_ms, 0), fields))
    engine.step(_lines(LOW_MS, 2, _LOW))
    state = engine.snapshot()
    _check(state)
    return state


def _lines(at_ms: int, revision: int, lines: dict[str, int]) -> Entry:
    document = {"revision": revision, "alerts": {"queue.strain": lines, "agent.strain": lines}}
    settings = Settings(revision=revision, digest=digest_of(document), document=document)
    return Entry(EntryId(at_ms, 0), settings_fields(settings))


def _check(state: bytes) -> None:
    """The rows that the figure is about are there, and over their line."""
    engine = Engine.restore(state)
    second_ms = (engine.position.ms // 1000 + 1) * 1000
    (board,) = engine.step(Entry(EntryId(second_ms, 0), tick_fields(second_ms))).signals
    agents = int((Agents(board).strain >= _LOW["open_line"]).sum())
    queues = int((Queues(board).strain >= _LOW["open_line"]).sum())
    if board.tenant != TENANT or agents < KNOWN_MIN * AGENTS or queues < KNOWN_MIN * QUEUES:
        raise BenchFault(f"only {agents} agents and {queues} queues are over their line")


def _pack_ms(engine: Engine) -> float:
    """Time of one snapshot, the first of its engine as well as any later one."""
    began_s = time.perf_counter()
    engine.snapshot()
    return 1000 * (time.perf_counter() - began_s)


def _mean_ms(engine: Engine, seconds: int) -> float:
    """Mean time of a whole second, over the seconds that follow the next whole minute.

    The second of the whole minute itself has other work and is left out.
    """
    minute_ms = (engine.position.ms // 60_000 + 1) * 60_000
    for at_ms in range(engine.position.ms // 1000 * 1000 + 1000, minute_ms + 1000, 1000):
        engine.step(Entry(EntryId(at_ms, 0), tick_fields(at_ms)))
    began_s = time.perf_counter()
    for at_ms in range(minute_ms + 1000, minute_ms + (seconds + 1) * 1000, 1000):
        report = engine.step(Entry(EntryId(at_ms, 0), tick_fields(at_ms)))
        if report.alerts:
            raise BenchFault(f"{len(report.alerts)} alerts changed in what should be a quiet second")
    return 1000 * (time.perf_counter() - began_s) / seconds
