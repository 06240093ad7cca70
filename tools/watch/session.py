"""The feed, listened to for as long as one likes: joins, resumes, and says when it cannot see."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from shared.contract.frames import SUBPROTOCOL, GoodbyeCode
from tools.watch.view import View
from tools.watch.words import safe

STALE_AFTER_S = 5.0
"""Boards come each second or so; one that does not advance for this long is no longer now. As on the page."""
SILENT_AFTER_S = 60.0
"""Age of the newest event from which on quiet does not mean calm. As on the page."""
LOOK_S = 0.5
RETRY_S = (0.5, 30.0)
"""The first pause is anywhere below the one, and doubles up to the other: full jitter, so that after a restart not all
come back in the same moment."""
STEADY_S = 10.0  # a connection that held so long was a good one: pauses begin anew
FINAL_CODES = range(4500, 5000)  # see GoodbyeCode
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LIVE = ("open", "acknowledged", "snoozed", "assigned", "escalated")


class WatchError(RuntimeError):
    """Watching ended for good; the text says why and what to do."""


def feed_address(url: str) -> str:
    """Where the feed is, from the address of the page. Raises ValueError."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError(f"--url {url!r} is no web address: write it like http://127.0.0.1:8080")
    path = parts.path.rstrip("/")
    return f"{scheme}://{parts.netloc}{path if path.endswith('/v1/feed') else path + '/v1/feed'}"


class Watch:
    """One person's watch. `token` is asked at each connection: a file may hold a fresh one."""

    def __init__(self, address: str, token: Callable[[], str], teams: frozenset[str], view: View) -> None:
        self._address = address
        self._token = token
        self._teams = teams
        self._view = view
        self._place: tuple[str, str] | None = None
        """Epoch and cursor of the newest that was heard."""
        self._alerts: dict[str, dict[str, Any]] = {}
        self._board: dict[str, Any] | None = None
        self._heard_s = self._moved_s = time.monotonic()
        self._state = ""
        self._answered = False
        """Whether the answer to our `resume` is here; what comes before it is sent again after it."""
        self._expired = ""

    async def run(self) -> None:
        """Until cancelled. Raises WatchError."""
        failures = 0
        while True:
            self._set("connecting", where=self._address)
            began_s = time.monotonic()
            try:
                why = await self._listen()
            except InvalidStatus as fault:
                if fault.response.status_code < 500:
                    raise WatchError(_refused(fault)) from None
                why = f"HTTP {fault.response.status_code}"
            except InvalidURI as fault:
                raise WatchError(str(fault)) from None
            except (OSError, TimeoutError, InvalidHandshake) as fault:
                why = str(fault) or type(fault).__name__
            self._board = None
            self._view.blank()
            failures = 0 if time.monotonic() - began_s > STEADY_S else failures + 1
            pause_s = random.uniform(0.0, min(RETRY_S[1], RETRY_S[0] * 2 ** min(failures, 10)))  # noqa: S311
            self._set("lost", blind=True, why=why, seconds=pause_s)
            await asyncio.sleep(pause_s)

    async def _listen(self) -> str:
        """One connection, to its end: why it ended. Raises WatchError, OSError, TimeoutError, InvalidHandshake."""
        token = self._token()
        if token == self._expired:
            raise WatchError("the token has expired: get a new one (strainwatch token, or sign in again)")
        proxy: Literal[True] | None = None if urlsplit(self._address).hostname in LOOPBACK else True
        async with connect(
            self._address,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            max_size=None,  # a board of the largest centre is megabytes
            proxy=proxy,
        ) as socket:
            looking = asyncio.create_task(self._look())
            try:
                return await self._read(socket, token)
            except ConnectionClosed as closed:
                return _why_closed(closed)
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _read(self, socket: ClientConnection, token: str) -> str:
        # An empty cursor is answered with all live alerts; the own one, with what came since.
        epoch, cursor = self._place or ("", "")
        await socket.send(msgspec.json.encode({"kind": "resume", "epoch": epoch, "cursor": cursor}).decode())
        self._heard_s = self._moved_s = time.monotonic()
        self._answered = False
        while True:
            frame: dict[str, Any] = msgspec.json.decode(await socket.recv(decode=False))
            self._heard_s = time.monotonic()
            kind = frame["kind"]
            self._answered = self._answered or "recovered" in frame
            if self._answered or kind == "goodbye":
                self._view.frame(frame)
            if kind == "goodbye":
                if not frame["reconnect"]:
                    raise WatchError(f"the server says: {safe(str(frame['reason']))}")
                if frame["code"] == GoodbyeCode.TOKEN_EXPIRED:
                    self._expired = token
                return str(frame["reason"])
            if self._answered:
                self._heard(kind, frame)

    def _heard(self, kind: str, frame: dict[str, Any]) -> None:
        if kind == "hello":
            self._hello(frame)
        elif kind == "alert":
            self._place = (self._place[0] if self._place else "", frame["cursor"])
            self._changed(frame["alert"])
        elif kind == "board":
            self._place = (frame["epoch"], frame["cursor"])
            self._take_board(frame)
        elif kind == "problem":
            self._view.status("problem", blind=False, why=frame["detail"])

    # --- alerts

    def _hello(self, hello: dict[str, Any]) -> None:
        again = self._place is not None
        self._place = (hello["epoch"], hello["cursor"])
        if hello["recovered"]:
            self._set("recovered")
            return
        self._set("replaced" if again else "connected", teams=", ".join(hello["teams"]))
        live = {alert["id"]: alert for alert in hello.get("alerts") or [] if self._wanted(alert["team"])}
        gone = [str(alert["title"]) for id, alert in self._alerts.items() if id not in live]
        if gone:
            self._view.status("gone", blind=False, alerts="; ".join(gone))
        known, self._alerts = self._alerts, live
        for id, alert in live.items():
            if known.get(id) != alert:
                self._view.alert(alert)

    def _changed(self, alert: dict[str, Any]) -> None:
        if not self._wanted(alert["team"]):
            if self._alerts.pop(alert["id"], None) is not None:
                self._view.alert(alert)  # it went to another team: that is the end of it here
            return
        if alert["phase"] in _LIVE:
            self._alerts[alert["id"]] = alert
        else:
            self._alerts.pop(alert["id"], None)
        self._view.alert(alert)

    def _wanted(self, team: str | None) -> bool:
        return not self._teams or team is None or team in self._teams

    # --- the board, and whether it can be believed

    def _take_board(self, board: dict[str, Any]) -> None:
        if self._board is None or board["at"] != self._board["at"]:
            self._moved_s = time.monotonic()
        rows = {
            name: [row for row in board[name] if self._wanted(row["team"])] for name in ("queues", "agents", "breaks")
        }
        self._board = {**board, **rows}
        self._judge()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._judge()

    def _judge(self) -> None:
        """Say what keeps us from seeing, or show the board."""
        now_s, board = time.monotonic(), self._board
        if now_s - self._heard_s > STALE_AFTER_S:
            self._blind("mute", seconds=now_s - self._heard_s)
        elif board is None:
            return
        elif now_s - self._moved_s > STALE_AFTER_S:
            self._blind("stale", seconds=now_s - self._moved_s)
        elif board["data_age_s"] is None:
            self._blind("no_data")
        elif board["data_age_s"] > SILENT_AFTER_S:
            self._blind("silent", seconds=board["data_age_s"])
        else:
            if self._state in ("mute", "stale", "silent", "no_data"):
                self._set("live")
            age_s = board["data_age_s"] + now_s - self._moved_s
            self._view.board(board, age_s, self._alerts.values())

    def _blind(self, name: str, /, **values: object) -> None:
        if self._state != name:
            self._view.blank()
            self._set(name, blind=True, **values)

    def _set(self, name: str, /, *, blind: bool = False, **values: object) -> None:
        self._state = name
        self._view.status(name, blind=blind, **values)


def _why_closed(closed: ConnectionClosed) -> str:
    """The reason to come back after. Raises WatchError for a code that says not to (its goodbye may not be heard)."""
    if closed.rcvd is None:
        return "the connection broke"
    reason = closed.rcvd.reason or str(closed.rcvd.code)
    if closed.rcvd.code in FINAL_CODES:
        raise WatchError(f"the server says: {safe(reason)}")
    return reason


def _refused(fault: InvalidStatus) -> str:
    status = fault.response.status_code
    detail = ""
    with contextlib.suppress(msgspec.MsgspecError, AttributeError, UnicodeError):
        detail = str(msgspec.json.decode(fault.response.body or b"").get("detail", ""))
    return f"the server refuses ({status}){': ' + safe(detail) if detail else ''}; is --url that of Strainwatch?"
