"""A small hand on headless Chromium over the DevTools protocol: open, look, click, wait, take a picture."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--lang=en-US", "--remote-debugging-port=0",
)  # fmt: skip
WAIT_S = 20.0  # bounds a wait for a condition


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that all of the browser's processes end together."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Browser:
    """`async with Browser(program) as browser:` then `await browser.open(url)`."""

    def __init__(self, program: str) -> None:
        self._program = program

    async def __aenter__(self) -> Browser:
        self._profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        self._process = _start([self._program, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"])
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        try:
            self._socket: ClientConnection = await connect(await self._address(), max_size=None, proxy=None)
        except BaseException:
            self._end()
            raise
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._reader.cancel()
        await self._socket.close()
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    async def _address(self) -> str:
        told = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            lines = told.read_text().splitlines() if told.is_file() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            assert self._process.poll() is None, "the browser ended at once: start it by hand to see why"
            await asyncio.sleep(0.05)
        raise AssertionError("the browser never opened its DevTools port")

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                told = json.loads(message)
                if "id" in told:
                    self._answers.pop(told["id"]).set_result(told)
                elif page := self._pages.get(told.get("sessionId", "")):
                    page.heard(told["method"], told["params"])

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(
            json.dumps({"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {}))
        )
        told = await asyncio.wait_for(answer, WAIT_S)
        assert "error" not in told, f"{method}: {told.get('error')}"
        result: dict[str, Any] = told["result"]
        return result

    async def open(
        self, url: str, width: int = 1280, height: int = 900, dark: bool = False, languages: str = "en-US"
    ) -> Page:
        """A fresh page with storage of its own."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Emulation.setUserAgentOverride", userAgent="test", acceptLanguage=languages)
        await page.look(width, height, dark)
        await page.call("Page.navigate", url=url)
        return page


class Page:
    """One open page. `faults` gathers exceptions, console errors and refusals by the security policy."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        self.faults: list[str] = []
        self.requests: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.call(method, self._session, **params)

    async def close(self) -> None:
        await self._browser.call("Target.closeTarget", targetId=self._target)

    def heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.faults.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.faults.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    async def look(self, width: int, height: int, dark: bool = False, reduced_motion: bool = True) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"},
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def js(self, expression: str) -> Any:
        """The value of a JavaScript expression (a promise is awaited)."""
        told = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def wait(self, expression: str) -> None:
        """Waits until the expression is truthy in JavaScript."""
        deadline = time.monotonic() + WAIT_S
        while not await self.js(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {expression}\n{await self.text('body')}")
            await asyncio.sleep(0.05)

    async def text(self, selector: str) -> str:
        """Visible text of the first match; empty when there is none."""
        return str(await self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def sees(self, selector: str, text: str) -> None:
        """Waits until an element that matches shows this text."""
        matches = f"[...document.querySelectorAll({json.dumps(selector)})]"
        await self.wait(f"{matches}.some(e => e.innerText.includes({json.dumps(text)}))")

    async def click(self, selector: str) -> None:
        await self.wait(f"document.querySelector({json.dumps(selector)})")
        await self.js(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, text: str) -> None:
        await self.wait(f"document.querySelector({json.dumps(selector)})")
        await self.js(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)

    async def picture(self, path: Path, whole: bool = True) -> None:
        """A PNG, of the whole page or of what fits."""
        told = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        _write(path, base64.b64decode(told["data"]))
