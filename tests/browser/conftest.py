"""The page's build, one browser, and the stand-ins for a server, for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import floors
import pytest
import pytest_asyncio
import scenes
from chromium import Browser, find_browser
from fake_feed import FakeFeed
from fake_house import FakeHouse

from tools.web_build import build_page


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built page."""
    return build_page()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    program = find_browser()
    assert program
    async with Browser(program) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The one browser, without the pages of the test before."""
    yield chromium
    await chromium.close_pages()


@pytest_asyncio.fixture(loop_scope="session")
async def feed(dist: Path) -> AsyncIterator[FakeFeed]:
    """A strained floor, and a day of one of its queues and of one agent."""
    async with FakeFeed(dist) as feed:
        feed.queues, feed.agents = scenes.strained_queues, scenes.strained_agents()
        feed.courses = {
            ("queue", "Billing"): floors.day("queue", "Billing"),
            ("agent", "agent-02"): floors.day("agent", "agent-02"),
        }
        yield feed


@pytest_asyncio.fixture(loop_scope="session")
async def house(dist: Path) -> AsyncIterator[FakeHouse]:
    """A server behind something that lets no websocket through, with sign-in, reports and the own day."""
    async with FakeHouse(dist, scenes.strained_queues) as house:
        yield house
