"""Bytes for the connections: each frame is encoded once and written as it is to everybody who gets it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple, cast

from msgspec import Raw

from services.notify.core.alerts import Change
from services.notify.core.scope import Scope
from shared.contract import CONTRACT_VERSION
from shared.contract.alerts import Alert
from shared.contract.entries import EntryId
from shared.contract.frames import AlertFrame, Goodbye, GoodbyeCode, Hello, Problem, ServerFrame, encode

_TEXT = 0x81  # a whole, unfragmented text message (RFC 6455, 5.2)


class Frame:
    """A frame as each kind of connection sends it.

    `message` is a whole websocket message. `event` is the same as a server-sent event; its id is where a client that
    has seen it may go on (`Last-Event-ID`), so only frames that say a cursor have one.
    """

    __slots__ = ("_event", "_kind", "_mark", "message")

    def __init__(self, kind: str, message: bytes, mark: str = "") -> None:
        self.message = message
        self._kind = kind
        self._mark = mark
        self._event: bytes | None = None

    @property
    def event(self) -> bytes:
        """Made when the first asks for it. JSON has no line breaks, so that it is one line of data."""
        if self._event is None:
            named = f"event: {self._kind}\nid: {self._mark}\n" if self._mark else f"event: {self._kind}\n"
            self._event = b"".join((named.encode(), b"data: ", payload_of(self.message), b"\n\n"))
        return self._event


def mark_of(epoch: str, cursor: EntryId) -> str:
    """The id of a server-sent event."""
    return f"{epoch}:{cursor}"


def read_mark(mark: str) -> tuple[str, str]:
    """Epoch and cursor of a `Last-Event-ID`; of anything else, something that is neither."""
    epoch, _, cursor = mark.rpartition(":")
    return epoch, cursor


class Farewell(NamedTuple):
    """Why a connection ends, and whether to come back."""

    code: int
    reason: str
    reconnect: bool


RESTARTING = Farewell(GoodbyeCode.RESTARTING, "The server restarts.", True)
LOG_AWAY = Farewell(GoodbyeCode.RESTARTING, "The log does not answer yet.", True)
SLOW = Farewell(GoodbyeCode.SLOW, "The client reads too slowly; resume to miss nothing.", True)
TOKEN_EXPIRED = Farewell(GoodbyeCode.TOKEN_EXPIRED, "The token expired; come back with a new one.", True)
TOKEN_REVOKED = Farewell(GoodbyeCode.TOKEN_REVOKED, "The token was taken back; sign in anew.", False)
TOO_MANY_CONNECTIONS = Farewell(
    GoodbyeCode.TOO_MANY_CONNECTIONS, "You have too many connections open; close some.", True
)
FORBIDDEN = Farewell(GoodbyeCode.FORBIDDEN, "The feed is for leads, supervisors and admins.", False)


def text_head(size: int) -> bytes:
    """What stands before the `size` bytes of a websocket text message from a server: not masked, not compressed."""
    if size < 126:
        return struct.pack("!BB", _TEXT, size)
    if size < 1 << 16:
        return struct.pack("!BBH", _TEXT, 126, size)
    return struct.pack("!BBQ", _TEXT, 127, size)


def payload_of(message: bytes) -> memoryview:
    """What stands behind the head of such a message."""
    return memoryview(message)[{126: 4, 127: 10}.get(message[1], 2) :]


def framed(frame: ServerFrame, mark: str = "") -> Frame:
    """A frame of the contract, ready for the connections."""
    payload = encode(frame)
    return Frame(str(frame.__struct_config__.tag), text_head(len(payload)) + payload, mark)


def raw_alert(change: Change) -> Alert:
    """The engine's own bytes standing where the contract says Alert; they are not decoded and encoded again."""
    return cast(Alert, Raw(change.data))


def alert_frame(change: Change, epoch: str) -> Frame:
    """One change."""
    return framed(AlertFrame(cursor=str(change.cursor), alert=raw_alert(change)), mark_of(epoch, change.cursor))


def first_hello(scope: Scope, epoch: str, top: EntryId) -> Frame:
    """The hello after authentication."""
    hello = Hello(version=CONTRACT_VERSION, epoch=epoch, cursor=str(top), teams=scope.team_list)
    return framed(hello, mark_of(epoch, top))


def recovered_hello(scope: Scope, epoch: str, cursor: EntryId) -> Frame:
    """The answer to a `resume` that can be kept: everything after the cursor follows."""
    return framed(
        Hello(version=CONTRACT_VERSION, epoch=epoch, cursor=str(cursor), teams=scope.team_list, recovered=True),
        mark_of(epoch, cursor),
    )


def replacing_hello(scope: Scope, epoch: str, top: EntryId, live: Iterable[Change]) -> Frame:
    """What the client has is void; this is the list now."""
    return framed(
        Hello(
            version=CONTRACT_VERSION,
            epoch=epoch,
            cursor=str(top),
            teams=scope.team_list,
            recovered=False,
            alerts=[raw_alert(change) for change in live],
        ),
        mark_of(epoch, top),
    )


def goodbye_frame(farewell: Farewell) -> Frame:
    """The last frame."""
    return framed(Goodbye(code=farewell.code, reason=farewell.reason, reconnect=farewell.reconnect))


def problem_frame(detail: str, *, status: int = 422, alert: str | None = None) -> Frame:
    """An action that could not be taken."""
    return framed(Problem(detail=detail, status=status, alert=alert))
