"""What a lead does with alerts, in a real browser: see, open, act, be refused, find again, and be told once."""

from __future__ import annotations

from typing import Any

import alert_scenes
import fake_desk
import pytest
import pytest_asyncio
import scenes
from alert_scenes import OTHER
from chromium import Browser, Page
from fake_feed import TOKEN, FakeFeed
from marks import IN_BROWSER
from waits import becomes, together, told

pytestmark = IN_BROWSER
QUEUE, AGENT = '[data-alert="a-1"]', '[data-alert="a-3"]'
FOCUSED = "document.activeElement.closest('[data-alert]')?.dataset.alert"
GROUPS = """(() => {
  const found = {};
  let group = "now";
  for (const each of document.querySelectorAll(".alerts .group, .alerts [data-alert]")) {
    if (each.matches(".group")) group = each.innerText.replace(/\\s*\\d+$/, "").trim();
    else (found[group] ??= []).push(each.dataset.alert);
  }
  return found;
})()"""
EARS = """
window.sounds = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) {
  window.sounds.push(this.frequency.value);
  return start.call(this, at);
};
window.shown = [];
window.Notification = class {
  static permission = "granted";
  static requestPermission() { return Promise.resolve("granted"); }
  constructor(title, options) { window.shown.push([title, options.tag]); }
  close() {}
};
"""


async def signed_in(feed: FakeFeed, browser: Browser, **more: Any) -> Page:
    page = await browser.open(f"{feed.url}#token={TOKEN}", **more)
    await page.sees(".connection", "Live")
    return page


@pytest_asyncio.fixture(loop_scope="session")
async def page(feed: FakeFeed, browser: Browser) -> Page:
    """With two alerts that nobody has yet."""
    feed.live.update({alert.id: alert for alert in (alert_scenes.queue(), alert_scenes.critical())})
    page = await signed_in(feed, browser)
    await page.wait(f"document.querySelector('{AGENT}')")
    return page


def kept(prefs: str) -> str:
    """What an earlier visit left behind."""
    return f'localStorage.setItem("strainwatch.told", JSON.stringify({prefs}));'


async def key(page: Page, letter: str) -> None:
    await page.press(letter)


async def test_an_alert_says_why_what_helps_and_what_to_say(page: Page) -> None:
    words = await page.text(AGENT)
    for expected in (
        "3 hard contacts (complaint or abuse) lately",
        "Offer a few minutes to talk it over",
        "Those were hard calls. Do you want a short pause before the next?",
    ):
        assert expected in words
    await page.click(f"{AGENT} [data-control=fold]")
    await page.sees(AGENT, "Became critical")
    await page.sees(AGENT, "Events it is told from: 3")


async def test_a_lead_acknowledges_with_a_note_by_keyboard_alone(feed: FakeFeed, page: Page) -> None:
    await key(page, "j")
    assert await page.js(FOCUSED) == "a-3"
    await key(page, "n")
    await page.wait("document.activeElement.matches('textarea')")
    await page.insert("I sit down with her")
    await page.press("Tab")
    await page.press("Tab")
    await page.press("Enter")
    await becomes(lambda: feed.received_of("acknowledge"))
    assert feed.received_of("acknowledge") == [{"kind": "acknowledge", "alert": "a-3", "note": "I sit down with her"}]
    await page.sees(AGENT, f"{fake_desk.ME} looks after it")
    assert await page.js(GROUPS) == {"now": ["a-1"], "Looked after": ["a-3"]}
    await page.wait(f"{FOCUSED} === 'a-3'")  # it moved, and the focus went with it
    await key(page, "d")
    await page.sees(AGENT, f"\u2068{fake_desk.ME}\u2069 took it on")
    await page.sees(AGENT, "I sit down with her")


async def test_nothing_moves_before_the_change_comes_back(feed: FakeFeed, page: Page) -> None:
    feed.answer_actions = False
    await page.click(f"{QUEUE} [data-control=snooze]")
    await page.click(f"{QUEUE} [data-control=snooze-30]")
    await becomes(lambda: feed.received_of("snooze") == [{"kind": "snooze", "alert": "a-1", "for_s": 1800}])
    await page.sees(QUEUE, "Sending")
    await page.click_anyway(f"{QUEUE} [data-control=acknowledge]")
    assert await page.js(GROUPS) == {"now": ["a-3", "a-1"]}
    assert feed.received_of("acknowledge") == []
    await feed.publish(fake_desk.acted(feed.live["a-1"], feed.received_of("snooze")[0]))
    await page.wait(f"{GROUPS}['Set aside']?.length === 1")


async def test_an_alert_is_handed_to_somebody_seen_before_or_to_me(feed: FakeFeed, page: Page) -> None:
    await feed.publish(alert_scenes.taken())
    await page.sees('[data-alert="a-2"]', OTHER)
    await page.click(f"{QUEUE} [data-control=assign]")
    names = f"[...document.querySelectorAll('{QUEUE} datalist option')].map(each => each.value)"
    assert await page.js(names) == [OTHER]
    await page.type(f"{QUEUE} [data-control=assign-to]", OTHER)
    await page.press("Enter")
    await page.sees(QUEUE, f"{OTHER} looks after it")
    await page.click(f"{AGENT} [data-control=assign]")
    await page.click(f"{AGENT} [data-control=assign-me]")
    await page.sees(AGENT, f"{fake_desk.ME} looks after it")
    assert [(frame["alert"], frame["to"]) for frame in feed.received_of("assign")] == [
        ("a-1", OTHER),
        ("a-3", fake_desk.ME),
    ]


async def test_a_snoozed_alert_says_when_it_comes_back_and_comes_back_aloud(feed: FakeFeed, page: Page) -> None:
    await page.click(f"{QUEUE} [data-control=snooze]")
    await page.click(f"{QUEUE} [data-control=snooze-10]")
    await page.sees(QUEUE, "Comes back at")
    await page.sees(QUEUE, "in 9 min")
    assert await page.js(GROUPS) == {"now": ["a-3"], "Set aside": ["a-1"]}
    await page.wait("document.title === '(1) Strainwatch'")
    await feed.publish(fake_desk.woken(feed.live["a-1"]))
    await page.wait(f"{GROUPS}['now'].length === 2")
    await page.wait("document.querySelector('[aria-live=polite]').textContent.includes('Queue Billing')")
    await page.click(f"{QUEUE} [data-control=fold]")
    await page.sees(QUEUE, "Back from being set aside")


async def test_snoozing_until_a_time_that_cannot_be_says_why(feed: FakeFeed, page: Page) -> None:
    await page.click(f"{QUEUE} [data-control=snooze]")
    near = "new Date(Date.now() + 20 * 3600e3).toTimeString().slice(0, 5)"
    field = f"document.querySelector('{QUEUE} [data-control=snooze-until]')"
    await page.js(f"({field}.value = {near}, {field}.dispatchEvent(new Event('input', {{ bubbles: true }})))")
    await page.click(f"{QUEUE} [data-control=snooze-send]")
    await page.sees(QUEUE, "At most 8 hours")
    assert feed.received_of("snooze") == []
    soon = near.replace("20 *", "2 *")
    await page.js(f"({field}.value = {soon}, {field}.dispatchEvent(new Event('input', {{ bubbles: true }})))")
    await page.sees(QUEUE, "Comes back in")
    await page.click(f"{QUEUE} [data-control=snooze-send]")
    await becomes(lambda: feed.received_of("snooze"))
    assert 7000 < feed.received_of("snooze")[0]["for_s"] <= 7200


async def test_a_lead_closes_an_alert_with_what_was_done(feed: FakeFeed, page: Page) -> None:
    await page.click(f"{QUEUE} [data-control=close]")
    await page.type(f"{QUEUE} textarea", "Two agents of Cards helped out")
    await page.click(f"{QUEUE} [data-control=note-send]")
    await page.sees(".over", "Queue Billing")
    note = "Two agents of Cards helped out"
    assert feed.received_of("close") == [{"kind": "close", "alert": "a-1", "note": note}]
    await page.wait("document.activeElement.id === 'alerts'")  # the alert is gone, the place is not


async def test_who_was_first_is_still_said_after_the_change_came(feed: FakeFeed, page: Page) -> None:
    feed.refusal = f"{OTHER} was first."
    await page.click(f"{QUEUE} [data-control=acknowledge]")
    await page.sees(f"{QUEUE} .alert-problem", f"{OTHER} was first.")
    await feed.publish(fake_desk.acted(feed.live["a-1"], {"kind": "acknowledge"}, by=OTHER))
    await page.sees(QUEUE, f"{OTHER} looks after it")
    await page.click(f"{QUEUE} [data-control=fold]")
    await page.sees(f"{QUEUE} .alert-problem", f"{OTHER} was first.")
    await page.click(f"{QUEUE} [data-control=dismiss]")
    await page.wait(f"!document.querySelector('{QUEUE} .alert-problem')")


async def test_a_half_written_note_outlives_what_happens_around_it(feed: FakeFeed, page: Page) -> None:
    await page.click(f"{QUEUE} [data-control=note]")
    await page.type(f"{QUEUE} textarea", "half a")
    await feed.publish(scenes.alert(9, title="A newer one"))
    await feed.publish(fake_desk.acted(feed.live["a-1"], {"kind": "acknowledge"}, by=OTHER))
    await page.wait(f"{GROUPS}['Looked after']?.[0] === 'a-1'")
    await page.click(f"{QUEUE} [data-control=fold]")
    assert await page.js(f"document.querySelector('{QUEUE} textarea').value") == "half a"


async def test_the_list_of_keys_is_a_key_away_and_keys_can_be_switched_off(page: Page) -> None:
    await key(page, "?")
    await page.sees("dialog", "Keyboard shortcuts")
    await page.click("dialog .switch input")
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")
    await key(page, "j")
    assert not await page.js(FOCUSED)


async def test_a_good_word_has_its_own_place_and_is_no_problem(feed: FakeFeed, page: Page) -> None:
    await feed.publish(alert_scenes.thanks())
    await page.wait("document.querySelector('.thanks')")
    assert await page.js(GROUPS) == {"now": ["a-3", "a-1"], "Worth saying thanks": ["a-6"]}
    assert await page.js("document.title") == "(2) Strainwatch"
    assert "Notice" not in await page.text(".thanks")
    await page.click(".thanks [data-control=acknowledge]")
    await page.sees(".thanks", f"{fake_desk.ME} said thank you")


async def test_a_storm_is_told_in_one_sentence(feed: FakeFeed, page: Page) -> None:
    for i in range(20, 32):
        await feed.publish(scenes.alert(i, title=f"Alert {i}"))
    await page.wait("document.querySelector('[aria-live=polite]').textContent === '12 alerts came in'")


@pytest.mark.parametrize("off_s", [3600, -3600], ids=["fast", "slow"])
async def test_a_clock_that_is_an_hour_off_changes_no_age(feed: FakeFeed, browser: Browser, off_s: int) -> None:
    feed.live["a-1"] = alert_scenes.queue()
    fast = (
        "const R = Date; Date = class extends R { constructor(...a) { a.length ? super(...a) : super(Date.now()); } };"
    )
    fast += f"Date.now = () => R.now() + {off_s * 1000}; Date.parse = R.parse;"
    page = await signed_in(feed, browser, before=fast)
    await page.sees(QUEUE, "6 min")
    await page.click(f"{QUEUE} [data-control=snooze]")
    await page.click(f"{QUEUE} [data-control=snooze-10]")
    await page.sees(QUEUE, "in 9 min")


async def test_two_tabs_tell_once_by_sound_and_the_gravest_speaks(feed: FakeFeed, browser: Browser) -> None:
    one = await signed_in(feed, browser, before=EARS)
    two = await signed_in(feed, browser, before=EARS, beside=one)
    assert await one.js("sounds.length") == 0
    await one.click(".told-button")
    await one.wait("document.querySelector('dialog:modal')")
    await one.click("[data-pref=sound]")
    await one.wait("sounds.length === 2")  # how it sounds
    await one.press("Escape")
    await two.click("h2")  # a click, so that this tab may sound too
    await two.sees(".told-button", "Sound on")
    await one.js("sounds.length = 0")
    heard = "sounds.length"
    await feed.publish(scenes.alert(1))
    await together(one, two, heard, 2)
    await told(one, two)
    assert sorted([await one.js(heard), await two.js(heard)]) == [0, 2]
    await feed.publish(scenes.alert(1, "critical"))
    await feed.publish(scenes.alert(8, phase="suppressed"))
    await together(one, two, heard, 8)
    await told(one, two)
    assert await one.js(heard) + await two.js(heard) == 2 + 6  # a step of severity; not what is held back


async def test_quiet_hours_keep_quiet(feed: FakeFeed, browser: Browser) -> None:
    wanted = '{sound: true, quiet: true, from: "00:00", to: "00:00"}'
    page = await signed_in(feed, browser, before=EARS + kept(wanted))
    await page.click("h2")
    await page.sees(".told-button", "Quiet hours")
    await feed.publish(scenes.critical_for_bo())
    await page.sees(".alert-list", "agent-02")
    await told(page)
    assert await page.js("sounds.length") == 0


async def test_a_hidden_page_notifies_the_desktop_once_an_alert(feed: FakeFeed, browser: Browser) -> None:
    hidden = 'Object.defineProperty(document, "hidden", { get: () => true });'
    before = EARS + hidden + kept("{desktop: true}")
    one = await signed_in(feed, browser, before=before)
    two = await signed_in(feed, browser, before=before, beside=one)
    await feed.publish(scenes.alert(1))
    await together(one, two, "shown.length", 1)
    await told(one, two)
    assert await one.js("shown") + await two.js("shown") == [
        ["Warning · Queue Billing is under strain", "strainwatch alerts"]
    ]


async def test_the_history_is_filtered_paged_and_says_which_rules_are_noise(feed: FakeFeed, page: Page) -> None:
    feed.rules = alert_scenes.rules()
    for i in range(40):
        await feed.publish(alert_scenes.over(100 + i, 100 + i, queue="Cards" if i % 2 else "Loans"))
    await feed.publish(alert_scenes.critical())
    await page.click('.alerts a[href="#history"]')
    await page.sees("h1", "History of alerts")
    await page.sees('[data-rule="queue.strain"]', "This rule fired 41 times, acted on 2")
    await page.sees('[data-rule="queue.strain"]', "Mostly noise here")
    assert "noise here" not in await page.text('[data-rule="agent.break_due"]')
    rows = "document.querySelectorAll('.log-row').length"
    await page.wait(f"{rows} === 30")
    await page.js(
        "[...document.querySelectorAll('.log button')].find(b => b.innerText === 'Show earlier ones').click()"
    )
    await page.wait(f"{rows} === 41")
    await page.sees(".log", "That is all: 41")
    subject = "document.querySelector('[name=subject]')"
    await page.js(f"({subject}.value = 'Loans', {subject}.dispatchEvent(new Event('change', {{ bubbles: true }})))")
    await page.wait(f"{rows} === 20")
    assert await page.js("location.hash") == "#history?subject=Loans"
    await page.click('[data-rule="agent.strain"] button')
    await page.wait(f"{rows} === 1")
    await page.click(".log-row button")
    await page.sees(".log-open", "Those were hard calls")
    assert page.faults == []


@pytest.mark.parametrize("width", [1440, 390])
async def test_nothing_is_wider_than_the_screen(feed: FakeFeed, browser: Browser, width: int) -> None:
    for alert in alert_scenes.every():
        await feed.publish(alert)
    naughty = alert_scenes.taken()
    naughty.id, naughty.title, naughty.owner = "a-66", scenes.NAUGHTY * 3, scenes.NAUGHTY
    naughty.history[-1] = alert_scenes.step(1, "assigned", "assigned", by=scenes.NAUGHTY, to="x" * 200)
    await feed.publish(naughty)
    page = await signed_in(feed, browser, width=width, height=844)
    await page.wait("document.querySelector('[data-alert=\"a-66\"]')")
    await page.js("document.querySelectorAll('[data-control=fold]').forEach(each => each.click())")
    await page.wait("document.querySelector('[data-alert=\"a-66\"] .steps')")
    for control in ("assign", "snooze", "note"):
        await page.js(f"document.querySelectorAll('[data-control={control}]').forEach(each => each.click())")
        await page.wait("document.querySelector('.alert-form')")
        assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    await page.js("location.hash = '#history'")
    await page.wait("document.querySelectorAll('.log-row').length > 5")
    await page.js("document.querySelectorAll('.log-row-button').forEach(each => each.click())")
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    assert await page.js("document.querySelectorAll('img').length") == 0
    assert page.faults == []
