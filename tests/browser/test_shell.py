"""The shell of the page: ways through it, who is here, colours, the report, an agent's own day, and the stream."""

from __future__ import annotations

import pytest
import pytest_asyncio
import scenes
from chromium import Browser, Page
from fake_house import AGENT, FakeHouse, own_day
from marks import IN_BROWSER
from waits import becomes

pytestmark = IN_BROWSER


@pytest_asyncio.fixture(loop_scope="session")
async def page(house: FakeHouse, browser: Browser) -> Page:
    page = await browser.open(f"{house.url}#token=x")
    await page.sees(".views", "Report")
    return page


@pytest_asyncio.fixture(loop_scope="session")
async def own(house: FakeHouse, browser: Browser) -> Page:
    """An agent's page."""
    house.me = {**AGENT, "may": ["own", "check_in"]}
    page = await browser.open(f"{house.url}#token=x")
    await page.wait("document.querySelector('.own-check .button')")
    return page


async def goes_to(page: Page, view: str) -> None:
    await page.click(f'.views a[href="#{view}"]')
    await page.wait(f"document.querySelector('.views a[href=\"#{view}\"]').ariaCurrent === 'page'")


# --- ways


async def test_a_change_of_view_says_where_one_is_and_moves_the_focus_there(page: Page) -> None:
    assert await page.text('.views [aria-current="page"]') == "Board"
    await goes_to(page, "report")
    await page.wait("document.querySelector('article.report')")  # its code came later, and must not take the focus away
    await page.wait("document.activeElement.matches('main.report-view')")
    assert await page.js("document.querySelectorAll('.views [aria-current]').length") == 1
    await page.js("history.back()")
    await page.wait("document.querySelector('main.board')")
    assert await page.text('.views [aria-current="page"]') == "Board"


async def test_the_first_tab_skips_to_the_content_without_leaving_the_view(page: Page) -> None:
    await goes_to(page, "report")
    await page.wait("document.querySelector('article.report')")
    await page.js("document.activeElement.blur(); document.querySelector('.skip').focus()")
    await page.press("Enter")
    await page.wait("document.activeElement.matches('main.report-view')")
    assert await page.js("location.hash") == "#report"


async def test_language_and_colours_are_kept_in_this_browser(page: Page) -> None:
    await page.click(".you-button")
    await page.click('.you [data-choose="dark"]')
    await page.wait("getComputedStyle(document.body).backgroundColor === 'rgb(16, 20, 19)'")
    await page.click('.you [lang="zh-CN"]')
    await page.sees(".views", "看板")
    await page.inner.reload()
    await page.sees(".views", "看板")
    assert await page.js("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 19)"
    await page.look(1280, 900, dark=True)
    await page.click(".you-button")
    await page.click('.you [data-choose="light"]')
    await page.wait("getComputedStyle(document.body).backgroundColor === 'rgb(245, 246, 243)'")
    await page.click('.you [data-choose="system"]')
    await page.wait("getComputedStyle(document.body).backgroundColor === 'rgb(16, 20, 19)'")


async def test_signing_out_forgets_the_token_of_this_tab(page: Page) -> None:
    await page.click(".you-button")
    await page.click(".you .button-plain")
    await page.sees("h1", "Sign in")
    assert await page.js("sessionStorage.length") == 0


async def test_who_is_told_by_the_server_and_times_are_those_of_the_team(house: FakeHouse, browser: Browser) -> None:
    house.me = house.me | {"zone": "Asia/Shanghai", "teams": ["Billing"], "role": "supervisor"}
    page = await browser.open(f"{house.url}#token=x")
    await page.sees(".you-button", "lena@example.org")
    await page.click(".you-button")
    await page.sees(".you", "Supervisor · Teams: Billing")
    await page.sees(".you", "Times are those of Asia/Shanghai.")


# --- the report


async def test_the_report_is_the_servers_page_without_its_frame(house: FakeHouse, page: Page) -> None:
    await goes_to(page, "report")
    await page.sees("article.report h1", "Shift report")
    assert await page.js("document.querySelectorAll('main').length") == 1
    assert await page.js("document.querySelectorAll('h1').length") == 1
    [(method, path, query)] = [each for each in house.asked if each[1] == "reports/shift"]
    assert (method, path) == ("GET", "reports/shift")
    assert "lang=en" in query
    assert "from=" not in query
    # The sheet in the head of the server's page is not even read: this page's policy would refuse it aloud.
    assert not [fault for fault in page.faults if "Security Policy" in fault]


async def test_from_and_to_are_read_in_the_teams_zone_and_must_be_in_order(house: FakeHouse, browser: Browser) -> None:
    house.me = house.me | {"zone": "Europe/Madrid", "teams": ["Billing", "Cards"]}
    page = await browser.open(f"{house.url}#token=x")
    await goes_to(page, "report")
    await page.click("[data-period=between]")
    await page.wait("document.querySelector('#report-to')")
    fill = "(id, v) => { const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event('input')) }"
    await page.js(f"({fill})('report-from', '2026-03-02T15:00'), ({fill})('report-to', '2026-03-02T07:00')")
    await page.click(".report-between .button")
    await page.sees(".report-order", "must lie before")
    await page.js(f"({fill})('report-from', '2026-03-02T07:00'), ({fill})('report-to', '2026-03-02T15:00')")
    await page.js("{ const e = document.querySelector('select'); e.value = 'Cards';"
                  " e.dispatchEvent(new Event('change', { bubbles: true })) }")  # fmt: skip
    await page.wait("!document.querySelector('.report-order').textContent")
    wanted = "from=2026-03-02T06%3A00%3A00.000Z&to=2026-03-02T14%3A00%3A00.000Z&team=Cards&lang=en&zone=Europe%2FMadrid"
    await becomes(lambda: house.asked[-1][1:] == ("reports/shift", wanted))


async def test_printing_hides_the_shell(page: Page) -> None:
    await goes_to(page, "report")
    await page.wait("document.querySelector('article.report')")
    await page.inner.emulate_media(media="print")
    seen = "[...document.querySelectorAll('.header, .report-controls')].map(e => getComputedStyle(e).display)"
    assert await page.js(seen) == ["none", "none"]
    assert await page.js("getComputedStyle(document.querySelector('article.report')).display") == "block"


async def test_a_server_without_reports_is_said_and_asked_again(house: FakeHouse, page: Page) -> None:
    house.answering = False
    await goes_to(page, "report")
    await page.sees(".report-waiting", "The log does not answer now.")
    house.answering = True
    await page.click(".report-waiting button")
    await page.sees("article.report h1", "Shift report")


# --- the own day


async def test_an_agent_sees_the_own_day_and_nothing_else(house: FakeHouse, own: Page) -> None:
    assert await own.text(".views") == "My day"
    assert await own.text(".own-number strong") == "66"
    seen = await own.text("main")
    assert "Time on contacts 93 %" in seen
    assert "A break of about 14 min" in seen
    assert "Only you see this page." in seen
    assert "The leads of your team see your strain" in seen
    assert "Alerts about you, and what was done about them\n7 d" in seen
    await own.js("location.hash = '#report'")
    await own.settle()
    assert await own.js("document.querySelector('main.own') !== null")
    assert {path for _, path, _ in house.asked} == {"me", "agents/me"}


async def test_the_own_word_is_sent_by_choice_and_by_keyboard(house: FakeHouse, own: Page) -> None:
    assert await own.js("document.querySelector('.own-check .button').disabled")
    await own.js("document.querySelector('.own-load input').focus()")
    await own.press("ArrowDown")
    await own.press("ArrowDown")
    await own.click(".own-check .button")
    await own.sees(".own-check [role=status]", "Thank you.")
    assert house.bodies == [{"load": 3}]
    house.check_in_status = 429
    await own.click(".own-load input[value='5']")
    await own.click(".own-check .button")
    await own.sees(".own-check [role=status]", "The next one is taken in 4 min.")


async def test_a_calm_day_has_nothing_to_explain_and_a_break_is_taken_as_one(house: FakeHouse, own: Page) -> None:
    house.day = own_day(strain=0.0, drivers=[], break_min=None, state="break")
    await own.sees(".own-now", "Nothing weighs on you now.")
    await own.sees(".own-beside", "You are on a break.")
    house.day = own_day(strain=None, drivers=[], break_min=None, state=None)
    await own.sees("main", "Nothing is known of your day yet.")


async def test_the_past_is_not_shown_as_now(house: FakeHouse, own: Page) -> None:
    house.day = own_day(data_age_s=600.0)
    await own.sees(".blind-notice", "sent nothing for 10 min")
    house.answering = False
    await own.sees(".blind-notice", "the server does not answer now")
    house.answering, house.day = True, own_day()
    await own.wait("document.querySelector('main.own').dataset.own === 'live'")


# --- the stream


async def test_where_no_websocket_comes_through_the_stream_is_read(house: FakeHouse, page: Page) -> None:
    house.live["a-1"] = scenes.alert(1)
    await page.sees(".connection", "Live")
    await page.sees('[data-alert="a-1"]', "Queue Billing is under strain")
    await page.sees('[data-queue="Billing"]', "Waiting")
    assert house.resumed == [":"]
    house.publish("c-7", scenes.critical_for_bo())
    await page.sees('[data-alert="a-3"]', "agent-02 has had")
    await page.click('[data-alert="a-1"] button')
    await becomes(lambda: ("POST", "alerts/a-1/acknowledge", "") in house.asked)
    house.cut()
    await becomes(lambda: len(house.resumed) == 2)
    assert house.resumed[-1] == "e-1:c-7"
    await page.sees(".connection", "Live")
    assert house.tokens - {""} == {"x"}


@pytest.mark.parametrize("view", ["board", "report", "own", "signed-out"])
async def test_nothing_is_wider_than_the_screen(house: FakeHouse, browser: Browser, view: str) -> None:
    if view == "own":
        house.me = {**AGENT, "may": ["own", "check_in"]}
    page = await browser.open(house.url + ("" if view == "signed-out" else "#token=x"), 390, 844)
    there = {"board": "[data-queue]", "own": ".own-stored", "signed-out": "#token"}.get(view, ".views")
    await page.wait(f"document.querySelector('{there}')")
    if view == "report":
        await goes_to(page, "report")
        await page.click("[data-period=between]")
        await page.wait("document.querySelector('article.report')")
    for language in ("en", "zh-CN"):
        await page.click_anyway(f".languages [lang={language}]")
        await page.wait(f"document.documentElement.lang === '{language}'")
        for width in (390, 1280):
            await page.look(width, 844)
            await page.settle()
            assert await page.js("document.documentElement.scrollWidth <= innerWidth"), (language, width)
