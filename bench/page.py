"""The lead's page in a real browser: first paint of the board, a frame of new scores applied, and its size.

`serve all` with its embedded log, filled with events as an ACD sends them; headless Chromium on the same machine. Each
round opens a page of its own with nothing cached. There is no peer: the targets are absolute.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.effort import Effort, Skipped
from bench.end_to_end import AOF, EVENTS_PATH, House, accepted, fill, serving
from bench.poster import Poster
from bench.rows import LOWER_IS_BETTER, Row, row
from tools.web_build import build_page

BROWSER = Path(__file__).parents[1] / "tests" / "browser"
PAINT_AGENTS, PAINT_QUEUES = 500, 40
FRAME_AGENTS, FRAME_QUEUES = 2_000, 80
FRAMES = 10
"""Frames of one round, of which the median counts: the first ones also warm the code up."""
PAINT_MS_MAX, FRAME_MS_MAX, KB_MAX = 1_000, 16, 150


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """First paint and frame of each round, and the size. Raises Skipped, BenchFault."""
    if str(BROWSER) not in sys.path:
        sys.path.insert(0, str(BROWSER))
    from chromium import find_browser  # type: ignore[import-not-found]

    program = find_browser()
    if program is None:
        raise Skipped("there is no Chromium on this machine (Debian: apt-get install chromium)")
    files = [file for file in build_page().rglob("*") if file.is_file() and not file.name.startswith(".")]
    size_kb = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1000
    with serving() as house:
        paints_ms = asyncio.run(_paints(house, program, effort.rounds, say))
    with serving() as house:
        frames_ms = asyncio.run(_frames(house, program, effort.rounds, say))
    unit = f"ms {LOWER_IS_BETTER}"
    paint = f"page first paint, {PAINT_AGENTS} agents, {PAINT_QUEUES} queues"
    return [
        row(paint, aof=AOF, unit=unit, ours=paints_ms, target=PAINT_MS_MAX),
        row(f"page frame applied, {FRAME_AGENTS:,} agents", aof=AOF, unit=unit, ours=frames_ms, target=FRAME_MS_MAX),
        row("page size, gzipped", unit=f"KB {LOWER_IS_BETTER}", ours=[size_kb] * effort.rounds, target=KB_MAX),
    ]


async def _filled(house: House, agents: int, queues: int) -> str:
    """The address of a lead's page, once the centre is known."""
    async with Poster(house.port, EVENTS_PATH, house.key) as poster:
        await accepted(poster)
    await fill(house, agents, queues, 0)
    return f"http://127.0.0.1:{house.port}/#token={house.token}"


async def _paints(house: House, program: str, rounds: int, say: Callable[[str], None]) -> list[float]:
    from chromium import Browser
    from measures import FIRST_PAINT  # type: ignore[import-not-found]

    url = await _filled(house, PAINT_AGENTS, PAINT_QUEUES)
    took_ms = []
    async with Browser(program) as browser:
        for number in range(rounds + 1):
            page = await browser.open(url, 1440, 900, before=FIRST_PAINT)
            took_ms.append(float(await page.js("window.__painted")))
            await page.close()
            say(f"first paint, round {number or 'to warm up'}: {took_ms[-1]:.0f} ms")
    return took_ms[1:]  # the browser's own start is not the page's


async def _frames(house: House, program: str, rounds: int, say: Callable[[str], None]) -> list[float]:
    from chromium import Browser
    from measures import APPLY

    url = await _filled(house, FRAME_AGENTS, FRAME_QUEUES)
    took_ms = []
    async with Browser(program) as browser:
        for number in range(rounds):
            page = await browser.open(url, 1440, 900, before=APPLY)
            await page.wait(f"window.__took.length >= {FRAMES}")
            took_ms.append(median(map(float, await page.js("window.__took"))))
            await page.close()
            say(f"frame, round {number + 1}: {took_ms[-1]:.1f} ms")
    return took_ms
