"""What a lead does, on a page that three processes serve: nothing here stands in for ingest, scoring or notify."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from chromium import Browser, Page
from marks import IN_BROWSER

from tests.acceptance.running import STRAINWATCH, eventually, free_port, get, json_of, ready, started, strainwatch
from tools.http_post import HttpPoster

pytestmark = IN_BROWSER
SETTINGS = """
revision = 1
[alerts."queue.strain"]
open_line = 30
open_hold_s = 0
close_line = 25
close_hold_s = 0
"""
LONG_S = 900


class Floor:
    """A contact centre of queues that are looked at, and the services that score it."""

    def __init__(self, data_dir: Path, stack: ExitStack) -> None:
        self.data_dir = data_dir
        self._stack = stack
        self._ids = itertools.count(1)
        self._ports = {name: free_port() for name in ("ingest", "scoring", "notify")}
        (data_dir / "strainwatch.toml").write_text(SETTINGS)
        self.processes = {name: self.start(name) for name in self._ports}  # the log server belongs to ingest, the first
        key = strainwatch(data_dir, "keys", "create", "--tenant", "bank").stdout.strip()
        self._poster = HttpPoster(f"http://127.0.0.1:{self._ports['ingest']}/v1/events", key)
        stack.callback(self._poster.close)
        eventually(lambda: self._poster.post(b"[]").status != 401, "the key to be good")

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start a service, or start it again where it was."""
        port = self._ports[name]
        settings = str(self.data_dir / "strainwatch.toml")
        command = [STRAINWATCH, "serve", name, "--port", str(port), "--settings", settings]
        process = self._stack.enter_context(started(command, self.data_dir))
        eventually(ready(port), f"{name} to be ready")
        return process

    def seen(self, queue: str, waiting: int) -> None:
        """What the ACD sees of a queue now."""
        event = {
            "type": "queue.observed", "id": f"o-{next(self._ids)}", "ts": time.time_ns() // 1_000_000, "queue": queue,
            "waiting": waiting, "longest_wait_s": LONG_S if waiting else 0, "agents": 4,
        }  # fmt: skip
        answer = self._poster.post(json.dumps(event).encode())
        assert answer.status == 202, answer

    def token(self, person: str) -> str:
        command = ["token", "--tenant", "bank", "--teams", "*", "--role", "lead", "--sub", person]
        return strainwatch(self.data_dir, *command).stdout.strip()

    async def lead(self, browser: Browser, person: str, **look: Any) -> Page:
        """The page of a lead, signed in and live."""
        page = await browser.open(f"http://127.0.0.1:{self._ports['notify']}/#token={self.token(person)}", **look)
        await page.sees(".connection", "Live")
        return page

    def alerts(self, person: str) -> list[dict[str, Any]]:
        """All alerts, by REST."""
        return list(json_of(get(self._ports["notify"], "/v1/alerts", self.token(person)))["alerts"])


@contextmanager
def _floor(data_dir: Path) -> Iterator[Floor]:
    with ExitStack() as stack:
        yield Floor(data_dir, stack)


@pytest.fixture
def floor(dist: Path, tmp_path: Path) -> Iterator[Floor]:
    """Two queues under strain and one that is not."""
    with _floor(tmp_path) as floor:
        for queue, waiting in (("billing", 40), ("cards", 30), ("travel", 0)):
            floor.seen(queue, waiting)
        yield floor


def of(queue: str) -> str:
    """The alert of a queue, as the document has it."""
    return f"[...document.querySelectorAll('[data-alert]')].filter(each => each.innerText.includes('Queue {queue}'))"


async def card(page: Page, queue: str) -> str:
    """A selector of the alert of a queue, once it is there."""
    await page.wait(f"{of(queue)}.length === 1")
    return f'[data-alert="{await page.js(f"{of(queue)}[0].dataset.alert")}"]'


async def test_a_lead_sees_opens_acts_reads_the_report_and_changes_the_language(floor: Floor, browser: Browser) -> None:
    page = await floor.lead(browser, "ana")
    billing, cards = await card(page, "billing"), await card(page, "cards")
    await page.sees('[data-queue="billing"]', "40")
    await page.click('[data-queue="billing"] a')
    await page.wait("document.querySelector('dialog.course')?.open")
    await page.sees("dialog", "Queue billing")
    await page.press("Escape")
    await page.click(f"{billing} [data-control=acknowledge]")
    await page.sees(billing, "ana looks after it")
    await page.click(f"{cards} [data-control=snooze]")
    await page.click(f"{cards} [data-control=snooze-10]")
    await page.sees(cards, "Comes back at")
    await page.wait("document.querySelector('[aria-live=polite]').textContent.endsWith('Set aside.')")
    floor.seen("billing", 0)
    await page.sees(".over", "Queue billing")
    await page.click('.views a[href="#report"]')
    await page.sees("article.report h1", "Shift report")
    await page.click(".you-button")
    await page.click('.you [lang="zh-CN"]')
    await page.sees("article.report h1", "班次报告")
    assert page.faults == []


async def test_of_two_leads_at_once_one_is_first_and_both_are_told_who(floor: Floor, browser: Browser) -> None:
    ana, ben = await floor.lead(browser, "ana"), await floor.lead(browser, "ben")
    billing = await card(ana, "billing")
    assert await card(ben, "billing") == billing
    scorer = psutil.Process(floor.processes["scoring"].pid)
    scorer.suspend()  # so that neither sees what the other did before both have done it
    for page in (ana, ben):
        await page.click(f"{billing} [data-control=acknowledge]")
        await page.sees(billing, "Sending")
    scorer.resume()
    for page in (ana, ben):
        await page.wait(f"/(ana|ben) looks after it/.test(document.querySelector('{billing}').innerText)")
    (alert,) = (alert for alert in floor.alerts("ana") if alert["id"] in billing)
    assert [step["by"] for step in alert["history"] if step["reason"] == "acknowledged"] == [alert["owner"]]
    for page in (ana, ben):
        await page.sees(billing, f"{alert['owner']} looks after it")


async def test_a_killed_notify_is_come_back_to_without_gap_or_double(floor: Floor, browser: Browser) -> None:
    page = await floor.lead(browser, "ana")
    billing = await card(page, "billing")
    floor.processes["notify"].kill()
    await page.sees(".connection", "Reconnecting")
    assert await page.js(f"document.querySelector('{billing} button').ariaDisabled") == "true"
    floor.seen("travel", 50)  # opens, and billing ends, while nobody can tell the page
    floor.seen("billing", 0)
    floor.processes["notify"] = floor.start("notify")
    await page.sees(".connection", "Live")
    await card(page, "travel")
    await page.sees(".over", "Queue billing")
    live = [alert["id"] for alert in floor.alerts("ana") if alert["phase"] != "resolved"]
    shown = "[...document.querySelectorAll('.alert-list [data-alert]')].map(each => each.dataset.alert)"
    assert sorted(await page.js(shown)) == sorted(live)
