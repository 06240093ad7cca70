"""Pictures of the alert feed, its history and its dialogs: `python -m tests.browser.look_alerts FOLDER [name ...]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import alert_scenes
import scenes
from chromium import Browser, Page, find_browser
from fake_feed import TOKEN, FakeFeed
from look import SETTLE_S, take

from tools.web_build import build_page

SIZES = (("1440", 1440, 900), ("390", 390, 844))


async def feed_as_it_is(page: Page) -> None:
    await page.sees(".alert-list", "agent-02")


async def unfolded(page: Page) -> None:
    await page.click('[data-alert="a-1"] [data-control=snooze]')
    await page.click('[data-alert="a-3"] [data-control=note]')
    await page.click('[data-alert="a-5"] [data-control=fold]')
    await page.click('[data-alert="a-2"] [data-control=fold]')
    await page.click('[data-alert="a-2"] [data-control=assign]')
    await page.click(".held-back button")


async def history(page: Page) -> None:
    await page.js("location.hash = '#history'")
    await page.wait("document.querySelectorAll('.log-row').length > 5 && document.querySelector('.rule')")
    await page.click('[data-log="a-21"] button')


async def told(page: Page) -> None:
    await page.click(".told-button")
    await page.click("[data-pref=sound]")
    await page.click("[data-pref=quiet]")


async def keys(page: Page) -> None:
    await page.press("?")
    await page.wait("document.querySelector('dialog[open]')")


STATES: dict[str, Callable[[Page], Awaitable[None]]] = {
    "feed": feed_as_it_is, "unfolded": unfolded, "history": history, "told": told, "keys": keys,
}  # fmt: skip


async def main(folder: Path, names: list[str]) -> None:
    program = find_browser()
    assert program, "no Chromium found: apt-get install chromium"
    async with Browser(program) as browser, FakeFeed(build_page(), board_every_s=1) as feed:
        feed.queues, feed.agents, feed.breaks = scenes.strained_queues, scenes.strained_agents(), scenes.breaks()
        feed.rules = alert_scenes.rules()
        for alert in alert_scenes.every():
            await feed.publish(alert)
        for name in names or list(STATES):
            for size, width, height in SIZES:
                for look, dark, languages in (("light", False, "en-US"), ("dark-zh", True, "zh-CN")):
                    page = await browser.open(f"{feed.url}#token={TOKEN}", width, height, dark, languages)
                    await page.wait("document.querySelector('[data-alert=\"a-3\"]')")
                    await STATES[name](page)
                    await asyncio.sleep(SETTLE_S / 2)
                    await take(page, folder / f"{name}-{size}-{look}.png", whole=name not in ("told", "keys"))
                    await page.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
