"""Pictures of the shell in every state, to be looked at: `python -m tests.browser.look_shell FOLDER [WORD]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import scenes
from chromium import Browser, Page, find_browser
from fake_feed import TOKEN, FakeFeed
from fake_house import AGENT, FakeHouse, own_day
from look import take

from tools.web_build import build_page

SIZES = (("1440", 1440, 900), ("390", 390, 844))
LANGUAGES = ("en-US", "zh-CN")
SETTLE_S = 1.5


async def signed_out(house: FakeHouse, page: Page) -> None:
    await page.sees("h1", "")


async def own(house: FakeHouse, page: Page) -> None:
    await page.wait("document.querySelector('.own-stored')")


async def report(house: FakeHouse, page: Page) -> None:
    await page.wait("document.querySelector('article.report')")


async def between(house: FakeHouse, page: Page) -> None:
    await report(house, page)
    await page.click("[data-period=between]")


async def you(house: FakeHouse, page: Page) -> None:
    await page.wait("document.querySelector('.views')")
    await page.click(".you-button")


State = tuple[str, Callable[[FakeHouse, Page], Awaitable[None]]]
STATES: dict[str, State] = {
    "token": ("", signed_out),
    "issuer": ("", signed_out),
    "own": ("#token=x", own),
    "own-calm": ("#token=x", own),
    "report": ("#report", report),
    "between": ("#report", between),
    "you": ("#token=x", you),
}


async def main(folder: Path, only: str = "") -> None:
    program = find_browser()
    assert program, "no Chromium found: apt-get install chromium"
    dist = build_page()
    async with Browser(program) as browser:
        for name, (address, get_there) in STATES.items():
            if only in name:
                await show(browser, dist, name, address, get_there, folder)
        if only in "board":
            await board(browser, dist, folder)


async def show(browser: Browser, dist: Path, name: str, address: str, get_there: object, folder: Path) -> None:
    async with FakeHouse(dist, scenes.strained_queues) as house:
        if name.startswith("own"):
            house.me = {**AGENT, "may": ["own", "check_in"]}
        if name == "own-calm":
            house.day = own_day(strain=0.0, drivers=[], break_min=None, state="available")
        if name == "issuer":
            house.oidc = {"issuer": "https://login.example.org", "client_id": "strainwatch", "scope": "openid"}
        for size, width, height in SIZES:
            for language in LANGUAGES:
                for dark in (False, True):
                    kept = "sessionStorage.setItem('strainwatch.token', 'x')" if address == "#report" else ""
                    page = await browser.open(f"{house.url}{address}", width, height, dark, language)
                    if kept:
                        await page.js(f"{kept};0")
                        await page.inner.reload()
                    await get_there(house, page)  # type: ignore[operator]
                    await asyncio.sleep(0.4)
                    tone = "dark" if dark else "light"
                    await take(page, folder / f"{name}-{size}-{language[:2]}-{tone}.png")
                    await page.close()


async def board(browser: Browser, dist: Path, folder: Path) -> None:
    async with FakeFeed(dist, board_every_s=1) as feed:
        feed.queues, feed.agents, feed.breaks = scenes.strained_queues, scenes.strained_agents(), scenes.breaks()
        feed.live.update({alert.id: alert for alert in scenes.strained_alerts()})
        for size, width, height in SIZES:
            for dark in (False, True):
                page = await browser.open(f"{feed.url}#token={TOKEN}", width, height, dark)
                await page.wait("document.querySelector('[data-queue]')")
                await asyncio.sleep(SETTLE_S)
                await take(page, folder / f"board-{size}-{'dark' if dark else 'light'}.png", whole=False)
                await page.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
