"""axe looks at the alert feed, its forms, its history and its dialogs, light and dark."""

from __future__ import annotations

import alert_scenes
import look_alerts
import pytest
from axe import NEEDS_AXE, finds
from chromium import Browser
from fake_feed import TOKEN, FakeFeed
from marks import IN_BROWSER

pytestmark = [*IN_BROWSER, NEEDS_AXE]


@pytest.mark.parametrize("state", list(look_alerts.STATES))
async def test_axe_finds_nothing(feed: FakeFeed, browser: Browser, state: str) -> None:
    feed.rules = alert_scenes.rules()
    for alert in alert_scenes.every():
        await feed.publish(alert)
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.wait("document.querySelector('[data-alert=\"a-3\"]')")
    await look_alerts.STATES[state](page)
    for dark in (False, True):
        await page.look(1280, 900, dark)
        assert await finds(page) == [], f"dark: {dark}"
