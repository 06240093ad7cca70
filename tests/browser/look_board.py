"""Pictures of the board and its drill-down, to be looked at: `python -m tests.browser.look_board FOLDER [STATE...]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import floors
import scenes
from chromium import Browser, Page, find_browser
from fake_feed import TOKEN, FakeFeed

from tools.web_build import build_page

SIZES = ((1440, 900), (390, 844))
LOOKS = ((False, "en-US"), (True, "zh-CN"))
STATES = ("small", "large", "found", "queue", "agent", "absent", "names")
SETTLE_S = 3.0


async def main(folder: Path, states: tuple[str, ...]) -> None:
    program = find_browser()
    assert program, "no Chromium found: apt-get install chromium"
    async with Browser(program) as browser, FakeFeed(build_page(), board_every_s=1) as feed:
        for state in states:
            for width, height in SIZES:
                for dark, languages in LOOKS:
                    await show(browser, feed, state, folder, width, height, dark, languages)


async def show(
    browser: Browser, feed: FakeFeed, state: str, folder: Path, width: int, height: int, dark: bool, languages: str
) -> None:
    feed.queues, feed.agents, feed.breaks = scenes.strained_queues, scenes.strained_agents(), scenes.breaks()
    feed.live = {alert.id: alert for alert in scenes.strained_alerts()}
    feed.courses = {
        ("queue", "Billing"): floors.day("queue", "Billing"),
        ("agent", "agent-02"): floors.day("agent", "agent-02"),
    }
    if state in ("large", "found"):
        rows = floors.queues(40)
        feed.queues, feed.agents = (lambda ago_s: rows), floors.agents(500, 4)
    if state == "names":
        names = (scenes.NAUGHTY * 3, "مركز الاتصال الرئيسي", "🧯🚒 Émile 👩🏽‍🚒", "x" * 200, "客户服务一组")
        feed.agents = [
            scenes.agent(name, ("occupancy", 20.0 + 11 * n, 97, "%"), state="acw", since_s=3, work_s=9)
            for n, name in enumerate((*names, *(f"{name} 2" for name in names)))
        ]
        feed.queues = lambda ago_s: [
            scenes.queue(f"{name}{n}", ("offered_load", 9.0 * n, 97, "%"), waiting=n, longest_s=60 * n, agents=n,
                         issues=((name, 40.0),))
            for n, name in enumerate((*names, *names))
        ]  # fmt: skip
    opened = {"queue": "#queue/Billing", "agent": "#agent/agent-02", "absent": "#agent/nobody"}.get(state)
    page = await browser.open(f"{feed.url}#token={TOKEN}", width, height, dark, languages)
    await page.wait("document.querySelector('[data-queue]')")
    if opened:
        await page.js(f"location.hash = '{opened}'")
        await page.wait("document.querySelector('dialog.course')")
    if state == "found":
        await page.type("#find", "team 2 break" if languages == "en-US" else "team 2 休息")
    await asyncio.sleep(SETTLE_S)
    name = f"{state}-{width}-{'dark' if dark else 'light'}-{languages[:2]}"
    await take(page, folder / f"{name}.png", whole=opened is None and state != "large")
    if state == "large":
        await page.js("scrollTo(0, document.querySelector('.queue-rows').getBoundingClientRect().top + scrollY - 420)")
        await asyncio.sleep(0.5)
        await take(page, folder / f"{name}-queues.png", whole=False)
        await page.js("scrollTo(0, document.querySelector('.agent-rows').getBoundingClientRect().top + scrollY - 420)")
        await asyncio.sleep(0.5)
        await take(page, folder / f"{name}-agents.png", whole=False)
    if opened:
        await page.js("document.querySelector('dialog').scrollTo(0, 9999)")
        await asyncio.sleep(0.3)
        await take(page, folder / f"{name}-end.png", whole=False)
    await page.close()


async def take(page: Page, path: Path, whole: bool) -> None:
    if whole:
        await page.js("scrollTo(0, 0)")  # or the head of the page would stand in its middle
    await page.picture(path, whole)
    size = await page.js("[document.documentElement.scrollWidth, innerWidth]")
    print(path.name, size, " TOO WIDE" if size[0] > size[1] else "", *page.faults[:2])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), tuple(sys.argv[2:]) or STATES))
