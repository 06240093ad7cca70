"""Bytes for the sockets: each frame is encoded once and written as it is to everybody who gets it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import cast

from msgspec import Raw

from services.notify.core.alerts import Change
from services.notify.core.scope import Scope
from shared.contract import CONTRACT_VERSION
from shared.contract.alerts import Alert
from shared.contract.entries import EntryId
from shared.contract.frames import AlertFrame, Goodbye, Hello, Problem, ServerFrame, encode

_TEXT = 0x81  # a whole, unfragmented text message (RFC 6455, 5.2)


def text_head(size: int) -> bytes:
    """What stands before the `size` bytes of a websocket text message from a server: not masked, not compressed."""
    if size < 126:
        return struct.pack("!BB", _TEXT, size)
    if size < 1 << 16:
        return struct.pack("!BBH", _TEXT, 126, size)
    return struct.pack("!BBQ", _TEXT, 127, size)


def text_frame(payload: bytes) -> bytes:
    """A websocket text message."""
    return text_head(len(payload)) + payload


def framed(frame: ServerFrame) -> bytes:
    """A frame of the contract, ready for the socket."""
    return text_frame(encode(frame))


def raw_alert(change: Change) -> Alert:
    """The engine's own bytes standing where the contract says Alert; they are not decoded and encoded again."""
    return cast(Alert, Raw(change.data))


def alert_frame(change: Change) -> bytes:
    """One change."""
    return framed(AlertFrame(cursor=str(change.cursor), alert=raw_alert(change)))


def first_hello(scope: Scope, epoch: str, top: EntryId) -> bytes:
    """The hello after authentication."""
    return framed(Hello(version=CONTRACT_VERSION, epoch=epoch, cursor=str(top), teams=scope.team_list))


def recovered_hello(scope: Scope, epoch: str, cursor: EntryId) -> bytes:
    """The answer to a `resume` that can be kept: everything after the cursor follows."""
    return framed(
        Hello(version=CONTRACT_VERSION, epoch=epoch, cursor=str(cursor), teams=scope.team_list, recovered=True)
    )


def replacing_hello(scope: Scope, epoch: str, top: EntryId, live: Iterable[Change]) -> bytes:
    """What the client has is void; this is the list now."""
    return framed(
        Hello(
            version=CONTRACT_VERSION,
            epoch=epoch,
            cursor=str(top),
            teams=scope.team_list,
            recovered=False,
            alerts=[raw_alert(change) for change in live],
        )
    )


def goodbye_frame(code: int, reason: str, *, reconnect: bool) -> bytes:
    """The last frame."""
    return framed(Goodbye(code=code, reason=reason, reconnect=reconnect))


def problem_frame(detail: str, *, status: int = 422, alert: str | None = None) -> bytes:
    """An action that could not be taken."""
    return framed(Problem(detail=detail, status=status, alert=alert))
