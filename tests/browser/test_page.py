"""The team lead's page in a real browser, against a feed that does as the test tells it."""

from __future__ import annotations

import pytest
import pytest_asyncio
import scenes
from chromium import Browser, Page
from fake_feed import TOKEN, FakeFeed
from marks import IN_BROWSER
from waits import becomes

from shared.contract.frames import GoodbyeCode
from shared.contract.signals import BreakCost, BreakDue

pytestmark = IN_BROWSER
BILLING = '[data-queue="Billing"]'


@pytest_asyncio.fixture(loop_scope="session")
async def page(feed: FakeFeed, browser: Browser) -> Page:
    """Signed in by a link, with the board on it."""
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.wait(f"document.querySelector('{BILLING}')")
    return page


async def test_a_lead_signs_in_with_a_pasted_token(feed: FakeFeed, browser: Browser) -> None:
    page = await browser.open(feed.url)
    await page.type("#token", TOKEN)
    await page.press("Enter")
    await page.wait(f"document.querySelector('{BILLING}')")
    assert feed.received[0] == {"kind": "authenticate", "token": TOKEN}


async def test_a_token_in_a_link_leaves_the_address_and_is_never_sent_in_one(page: Page) -> None:
    assert TOKEN not in await page.js("location.href")
    assert await page.js("sessionStorage.getItem('strainwatch.token')") == TOKEN
    assert await page.js("localStorage.length + document.cookie.length") == 0
    assert not [url for url in page.requests if TOKEN in url.partition("#")[0]]


async def test_a_refused_token_is_forgotten_and_the_page_says_what_to_do(feed: FakeFeed, browser: Browser) -> None:
    hurried = "const real = setTimeout; window.setTimeout = (then, ms, ...more) => real(then, ms / 20, ...more);"
    page = await browser.open(f"{feed.url}#token=wrong", before=hurried)
    await page.sees(".stopped", "was not accepted")
    assert await page.js("sessionStorage.length") == 0
    await page.js("new Promise((done) => setTimeout(done, 5000))")  # longer than the first delay of a reconnect
    assert len(feed.received_of("authenticate")) == 1


async def test_the_board_shows_strain_in_number_word_and_reasons(page: Page) -> None:
    await page.sees(f"{BILLING} .level", "Critical")
    words = await page.text(BILLING)
    for expected in ("Waiting\n27", "8 min 18 s", "Agents\n9", "Load per agent 134 %"):
        assert expected in words
    await page.wait(f"document.querySelector('{BILLING} .sparkline path')")


async def test_the_parts_of_the_bar_add_up_to_the_strain(feed: FakeFeed, page: Page) -> None:
    feed.boards = False
    widths = "[...document.querySelectorAll('[data-queue=\"Billing\"] .segment')].map(e => parseFloat(e.style.width))"
    points = "[...document.querySelectorAll('[data-queue=\"Billing\"] .driver-points')].map(e => +e.textContent)"
    strain = float(await page.text(f"{BILLING} .strain"))
    assert abs(sum(await page.js(widths)) - strain) <= 0.5
    assert sum(await page.js(points)) == strain


async def test_agents_who_could_use_support_come_first_without_a_rank(page: Page) -> None:
    names = await page.js("[...document.querySelectorAll('.agents-first .name')].map(e => e.innerText)")
    assert names == ["agent-02", "agent-06"]
    assert "Long stretch without a break: 2 h 25 min" in await page.text('[data-agent="agent-02"]')
    assert await page.js("document.querySelectorAll('ol').length") == 0


async def test_an_alert_appears_and_a_critical_one_is_announced_at_once(feed: FakeFeed, page: Page) -> None:
    await feed.publish(scenes.alert(1))
    await page.sees('[data-alert="a-1"]', "Queue Billing is under strain")
    await page.wait("document.querySelector('[aria-live=polite]').textContent.includes('Queue Billing')")
    assert not await page.js("document.querySelector('.announcer [role=alert]').textContent")
    await feed.publish(scenes.critical_for_bo())
    await page.wait("document.querySelector('.announcer [role=alert]').textContent.includes('agent-02 has had')")
    assert await page.js("document.title") == "(2) Strainwatch"
    assert await page.js("[...document.querySelectorAll('.alert-list [data-alert]')].map(e => e.dataset.alert)") == [
        "a-3",
        "a-1",
    ]


async def test_acknowledge_sends_the_frame_and_shows_the_change_only_when_it_comes_back(
    feed: FakeFeed, page: Page
) -> None:
    feed.answer_actions = False
    await feed.publish(scenes.alert(1))
    await page.click('[data-alert="a-1"] button')
    await becomes(lambda: feed.received_of("acknowledge") == [{"kind": "acknowledge", "alert": "a-1"}])
    await page.wait("document.querySelector('[data-alert=\"a-1\"] .button').ariaDisabled === 'true'")
    assert "looks after it" not in await page.text('[data-alert="a-1"]')
    await feed.publish(scenes.alert(1, phase="acknowledged", owner="lena@example.org"))
    await page.sees('[data-alert="a-1"]', "lena@example.org looks after it")
    assert not await page.js("document.querySelector('[data-alert=\"a-1\"] [data-control=acknowledge]')")


async def test_a_refusal_is_shown_at_its_alert(feed: FakeFeed, page: Page) -> None:
    feed.refusal = "lead-01 was first."
    await feed.publish(scenes.alert(1))
    await page.click('[data-alert="a-1"] button')
    await page.sees('[data-alert="a-1"] .alert-problem', "lead-01 was first.")
    assert await page.js("document.querySelector('[data-alert=\"a-1\"] button').ariaDisabled") == "false"


async def test_an_alert_that_ends_moves_to_the_recently_over(feed: FakeFeed, page: Page) -> None:
    await feed.publish(scenes.alert(1))
    await page.sees(".alert-list", "Queue Billing")
    await feed.publish(scenes.alert(1, phase="resolved"))
    await page.sees(".over", "Queue Billing")
    await page.sees(".nothing", "Nothing needs you now")


async def test_held_back_alerts_are_shown_when_asked_for_with_the_reason(feed: FakeFeed, browser: Browser) -> None:
    feed.live.update({alert.id: alert for alert in scenes.strained_alerts()})
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.sees(".held-back button", "Show 1 held back")
    assert not await page.js("document.querySelector('[data-alert=\"a-4\"]')")
    await page.click(".held-back button")
    await page.sees('[data-alert="a-4"]', "covered by “Queue Billing is under strain”")


async def test_a_board_that_stops_turns_grey_and_says_so(feed: FakeFeed, page: Page) -> None:
    await page.sees(".nothing", "Nothing needs you now")
    feed.boards = False
    await page.sees(".connection", "Stale")
    await page.sees(".blind-notice", "the past, not now")
    assert await page.js("getComputedStyle(document.querySelector('.now')).filter") == "grayscale(1)"
    assert await page.text(f"{BILLING} .level") == "Was critical"
    assert "Nothing needs you now" not in await page.text("body")
    feed.boards = True
    await page.sees(".connection", "Live")


async def test_boards_without_events_are_not_called_calm(feed: FakeFeed, page: Page) -> None:
    feed.data_age_s = 300.0
    await page.sees(".connection", "No events for 5 min")
    await page.sees(".blind-notice", "Quiet here does not mean quiet there")


async def test_a_lost_connection_resumes_after_the_last_change_seen(feed: FakeFeed, page: Page) -> None:
    cursor = await feed.publish(scenes.alert(1))
    await page.sees(".alert-list", "Queue Billing")
    feed.accepting = False
    feed.drop()
    await page.sees(".connection", "Reconnecting")
    assert await page.js("document.querySelector('[data-alert=\"a-1\"] button').ariaDisabled") == "true"
    await feed.publish(scenes.critical_for_bo())  # happens while the page is away
    feed.accepting = True
    await page.sees('[data-alert="a-3"]', "agent-02 has had")
    await page.sees(".connection", "Live")
    assert feed.received_of("resume")[-1] == {"kind": "resume", "epoch": "epoch-1", "cursor": cursor}


async def test_a_place_the_server_no_longer_knows_gives_the_full_list(feed: FakeFeed, page: Page) -> None:
    await feed.publish(scenes.alert(1))
    await page.sees(".alert-list", "Queue Billing")
    feed.log.clear()
    feed.live = {"a-3": scenes.critical_for_bo()}
    feed.drop()
    await page.sees('[data-alert="a-3"]', "agent-02 has had")
    assert not await page.js("document.querySelector('[data-alert=\"a-1\"]')")


async def test_a_goodbye_for_good_signs_out_and_says_what_to_do(feed: FakeFeed, page: Page) -> None:
    await feed.goodbye(GoodbyeCode.FORBIDDEN, "agents have their own page", reconnect=False)
    await page.sees(".stopped", "Ask for one with the role lead")
    await page.sees(".stopped", "agents have their own page")


async def test_a_restarting_server_is_come_back_to(feed: FakeFeed, page: Page) -> None:
    await feed.goodbye(GoodbyeCode.RESTARTING, "restarting", reconnect=True)
    await becomes(lambda: len(feed.received_of("authenticate")) == 2)
    await page.sees(".connection", "Live")


async def test_who_is_due_for_a_break_is_listed_with_what_it_costs_callers(feed: FakeFeed, page: Page) -> None:
    await page.sees("#breaks ~ .empty", "Nobody is due for a break right now.")
    feed.breaks = scenes.breaks()
    await page.sees('[data-break="agent-02"]', "17 min suggested")
    seen = await page.text('[data-break="agent-02"]')
    assert "On a contact · 2 h 25 min of work since a break" in seen
    assert "About 17 min of break until below the line" in seen
    assert "Billing\n+49 s\nPredicted wait 6 min 52 s, with one agent less 7 min 41 s" in seen
    assert "Loans\nPredicted wait stays at 1 min 36 s" in seen
    assert "More queues: 1" in seen
    assert "Cards\nEffect not known" in await page.text('[data-break="agent-03"]')
    assert "About 17 min of break until below the line" in await page.text('[data-agent="agent-02"]')
    assert "until below the line" not in await page.text('[data-agent="agent-03"]')


async def test_all_who_are_due_can_be_shown_by_keyboard_in_the_order_given(feed: FakeFeed, page: Page) -> None:
    feed.breaks = scenes.breaks()
    await page.sees("#breaks ~ p button", "Show all 6")
    listed = "[...document.querySelectorAll('[data-break]')].map(each => each.dataset.break)"
    assert await page.js(listed) == [due.agent for due in feed.breaks[:4]]
    await page.js("document.querySelector('#breaks ~ p button').focus()")
    await page.press("Enter")
    await page.sees("#breaks ~ p button", "Show fewer")
    assert await page.js(listed) == [due.agent for due in feed.breaks]


async def test_breaks_are_told_in_chinese(feed: FakeFeed, browser: Browser) -> None:
    feed.breaks = scenes.breaks()
    page = await browser.open(f"{feed.url}#token={TOKEN}", languages="zh-CN")
    await page.sees('[data-break="agent-02"]', "建议休息 17 分钟")
    seen = await page.text('[data-break="agent-02"]')
    assert "休息约 17 分钟可降到提醒线以下" in seen
    assert "+49 秒\n预计等待 6 分 52 秒，少一名坐席时 7 分 41 秒" in seen
    assert "休息约 17 分钟可降到提醒线以下" in await page.text('[data-agent="agent-02"]')


async def test_nobody_is_due_is_said_only_where_it_can_be_known(feed: FakeFeed, page: Page) -> None:
    feed.drivers_off = ["agent.since_break"]
    await page.sees("#breaks ~ .empty", "the ACD does not say who is on a break")
    feed.boards = False
    await page.sees(".connection", "Stale")
    await page.sees("#breaks ~ .empty", "Not known while the board is not live.")


async def test_names_that_mean_harm_are_only_text(feed: FakeFeed, browser: Browser) -> None:
    naughty = scenes.NAUGHTY
    feed.queues = lambda ago_s: [scenes.queue(naughty, ("constructor", 70, None, ""), waiting=1, longest_s=1, agents=1)]
    feed.agents = [scenes.agent(naughty, ("__proto__", 70, 1, "x"), state=naughty, since_s=1, work_s=1)]
    feed.breaks = [BreakDue(naughty, None, naughty, 70.0, 1.0, 1, 5, [BreakCost(naughty, 1.0, 2.0, 1.0)])]
    feed.live["a-1"] = scenes.alert(1, title=naughty, phase="acknowledged", owner=naughty)
    page = await browser.open(f"{feed.url}#token={TOKEN}", 390, 844)
    await page.wait("document.querySelector('.agents-first .name')")
    names = await page.js("[...document.querySelectorAll('.name')].map(e => e.textContent)")
    assert names == [naughty] * 5
    assert await page.js("document.querySelectorAll('img').length") == 0
    assert await page.js("document.title") == "Strainwatch"
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")


async def test_before_the_first_event_the_page_shows_how_to_send_one(feed: FakeFeed, browser: Browser) -> None:
    feed.queues, feed.agents, feed.data_age_s = (lambda ago_s: []), [], None
    page = await browser.open(f"{feed.url}#token={TOKEN}")
    await page.sees(".first-event pre", f"curl {feed.url}v1/events")
    assert "Nothing needs you now" not in await page.text("body")


async def test_chinese_is_chosen_by_the_browser_and_english_by_the_switch(feed: FakeFeed, browser: Browser) -> None:
    page = await browser.open(f"{feed.url}#token={TOKEN}", languages="zh-CN")
    await page.sees("h2", "队列")
    await feed.publish(scenes.critical_for_bo())
    await page.sees(".alert-title", "agent-02 连续高负荷")
    assert await page.js("document.documentElement.lang") == "zh-CN"
    await page.click(".you-button")
    await page.click(".languages button[lang=en]")
    await page.sees("h2", "Queues")
    await page.sees(".alert-title", "agent-02 has had")


async def test_the_page_keeps_to_its_policy_and_asks_nobody_else(feed: FakeFeed, page: Page) -> None:
    await feed.publish(scenes.critical_for_bo())
    await page.sees(".alert-list", "agent-02")
    await page.wait("document.querySelector('.sparkline path')")
    assert page.faults == []
    assert [url for url in page.requests if not url.startswith(feed.url)] == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_is_wider_than_the_screen_and_all_can_be_reached_by_keyboard(
    feed: FakeFeed, page: Page, width: int
) -> None:
    await page.look(width, 844)
    await feed.publish(scenes.alert(1))
    await page.sees(".alert-list", "Queue Billing")
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    reached = set()
    for _ in range(10):
        await page.press("Tab")
        reached.add(await page.js("document.activeElement.innerText"))
    assert {"Skip to the content", "Board", "History", "Report", "Acknowledge"} <= reached
    assert await page.js("document.querySelector('.you-button').tabIndex") == 0
