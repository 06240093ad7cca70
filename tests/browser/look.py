"""Pictures of the page in every state, to be looked at: `python -m tests.browser.look FOLDER [STATE...]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import scenes
from chromium import Browser, Page, find_browser
from fake_feed import TOKEN, FakeFeed

from tools.web_build import build_page

STATES = ("signed-out", "empty", "calm", "strained", "chinese", "stale", "reconnecting", "naughty")
SIZES = (("1440", 1440, 900), ("390", 390, 844))
SETTLE_S = 2.0  # for boards and bars to come to rest


async def main(folder: Path, states: Sequence[str]) -> None:
    program = find_browser()
    assert program, "no Chromium found: apt-get install chromium"
    async with Browser(program) as browser, FakeFeed(build_page(), board_every_s=1) as feed:
        for state in states:
            await show(browser, feed, state, folder)


async def show(browser: Browser, feed: FakeFeed, state: str, folder: Path) -> None:
    feed.boards, feed.data_age_s, feed.drivers_off = True, 0.4, []
    feed.live.clear()
    feed.breaks = []
    if state == "empty":
        feed.queues, feed.agents, feed.data_age_s = (lambda ago_s: []), [], None
    elif state == "calm":
        feed.queues, feed.agents, feed.drivers_off = scenes.calm_queues, scenes.calm_agents(), ["agent.complaints"]
    else:
        feed.queues, feed.agents, feed.breaks = scenes.strained_queues, scenes.strained_agents(), scenes.breaks()
        feed.live.update({alert.id: alert for alert in scenes.strained_alerts()})
    if state == "naughty":
        feed.agents = [scenes.agent(scenes.NAUGHTY * 3, ("occupancy", 71, 97, "%"), state="acw", since_s=3, work_s=9)]
        feed.live["a-9"] = scenes.alert(9, title=f"{scenes.NAUGHTY} is strained", drivers=[])
    languages = "zh-CN" if state == "chinese" else "en-US"
    url = feed.url if state == "signed-out" else f"{feed.url}#token={TOKEN}"
    pages = [
        (f"{state}-{name}-{'dark' if dark else 'light'}", await browser.open(url, width, height, dark, languages))
        for name, width, height in SIZES
        for dark in (False, True)
    ]
    for _, page in pages:
        if state not in ("signed-out", "empty"):
            await page.wait("document.querySelector('[data-queue]')")
        await page.settle()
    if state == "stale":
        feed.boards = False
        for _, page in pages:
            await page.sees(".connection", "Stale")
    if state == "reconnecting":
        feed.accepting = False
        feed.drop()
        for _, page in pages:
            await page.sees(".connection", "Reconnecting")
    for name, page in pages:
        await take(page, folder / f"{name}.png")
        await page.close()
    feed.accepting = True


async def take(page: Page, path: Path, whole: bool = True) -> None:
    if whole:
        await page.js("scrollTo(0, 0)")  # or the head of the page would stand in its middle
    await page.picture(path, whole)
    size = await page.js("[document.documentElement.scrollWidth, innerWidth]")
    wide = " TOO WIDE" if size[0] > size[1] else ""
    print(path.name, size, wide, *page.faults[:2])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] or STATES))
