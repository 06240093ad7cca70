"""Waits for what no page shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chromium import WAIT_S, Page


async def becomes(condition: Callable[[], Any]) -> None:
    """Waits for something on this side: the stand-ins for a server tell nobody what came."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def together(one: Page, two: Page, count: str, least: int) -> None:
    """Waits until both pages have counted so much between them."""
    async with asyncio.timeout(WAIT_S):
        while await one.js(count) + await two.js(count) < least:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


TOLD = """new Promise((done) => setTimeout(done, 600)).then(async () => {
  for (let i = 0; i < 4; i++) await navigator.locks.query();
})"""


async def told(*pages: Page) -> None:
    """Waits until pages have decided on telling what they show: they gather for 300 ms by the timers that this waits by
    too, and then ask for locks, whose answers come in order."""
    for page in pages:
        await page.js(TOLD)
