"""What goes wrong while the page is open: tokens that end, teams that go, alerts that end first, notes meaning harm."""

from __future__ import annotations

import alert_scenes
import fake_desk
import pytest_asyncio
import scenes
from alert_scenes import OTHER
from chromium import Browser, Page
from fake_feed import TOKEN, FakeFeed
from marks import IN_BROWSER
from waits import becomes

from shared.contract.frames import GoodbyeCode

pytestmark = IN_BROWSER
QUEUE, AGENT = '[data-alert="a-1"]', '[data-alert="a-3"]'


@pytest_asyncio.fixture(loop_scope="session")
async def page(feed: FakeFeed, browser: Browser) -> Page:
    """With an alert about a queue and one about an agent."""
    for alert in (alert_scenes.queue(), alert_scenes.critical()):
        await feed.publish(alert)
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.wait(f"document.querySelector('{AGENT}') && document.querySelector('[data-agent]')")
    return page


async def test_a_token_that_ends_leaves_nothing_on_the_screen_and_another_goes_on(feed: FakeFeed, page: Page) -> None:
    await feed.goodbye(GoodbyeCode.TOKEN_EXPIRED, "the token ran out", reconnect=False)
    await page.sees(".stopped", "Your token has run out")
    assert not await page.js("document.querySelector('[data-queue], [data-agent], [data-alert]')")
    assert await page.js("sessionStorage.length") == 0
    assert await page.js("document.title") == "Strainwatch"
    await page.type("#token", TOKEN)
    await page.press("Enter")
    await page.wait(f"document.querySelector('{AGENT}') && document.querySelector('[data-queue]')")


async def test_what_belongs_to_a_team_that_was_taken_away_goes_from_list_board_and_day(
    feed: FakeFeed, page: Page
) -> None:
    await page.js("location.hash = '#agent/agent-02'")
    await page.sees("dialog figcaption", "Highest strain")
    feed.agents, feed.courses = [], {}
    del feed.live["a-3"]
    feed.log.clear()  # the place of the page is no longer known, so it is given the whole list
    feed.drop()
    await page.wait(f"!document.querySelector('{AGENT}') && document.querySelector('{QUEUE}')")
    await page.wait("!document.querySelector('[data-agent]')")
    await page.press("Escape")
    await page.wait("!location.hash")  # closing takes a turn of the page's loop
    await page.js("location.hash = '#agent/agent-02'")
    await page.sees("dialog .empty", "This is not on your board")
    assert "agent-02" not in await page.text(".board > .now")


async def test_an_alert_that_ends_while_it_is_set_aside_takes_its_form_along(feed: FakeFeed, page: Page) -> None:
    await page.click(f"{QUEUE} [data-control=snooze]")
    await page.wait(f"document.querySelector('{QUEUE} [data-control=snooze-10]')")
    await feed.publish(fake_desk.acted(feed.live["a-1"], {"kind": "close", "note": "It is over"}, by=OTHER))
    await page.sees(".over", "Queue Billing")
    assert not await page.js("document.querySelector('.alert-form')")
    assert feed.received_of("snooze") == []
    assert page.faults == []


async def test_who_closes_what_somebody_has_just_closed_is_told_and_loses_nothing(feed: FakeFeed, page: Page) -> None:
    feed.refusal = f"{OTHER} closed it already."
    await page.click(f"{QUEUE} [data-control=close]")
    await page.type(f"{QUEUE} textarea", "Two agents helped out")
    await page.click(f"{QUEUE} [data-control=note-send]")
    await page.sees(f"{QUEUE} .alert-problem", f"{OTHER} closed it already.")
    assert await page.js(f"document.querySelector('{QUEUE} textarea').value") == "Two agents helped out"


async def test_two_leads_at_once_the_second_is_told_who_was_first(feed: FakeFeed, page: Page, browser: Browser) -> None:
    other = await browser.open(f"{feed.url}#token={TOKEN}")
    await other.wait(f"document.querySelector('{QUEUE}')")
    feed.answer_actions = False
    await page.click(f"{QUEUE} [data-control=acknowledge]")
    await becomes(lambda: len(feed.received_of("acknowledge")) == 1)
    feed.refusal = f"{OTHER} was first."
    await other.click(f"{QUEUE} [data-control=acknowledge]")
    await feed.publish(fake_desk.acted(feed.live["a-1"], {"kind": "acknowledge"}, by=OTHER))
    for each in (page, other):
        await each.sees(QUEUE, f"{OTHER} looks after it")
    await other.click(f"{QUEUE} [data-control=fold]")
    await other.sees(f"{QUEUE} .alert-problem", f"{OTHER} was first.")


async def test_a_note_that_means_harm_is_only_text(feed: FakeFeed, page: Page) -> None:
    for text in (scenes.NAUGHTY, "x" * 280, "🧯👩🏽‍🚒 \u202eabc"):
        await feed.publish(fake_desk.acted(feed.live["a-1"], {"kind": "note", "text": text}, by=scenes.NAUGHTY))
    await page.click(f"{QUEUE} [data-control=fold]")
    await page.wait("document.querySelectorAll('.step-note').length >= 3")
    notes = await page.js("[...document.querySelectorAll('.step-note')].map(each => each.textContent)")
    assert {scenes.NAUGHTY, "x" * 280} <= set(notes)
    assert await page.js("document.querySelectorAll('img').length") == 0
    for width in (1280, 390):
        await page.look(width, 844)
        assert await page.js("document.documentElement.scrollWidth <= innerWidth")
