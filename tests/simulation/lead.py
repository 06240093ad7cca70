"""A team lead at the feed: connects, resumes, acts, stalls, is cut off; and keeps a record of all that was shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from shared.contract.alerts import LIVE_PHASES
from shared.contract.entries import EntryId
from shared.contract.frames import SUBPROTOCOL
from tests.simulation.link import Link


class Shown(msgspec.Struct):
    """Any frame of the server; alerts stay the bytes that they are."""

    kind: str
    epoch: str = ""
    cursor: str = ""
    recovered: bool | None = None
    alert: msgspec.Raw = msgspec.Raw(b"null")
    alerts: list[msgspec.Raw] | None = None
    agents: list[dict[str, Any]] = []
    queues: list[dict[str, Any]] = []
    code: int = 0
    reason: str = ""
    status: int = 0
    detail: str = ""


_shown = msgspec.json.Decoder(Shown)


class Head(msgspec.Struct):
    """What a lead's list is kept by."""

    id: str
    phase: str


_head = msgspec.json.Decoder(Head)


@dataclass
class Stretch:
    """What came after one hello: the list that came with it, then changes."""

    epoch: str
    begin: EntryId
    listed: list[bytes] | None
    changes: list[tuple[EntryId, bytes]] = field(default_factory=list)
    end: EntryId = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.begin


class Lead:
    """One person and one connection at a time. `faults` is what went wrong from this side."""

    def __init__(self, name: str, tenant: str, teams: tuple[str, ...], token: str, rng: Random) -> None:
        self.name = name
        self.tenant = tenant
        self.teams = teams
        self.token = token
        self.rng = rng
        self.stalled = False
        self.known = False
        """Whether there is a list: from the first whole list on."""
        self.live: dict[str, bytes] = {}
        self.stretches: list[Stretch] = []
        self.faults: list[str] = []
        self.statuses: list[int] = []
        self.goodbyes: list[int] = []
        self.rows_seen: set[tuple[str, str, str | None]] = set()
        self._link: Link | None = None
        self._conn: ClientProtocol | None = None
        self._resumed = False
        self._parts: list[bytes] = []
        self.gone = asyncio.Event()

    @property
    def position(self) -> EntryId:
        """Up to where everything in scope was shown."""
        return self.stretches[-1].end

    # --- the connection

    def connect(self, link: Link, protocol: Any) -> None:
        """Open a connection; what is known goes along as a cursor."""
        self._conn = ClientProtocol(parse_uri("ws://desk/v1/feed"), subprotocols=[Subprotocol(SUBPROTOCOL)])
        self._link, self._resumed, self._parts = link, False, []
        self.gone.clear()
        link.connect(protocol)
        self._conn.send_request(self._conn.connect())
        self._flush()

    def received(self, data: bytes) -> None:
        """See link.Reader."""
        assert self._conn is not None
        self._conn.receive_data(data)
        for event in self._conn.events_received():
            if isinstance(event, Response):
                if event.status_code == 101:
                    self.say({"kind": "authenticate", "token": self.token})
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()

    def cut(self) -> None:
        """See link.Reader."""
        self._link = None
        self.gone.set()

    def hang_up(self) -> None:
        """Pull the plug."""
        if self._link is not None:
            self._link.hang_up()
            self.cut()

    def go_on(self) -> None:
        """Read again after a stall."""
        self.stalled = False
        if self._link is not None:
            self._link.move()

    @property
    def connected(self) -> bool:
        """Whether frames can be sent."""
        return self._link is not None and bool(self.stretches) and self._resumed

    def say(self, frame: dict[str, Any]) -> None:
        """Send a frame."""
        assert self._conn is not None
        if self._conn.state.name == "OPEN":
            self._conn.send_text(json.dumps(frame).encode())
            self._flush()

    def _flush(self) -> None:
        assert self._conn is not None
        for data in self._conn.data_to_send():
            if data and self._link is not None:
                self._link.send(data)

    # --- what is shown

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            return
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                data, self._parts = b"".join(self._parts), []
                shown = _shown.decode(data)
                getattr(self, f"_{shown.kind}")(shown)

    def _hello(self, shown: Shown) -> None:
        cursor = EntryId.parse(shown.cursor)
        before = self.stretches[-1] if self.stretches else None
        if shown.recovered is None:
            asked = ("", "") if not self.known or before is None else (before.epoch, str(before.end))
            self._asked = asked
            self.say({"kind": "resume", "epoch": asked[0], "cursor": asked[1]})
            return
        self._resumed = True
        if shown.recovered:
            if (shown.epoch, shown.cursor) != self._asked:
                self.faults.append(f"resumed at {shown.epoch} {shown.cursor}, asked for {self._asked}")
            self.stretches.append(Stretch(shown.epoch, cursor, None))
            return
        listed = [bytes(raw) for raw in shown.alerts or []]
        self.stretches.append(Stretch(shown.epoch, cursor, listed))
        self.live = {_head.decode(data).id: data for data in listed}
        self.known = True

    def _alert(self, shown: Shown) -> None:
        if not self._resumed:
            return  # between the first hello and the answer to the resume: what counts follows
        cursor, data, stretch = EntryId.parse(shown.cursor), bytes(shown.alert), self.stretches[-1]
        if cursor <= stretch.end:
            self.faults.append(f"change {cursor} came after {stretch.end}")
        stretch.changes.append((cursor, data))
        stretch.end = max(stretch.end, cursor)
        head = _head.decode(data)
        if head.phase in LIVE_PHASES:
            self.live[head.id] = data
        else:
            self.live.pop(head.id, None)

    def _board(self, shown: Shown) -> None:
        for kind, rows in (("queue", shown.queues), ("agent", shown.agents)):
            self.rows_seen.update((kind, row["id"], row.get("team")) for row in rows)
        if self._resumed:
            stretch = self.stretches[-1]
            if shown.epoch != stretch.epoch:
                self.faults.append(f"a board of epoch {shown.epoch} in one of {stretch.epoch}")
            stretch.end = max(stretch.end, EntryId.parse(shown.cursor))

    def _goodbye(self, shown: Shown) -> None:
        self.goodbyes.append(shown.code)

    def _problem(self, shown: Shown) -> None:
        self.statuses.append(shown.status)


def wish(lead: Lead, pick: Callable[[str], str]) -> tuple[str, dict[str, Any]] | None:
    """Something to do with an alert that the lead sees: its verb and fields; None when there is nothing to do."""
    if not lead.live:
        return None
    alert = sorted(lead.live)[lead.rng.randrange(len(lead.live))]
    verb = lead.rng.choice(("acknowledge", "acknowledge", "assign", "snooze", "close", "note"))
    fields: dict[str, dict[str, Any]] = {
        "acknowledge": {},
        "assign": {"to": pick("lead")},
        "snooze": {"for_s": 60},
        "close": {},
        "note": {"text": "seen"},
    }
    return verb, {"alert": alert, **fields[verb]}
