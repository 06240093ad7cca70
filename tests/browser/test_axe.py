"""axe looks at every view of the shell, light and dark, and at the board."""

from __future__ import annotations

import look_shell
import pytest
import scenes
from axe import NEEDS_AXE, finds
from chromium import Browser
from fake_feed import TOKEN, FakeFeed
from fake_house import AGENT, FakeHouse
from marks import IN_BROWSER

pytestmark = [*IN_BROWSER, NEEDS_AXE]


SEEN = ((1440, False), (390, True))
"""Wide in light colours, narrow in dark ones."""


@pytest.mark.parametrize("state", list(look_shell.STATES))
async def test_axe_finds_nothing_in_the_shell(house: FakeHouse, browser: Browser, state: str) -> None:
    address, get_there = look_shell.STATES[state]
    if state.startswith("own"):
        house.me = {**AGENT, "may": ["own", "check_in"]}
    if state == "issuer":
        house.oidc = {"issuer": "https://login.example.org", "client_id": "strainwatch", "scope": "openid"}
    page = await browser.open(house.url + ("#token=x" if address else ""), 1440, 900)
    if address == "#report":
        await page.click('.views a[href="#report"]')
    await get_there(house, page)
    for width, dark in SEEN:
        await page.look(width, 900, dark)
        assert await finds(page) == [], (width, dark)


async def test_axe_finds_nothing_on_the_board(feed: FakeFeed, browser: Browser) -> None:
    feed.breaks = scenes.breaks()
    feed.live.update({alert.id: alert for alert in scenes.strained_alerts()})
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.wait("document.querySelector('[data-queue]') && document.querySelector('[data-alert]')")
    for width, dark in SEEN:
        await page.look(width, 900, dark)
        assert await finds(page) == [], (width, dark)
