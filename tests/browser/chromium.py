"""Headless Chromium as the tests use it: open, look, click, wait, take a picture. Playwright drives it.

Playwright brings its own builds for a download; here the browser is the machine's own, as Debian and others package it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Request, Route, async_playwright
from playwright.async_api import Error as Fault
from playwright.async_api import Page as Inner

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-proxy-server", "--disable-quic")
WAIT_S = 60.0
"""Bounds a wait for a condition: long enough for a machine with much else to do."""
POLL_S = 0.05
_SETTLED = """(async () => {
  const frame = () => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); setTimeout(done, 200); });
  await document.fonts.ready;
  await frame();
  await Promise.allSettled(document.getAnimations().map((each) => each.finished));
  await frame();
})()"""


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


class Browser:
    """`async with Browser(program) as browser:` then `await browser.open(url)`."""

    def __init__(self, program: str) -> None:
        self._program = program

    async def __aenter__(self) -> Browser:
        self._playwright = await async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(executable_path=self._program, args=FLAGS)
        except BaseException:
            await self._playwright.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.close()
        await self._playwright.stop()

    async def open(
        self, url: str, width: int = 1280, height: int = 900, dark: bool = False, languages: str = "en-US",
        beside: Page | None = None, before: str = "",
    ) -> Page:  # fmt: skip
        """A fresh page with storage of its own, or with that of the page that it stands beside.

        `before` is JavaScript that runs before the page's own.
        """
        context = beside.context if beside else await self._browser.new_context(
            locale=languages, is_mobile=width < 600, reduced_motion="reduce",
            viewport={"width": width, "height": height},
        )  # fmt: skip
        context.set_default_timeout(1000 * WAIT_S)
        page = Page(await context.new_page())
        await page.look(width, height, dark)
        if before:
            await page.inner.add_init_script(before)
        await page.inner.goto(url, wait_until="commit")
        return page

    async def close_pages(self) -> None:
        """All of them, with their storage."""
        for context in self._browser.contexts:
            await context.close()


class Page:
    """One open page. `faults` gathers exceptions, console errors and refusals by the security policy."""

    def __init__(self, inner: Inner) -> None:
        self.inner = inner
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.posted: list[tuple[str, str]] = []
        inner.on("pageerror", lambda error: self.faults.append(str(error)))
        inner.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        inner.on("request", self._asked)

    @property
    def context(self) -> BrowserContext:
        return self.inner.context

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    async def close(self) -> None:
        async with asyncio.timeout(WAIT_S):  # Playwright has no bound of its own here
            await self.inner.close()

    async def answer(self, pattern: str, status: int) -> None:
        """Stand in for the server: what the page asks for under a pattern goes to `posted` and gets this status."""

        async def fulfil(route: Route) -> None:
            self.posted.append((route.request.url, route.request.post_data or ""))
            await route.fulfill(status=status, body="")

        await self.inner.route(pattern, fulfil)

    async def look(self, width: int, height: int, dark: bool = False, reduced_motion: bool = True) -> None:
        await self.inner.set_viewport_size({"width": width, "height": height})
        await self.inner.emulate_media(
            color_scheme="dark" if dark else "light", reduced_motion="reduce" if reduced_motion else "no-preference"
        )

    async def js(self, expression: str) -> Any:
        """The value of a JavaScript expression (a promise is awaited)."""
        return await self.inner.evaluate(expression)

    async def wait(self, expression: str) -> None:
        """Waits until the expression is truthy in JavaScript."""
        deadline = time.monotonic() + WAIT_S
        while not await self._holds(expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {expression}\n{await self.text('body')}")
            await asyncio.sleep(POLL_S)

    async def _holds(self, expression: str) -> bool:
        # Playwright's own wait_for_function compiles its text in the page, which our security policy refuses.
        try:
            return bool(await self.js(f"Boolean({expression})"))
        except Fault as fault:
            if "Execution context was destroyed" in str(fault):  # on its way to the next page
                return False
            raise

    async def settle(self) -> None:
        """Waits until what was begun is shown: fonts are there, nothing moves, and two frames went by."""
        await self.js(_SETTLED)

    async def text(self, selector: str) -> str:
        """Visible text of the first match; empty when there is none."""
        return str(await self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def sees(self, selector: str, text: str) -> None:
        """Waits until an element that matches shows this text."""
        matches = f"[...document.querySelectorAll({json.dumps(selector)})]"
        await self.wait(f"{matches}.some(e => e.innerText.includes({json.dumps(text)}))")

    async def click(self, selector: str) -> None:
        """As a person does, by the mouse: once the element rests, takes clicks, and nothing lies over it."""
        await self.inner.locator(selector).first.click()

    async def click_anyway(self, selector: str) -> None:
        """What a person cannot do: a click on what is disabled, covered or out of sight."""
        await self.inner.locator(selector).first.dispatch_event("click")

    async def type(self, selector: str, text: str) -> None:
        await self.inner.locator(selector).first.focus()
        await self.insert(text)

    async def insert(self, text: str) -> None:
        """Into what has the focus."""
        await self.inner.keyboard.insert_text(text)

    async def press(self, key: str) -> None:
        await self.inner.keyboard.press(key)

    async def picture(self, path: Path, whole: bool = True) -> None:
        """A PNG, of the whole page or of what fits."""
        await self.inner.screenshot(path=path, full_page=whole)
