"""The board of one tenant: strain now, cut to what each lead may see, encoded once per scope."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from services.notify.core.frames import text_frame
from services.notify.core.scope import Scope
from shared.contract.entries import EntryId
from shared.contract.frames import Board, BoardFrame, encode
from shared.contract.signals import TenantSignals, decode_signals

SCOPES_MAX = 256
"""Encoded boards kept at a time: more different sets of teams in one tenant are encoded again for each lead."""


class SignalsHead(Struct):
    """Whose signals, and of when; enough to file them without decoding thousands of rows."""

    tenant: str
    at_ms: int


_heads = msgspec.msgpack.Decoder(SignalsHead)


def read_head(data: bytes) -> SignalsHead:
    """Of an entry of the signals log. Raises msgspec.MsgspecError."""
    return _heads.decode(data)


def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 as `2026-01-31T08:00:00.000Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TenantBoard:
    """The newest signals of a tenant. Decoded when the first person looks, encoded once for all who see the same."""

    __slots__ = ("_boards", "_data", "_frames", "_frames_cursor", "_signals", "at_ms")

    def __init__(self) -> None:
        self.at_ms: int | None = None
        self._data = b""
        self._signals: TenantSignals | None = None
        self._boards: dict[frozenset[str], Board] = {}
        self._frames: dict[frozenset[str], bytes] = {}
        self._frames_cursor: EntryId | None = None

    def update(self, at_ms: int, data: bytes) -> None:
        """Newer signals."""
        self.at_ms = at_ms
        self._data = data
        self._signals = None
        self._boards.clear()
        self._frames.clear()

    def board(self, scope: Scope, epoch: str, cursor: EntryId, now_ms: int) -> Board:
        """For `GET /v1/board`. `at` is the time of the signals, however old; `now_ms` when there were none yet."""
        cut = self._cut(scope, now_ms)
        return msgspec.structs.replace(cut, epoch=epoch, cursor=str(cursor))

    def frame(self, scope: Scope, epoch: str, cursor: EntryId, now_ms: int) -> bytes:
        """The `board` frame, ready for the socket."""
        if cursor != self._frames_cursor or self.at_ms is None:
            self._frames.clear()
            self._frames_cursor = cursor
        frame = self._frames.get(scope.teams)
        if frame is None:
            board = self.board(scope, epoch, cursor, now_ms)
            frame = text_frame(encode(BoardFrame(**msgspec.structs.asdict(board))))
            if len(self._frames) < SCOPES_MAX:
                self._frames[scope.teams] = frame
        return frame

    def _cut(self, scope: Scope, now_ms: int) -> Board:
        if self.at_ms is None:
            return Board(epoch="", cursor="", at=rfc3339(now_ms), queues=[], agents=[])
        cut = self._boards.get(scope.teams)
        if cut is None:
            if self._signals is None:
                self._signals = decode_signals(self._data)
            cut = _cut(self._signals, scope)
            if len(self._boards) < SCOPES_MAX:
                self._boards[scope.teams] = cut
        return cut


def _cut(signals: TenantSignals, scope: Scope) -> Board:
    last = signals.last_event_ms
    return Board(
        epoch="",
        cursor="",
        at=rfc3339(signals.at_ms),
        queues=[row for row in signals.queues if scope.sees(row.team, "queue")],
        agents=[row for row in signals.agents if scope.sees(row.team, "agent")],
        data_age_s=None if last is None else max(0, signals.at_ms - last) / 1000,
        drivers_off=signals.drivers_off,
    )
