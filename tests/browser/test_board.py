"""What a lead does with the board: find, move along the rows, open a day, note a talk; on floors of any size."""

from __future__ import annotations

import json

import floors
import measures
import pytest
import scenes
from chromium import Browser, Page
from fake_feed import TOKEN, FakeFeed
from marks import IN_BROWSER

from shared.contract.signals import QueueSignal

pytestmark = IN_BROWSER
ROWS = "document.querySelectorAll('.agent-rows [data-row]')"
FOCUSED = "document.activeElement.closest('[data-agent], [data-queue]')?.dataset"


async def opened(feed: FakeFeed, browser: Browser, width: int = 1440, height: int = 900, **look: str) -> Page:
    page = await browser.open(f"{feed.url}#token={TOKEN}", width, height, **look)  # type: ignore[arg-type]
    await page.wait("document.querySelector('[data-agent]')")
    return page


def large(feed: FakeFeed, queues: int = 40, agents: int = 500, teams: int = 4) -> None:
    rows: list[QueueSignal] = floors.queues(queues)
    feed.queues, feed.agents = (lambda ago_s: rows), floors.agents(agents, teams)


async def test_of_many_queues_those_under_strain_are_cards_and_the_rest_are_rows(
    feed: FakeFeed, browser: Browser
) -> None:
    large(feed)
    page = await opened(feed, browser)
    levels = await page.js("[...document.querySelectorAll('.queues .level')].map(e => e.innerText)")
    assert levels
    assert set(levels) <= {"Strained", "Critical"}
    assert await page.js("document.querySelector('.queue-rows').getAttribute('aria-rowcount')") == "7"
    await page.click(".queue-rows + p button")
    whole = 40 - len(levels)
    await page.wait(f"document.querySelector('.queue-rows').getAttribute('aria-rowcount') === '{whole + 1}'")
    assert "Service level" in await page.text(".queue-rows .row-heads")
    assert "Last hour:" in await page.text(".queues .queue")
    await page.close()


async def test_thousands_of_agents_are_one_list_of_which_only_what_is_seen_exists(
    feed: FakeFeed, browser: Browser
) -> None:
    large(feed, agents=2000, teams=1)
    page = await opened(feed, browser)
    await page.wait("document.querySelector('.agent-rows')")
    assert await page.js("document.querySelector('.agent-rows').getAttribute('aria-rowcount')") == "1995"
    assert await page.js(f"{ROWS}.length") < 80
    await page.js("scrollTo(0, 50000)")
    await page.wait(f"[...{ROWS}].some(row => row.getBoundingClientRect().top < 400 && +row.dataset.row > 900)")
    assert await page.js(f"{ROWS}.length") < 80
    index = await page.js(f"[...{ROWS}].every(row => +row.getAttribute('aria-rowindex') === +row.dataset.row + 2)")
    assert index
    await page.close()


async def test_the_list_is_walked_by_keys_and_is_one_stop_of_the_tab_key(feed: FakeFeed, browser: Browser) -> None:
    large(feed, agents=2000, teams=1)
    page = await opened(feed, browser)
    await page.wait("document.querySelector('.agent-rows a')")
    assert await page.js("document.querySelectorAll('.agent-rows a:not([tabindex=\"-1\"])').length") == 1
    await page.js("document.querySelector('.agent-rows a[tabindex=\"0\"]').focus()")
    first = await page.js(f"{FOCUSED}.row")
    await page.press("ArrowDown")
    await page.wait(f"+{FOCUSED}.row === {int(first) + 1}")
    await page.press("End")
    await page.wait(f"{FOCUSED}.row === '1993'")
    assert await page.js("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
    await page.press("PageUp")
    await page.wait(f"+{FOCUSED}.row < 1990 && +{FOCUSED}.row > 1940")
    await page.press("Home")
    await page.wait(f"{FOCUSED}.row === '0'")
    await page.close()


async def test_a_lead_finds_by_name_team_and_state(feed: FakeFeed, browser: Browser) -> None:
    large(feed)
    page = await opened(feed, browser)
    await page.press("/")
    await page.wait("document.activeElement.id === 'find'")
    assert await page.js("document.querySelector('#find').value") == "", "the key is no letter of the search"
    await page.type("#find", "team 2 break")
    await page.sees(".find-many", "Queues: 0. Agents: ")
    states = await page.js("[...document.querySelectorAll('.agent-rows .cell-state')].slice(1).map(e => e.innerText)")
    assert states
    assert all(state.startswith("On a break") for state in states)
    assert await page.js("[...document.querySelectorAll('.row-group-title')].map(e => e.innerText)") == ["team 2"]
    headings = await page.js("[...document.querySelectorAll('h3.group')].map(e => e.innerText)")
    assert headings == ["Everyone else"], "a heading with nothing under it"
    await page.js("document.querySelector('#find').select()")
    await page.type("#find", "agent-0499")
    await page.sees(".find-many", "Agents: 1.")
    await page.js("document.querySelector('#find').select()")
    await page.type("#find", "nobody at all")
    await page.sees("#agents ~ .empty", "No agent like this.")
    await page.close()


async def test_agents_of_more_than_one_team_stand_by_team(feed: FakeFeed, browser: Browser) -> None:
    large(feed, agents=40, teams=3)
    page = await opened(feed, browser)
    await page.wait("document.querySelector('.row-group')")
    titles = await page.js("[...document.querySelectorAll('.row-group-title')].map(e => e.innerText)")
    assert titles == ["team 1", "team 2", "team 3"]
    feed.agents = floors.agents(200, 3)  # nine of them could use support, and six are in front
    await page.sees("#agents", "200")
    await page.js("document.querySelector('.agent-rows').scrollIntoView()")
    await page.sees(".row-group", "Could use support now 3")
    assert await page.js("document.querySelector('.row-group-title').innerText") == "Could use support now"
    await page.close()


async def test_rows_keep_their_places_while_strain_wavers(feed: FakeFeed, browser: Browser) -> None:
    def wavering(strain: float) -> None:
        feed.agents = [scenes.agent(n, ("occupancy", s, 9, "%"), state="acw", since_s=1, work_s=1)
                       for n, s in (("Al", strain), ("Bo", 62.0), ("Cy", 20.0))]  # fmt: skip

    wavering(61.0)
    page = await opened(feed, browser)
    await page.wait("document.querySelector('.agents-first')?.children.length === 2")
    wavering(58.0)
    await page.sees('.agents-first [data-agent="Al"]', "Strain 58 of 100")
    assert await page.js("document.querySelectorAll('.agents-first .card').length") == 2
    wavering(54.0)
    await page.sees('.agent-rows [data-agent="Al"]', "54")
    await page.close()


async def test_a_number_never_keeps_the_colour_of_the_band_before(feed: FakeFeed, browser: Browser) -> None:
    def standing(cards: float, accounts: float) -> None:
        feed.queues = lambda ago_s: [
            scenes.queue(name, ("offered_load", strain, 120, "%"), waiting=0, longest_s=0, agents=5)
            for name, strain in (("accounts", accounts), ("billing", 98.0), ("cards", cards), ("technical", 88.0))
        ]

    queues = "[...document.querySelectorAll('[data-queue]')].map(each => each.dataset.queue).join()"
    looks = """[...document.querySelectorAll('[data-queue]')].map(each => [
      each.querySelector('.level').innerText, getComputedStyle(each.querySelector('.strain')).color])"""
    standing(61, 42)
    page = await opened(feed, browser)
    await page.wait(f"{queues} === 'billing,technical,cards,accounts'")
    standing(54, 56)  # both are rising now, so that cards change their place and their colour at once
    await page.wait(f"{queues} === 'billing,technical,accounts,cards'")
    standing(56, 56)
    await page.sees('[data-queue="cards"] .strain', "56")
    await page.settle()
    told = await page.js(looks)
    assert [level for level, _ in told] == ["Critical", "Critical", "Rising", "Rising"]
    assert told[0][1] == told[1][1]
    assert told[2][1] == told[3][1] == await page.js("getComputedStyle(document.body).color")


async def test_a_line_begins_before_the_page_was_opened(feed: FakeFeed, browser: Browser) -> None:
    feed.courses = {}
    page = await opened(feed, browser)
    label = "document.querySelector('[data-queue=\"Loans\"] .sparkline').ariaLabel"
    await page.wait(f"/(9|10) min/.test({label})")
    asked = [url for url in page.requests if "/v1/history" in url]
    assert len(asked) == len(set(asked)) == 4  # each queue in view once


async def test_of_many_queues_only_those_in_view_are_asked_for_their_past(feed: FakeFeed, browser: Browser) -> None:
    large(feed)
    page = await opened(feed, browser)
    seen = "document.querySelectorAll('.queues .queue, .queue-rows [data-queue]').length"
    asked = "performance.getEntriesByType('resource').filter(each => each.name.includes('/v1/history')).length"
    await page.wait(f"{asked} === {seen} && {seen} < 13")


async def test_a_day_opens_from_a_queue_and_closes_to_where_it_was(feed: FakeFeed, browser: Browser) -> None:
    page = await opened(feed, browser)
    await page.js("document.querySelector('[data-queue=\"Billing\"] a').focus()")
    await page.press("Enter")
    await page.wait("document.querySelector('dialog.course')?.open")
    assert await page.js("location.hash") == "#queue/Billing"
    await page.sees("dialog figcaption", "Highest strain")
    await page.wait("document.querySelectorAll('dialog .charts canvas').length === 2")
    seen = await page.text("dialog")
    for expected in ("Waiting\n27", "Service level\n41 %", "Double charge", "Billing is under heavy strain"):
        assert expected in seen
    assert await page.js("document.activeElement.closest('dialog') !== null")
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")
    await page.wait("document.activeElement.dataset.open === 'queue/Billing'")
    assert await page.js("location.hash") == ""
    assert page.faults == []
    await page.close()


async def test_the_chart_tells_what_stands_under_the_cursor_and_a_table_tells_all(
    feed: FakeFeed, browser: Browser
) -> None:
    page = await opened(feed, browser)
    await page.js("location.hash = '#queue/Billing'")
    await page.wait("document.querySelector('dialog .chart-strain .u-over')")
    box = await page.js(
        "(({left, top, width, height}) => [left + width / 4, top + height / 2])"
        "(document.querySelector('.chart-strain .u-over').getBoundingClientRect())"
    )
    await page.inner.mouse.move(*box)
    await page.sees(".legend-at", "Strain ")
    assert "+" in await page.text(".legend-parts")
    rows = "document.querySelectorAll('.quarters tbody tr').length"
    assert await page.js(rows) > 36
    await page.click(".hours button")
    await page.wait(f"{rows} <= 5")
    await page.close()


async def test_an_address_with_a_name_opens_it_and_forward_and_back_move(feed: FakeFeed, browser: Browser) -> None:
    page = await opened(feed, browser)
    await page.js("document.querySelector('[data-agent=\"agent-02\"] a').click()")
    await page.sees("dialog h2", "agent-02")
    await page.js("history.back()")
    await page.wait("!document.querySelector('dialog')")
    await page.js("history.forward()")
    await page.sees("dialog h2", "agent-02")
    await page.inner.reload()
    await page.sees("dialog figcaption", "Highest strain")
    await page.sees("dialog", "About 17 min of break until below the line")
    await page.js("location.hash = '#agent/nobody'")
    await page.sees("dialog .empty", "This is not on your board")
    await page.close()


@pytest.mark.parametrize(("status", "said"), [(202, "Noted at "), (404, "Not noted: this agent"), (503, "no answer")])
async def test_a_lead_notes_that_they_supported_an_agent(
    feed: FakeFeed, browser: Browser, status: int, said: str
) -> None:
    page = await opened(feed, browser)
    await page.answer("**/supported", status)
    await page.js("location.hash = '#agent/agent-02'")
    await page.click(".supported button")
    await page.sees(".supported [role=status]", said)
    assert page.posted == [(f"{feed.url}v1/agents/agent-02/supported", "{}")]
    assert await page.js("document.querySelector('.supported button').disabled") is (status == 202)
    await page.close()


async def test_the_chart_is_fetched_only_when_a_day_is_opened(feed: FakeFeed, browser: Browser) -> None:
    page = await opened(feed, browser)
    scripts = "[...performance.getEntriesByType('resource')].filter(e => e.name.includes('CourseChart')).length"
    assert await page.js(scripts) == 0
    await page.js("location.hash = '#queue/Billing'")
    await page.wait(f"{scripts} > 0")
    await page.close()


@pytest.mark.parametrize("width", [1440, 1024, 390])
async def test_hostile_names_change_nothing_and_push_nothing_out_of_place(
    feed: FakeFeed, browser: Browser, width: int
) -> None:
    names = (scenes.NAUGHTY, "مركز الاتصال الرئيسي", "🧯🚒👩🏽‍🚒 Émile", "x" * 200, "%2f..#/&token=a b", "constructor")
    feed.agents = [
        scenes.agent(name, ("__proto__", 12.0 * n, 1, "x"), state=name, since_s=1, work_s=1)
        for n, name in enumerate(names)
    ]
    feed.queues = lambda ago_s: [
        scenes.queue(name, ("toString", 11.0 * n, 1, "%"), waiting=1, longest_s=1, agents=1, issues=((name, 9.0),))
        for n, name in enumerate((*names, *(f"{name}!" for name in names)))
    ]
    page = await opened(feed, browser, width)
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    assert await page.js("document.title") == "Strainwatch"
    for name in names:
        selector = "[...document.querySelectorAll('[data-agent] a')].find(a => a.textContent === " + repr_js(name) + ")"
        await page.js(f"{selector}.click()")
        await page.wait(f"document.querySelector('dialog h2')?.textContent === {repr_js(name)}")
        assert await page.js("document.querySelector('dialog').scrollWidth <= innerWidth")
        await page.js("document.querySelector('dialog').close()")
        await page.wait("!document.querySelector('dialog')")
    assert await page.js("document.querySelectorAll('img').length") == 0
    await page.close()


async def test_a_frame_of_two_thousand_agents_is_applied(feed: FakeFeed, browser: Browser) -> None:
    """How long it takes is told, and measured by `bench.page`; here, that every frame is read and shown."""
    large(feed, agents=2000, teams=8)
    page = await browser.open(f"{feed.url}#token={TOKEN}", 1440, 900, before=measures.APPLY)
    await page.wait("window.__took.length >= 8")
    took_ms = sorted(await page.js("window.__took"))
    print(f"a frame of 2,000 agents applied in {took_ms[len(took_ms) // 2]:.1f} ms (median of {len(took_ms)})")
    assert await page.text("#agents .count") == "2000"
    feed.agents = feed.agents[:1999]
    await page.wait("document.querySelector('#agents .count').innerText === '1999'")
    await page.close()


def repr_js(text: str) -> str:
    return json.dumps(text)
