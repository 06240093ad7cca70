"""One signed-in feed: which changes it has, and what goes to it next.

It is *live* while each change is written the moment it comes. When its pipe is full, or after a `resume`, it is
*behind*: the changes it lacks stay in the backlog (or the log) and follow, in order, as the pipe drains. So a slow
client costs no memory, misses no alert and blocks nobody. A board is only ever the newest one, written when no change
is owed, so that its cursor never runs ahead of the changes; it is built elsewhere and comes when it is ready.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from services.notify.core import frames
from services.notify.core.alerts import read_change, visible
from services.notify.core.board import View
from services.notify.core.scope import Scope
from shared.contract.entries import EntryId
from shared.log import LogUnavailable

if TYPE_CHECKING:
    from services.notify.hub import Hub

FETCH_COUNT = 64
"""Changes read from the log at a time for a client that was away for long; at 2 KB each, what a pipe holds anyway."""


class Pipe(Protocol):
    """The way to the client."""

    transport: str
    """`websocket` or `stream`."""

    @property
    def full(self) -> bool:
        """Whether more bytes wait than should; `Subscriber.pump` is called when it drained."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""

    def write(self, frame: frames.Frame) -> None:
        """Write a frame; never blocks."""


class Subscriber:
    """See the module."""

    __slots__ = (
        "_behind",
        "_board_due",
        "_closed",
        "_fetching",
        "_held",
        "_hub",
        "_pipe",
        "_position",
        "_resuming",
        "_void",
        "scope",
    )

    def __init__(self, hub: Hub, scope: Scope, pipe: Pipe) -> None:
        self.scope = scope
        self._hub = hub
        self._pipe = pipe
        self._position = hub.partition(scope.tenant).top
        self._behind = False
        self._void = False
        self._board_due = False
        self._closed = False
        self._held = False
        """Nothing is written before the answer to the cursor that the client came with."""
        self._resuming: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Say hello and join; what changes after its cursor follows."""
        partition = self._hub.partition(self.scope.tenant)
        self._pipe.write(frames.first_hello(self.scope, partition.epoch, self._position))
        self._hub.subscribe(self)
        self.show_board()

    def open_after(self, epoch: str, cursor: str) -> None:
        """Join where the client left off: the answer to that is the first it hears."""
        self._behind = self._held = True
        self._hub.subscribe(self)
        self.resume(epoch, cursor)
        self.show_board()

    def open_replacing(self) -> None:
        """Join in the place of another of the same person, who saw other teams: the whole list comes first."""
        self._hub.subscribe(self)
        self.replace()
        self.show_board()

    def confirm(self, scope: Scope) -> None:
        """The same teams under a fresh token: say that all goes on from where the client is."""
        self.scope = scope
        if self._void:
            return  # a hello with the whole list is on its way
        partition = self._hub.partition(scope.tenant)
        self._pipe.write(frames.recovered_hello(scope, partition.epoch, self._position))

    def close(self) -> None:
        """Leave. Another may write to the same pipe from now on, for other teams."""
        self._closed = True
        self._hub.unsubscribe(self)
        self._board_due = False  # one that is being built for it is not for who comes after it
        for task in (self._resuming, self._fetching):
            if task is not None:
                task.cancel()
        self._resuming = self._fetching = None

    # --- from the hub

    @property
    def transport(self) -> str:
        """By what the client is connected."""
        return self._pipe.transport

    def change(self, cursor: EntryId, before: EntryId, frame: frames.Frame) -> bool:
        """A change in scope, already encoded; `before` is the cursor of the change before it, in scope or not.

        Whether it was written now; else the client has it, or gets it later. The hub counts.
        """
        if cursor <= self._position or self._behind or self._void:
            return False
        if self._pipe.full:
            self._position = max(self._position, before)
            self._behind = True
            return False
        self._position = cursor
        self._pipe.write(frame)
        return True

    def show_board(self) -> None:
        """There is a board to send; if the pipe is full, the newest one follows later."""
        self._board_due = True
        if not self._pipe.full:
            self.pump()

    def take_board(self, view: View) -> None:
        """The board is built. If it cannot be written now, it stays due."""
        if not self._board_due or self._behind or self._void or self._pipe.full or self._pipe.closed:
            return
        self._board_due = False
        partition = self._hub.partition(self.scope.tenant)
        self._pipe.write(view.frame(self.scope, partition.epoch, partition.top, self._hub.clock.now_ms()))
        self._hub.metrics.board_frames.inc()

    def replace(self) -> None:
        """What the client has is void: give it the whole list."""
        self._void = True
        self._held = False
        self.pump()

    # --- from the client

    def resume(self, epoch: str, cursor: str) -> None:
        """Go on after a cursor that the client has seen; answered by a hello in any case."""
        partition = self._hub.partition(self.scope.tenant)
        try:
            position = EntryId.parse(cursor)
        except ValueError:
            position = None
        if self._resuming is not None:
            self._resuming = asyncio.ensure_future(self._recover(epoch, position, self._resuming))
        elif position is None or epoch != partition.epoch:
            self.replace()
        elif partition.told(position) and partition.tenant(self.scope.tenant).backlog.after(position) is not None:
            self._continue(position)
        else:
            self._resuming = asyncio.ensure_future(self._recover(epoch, position, None))

    def _continue(self, position: EntryId) -> None:
        partition = self._hub.partition(self.scope.tenant)
        self._void = self._held = False
        self._pipe.write(frames.recovered_hello(self.scope, partition.epoch, position))
        self._position = position
        self._behind = True
        self.pump()

    async def _recover(self, epoch: str, position: EntryId | None, earlier: asyncio.Task[None] | None) -> None:
        """Ask the log whether it still has everything after a position that is not in the backlog.

        A cursor from another notify process may also be a moment ahead of what was read here: the log knows it.
        """
        if earlier is not None:
            await asyncio.wait([earlier])
        partition = self._hub.partition(self.scope.tenant)
        whole = False
        if position is not None and epoch == partition.epoch:
            try:
                whole = await partition.stands(position)
            except LogUnavailable:
                whole = False  # the list of live alerts is the best that can be said now
        if self._resuming is asyncio.current_task():
            self._resuming = None
        if self._closed or self._pipe.closed:
            return
        if whole and position is not None and epoch == partition.epoch:
            self._continue(position)
        else:
            self.replace()

    # --- what is owed

    def pump(self) -> None:
        """Write what is owed while the pipe takes it."""
        if self._held:
            return
        if self._void and not self._pipe.full and not self._pipe.closed:
            self._write_all()
        while not self._pipe.full and not self._pipe.closed:
            if not self._behind:
                if self._board_due:
                    self._hub.boards.want(self)
                return
            if not self._catch_up():
                return

    def _write_all(self) -> None:
        partition = self._hub.partition(self.scope.tenant)
        live = partition.tenant(self.scope.tenant).alerts.live(self.scope)
        self._void = self._behind = False
        self._position = partition.top
        self._pipe.write(frames.replacing_hello(self.scope, partition.epoch, partition.top, live))

    def _catch_up(self) -> bool:
        """Write changes from the backlog; False when they must be read from the log first."""
        partition = self._hub.partition(self.scope.tenant)
        owed = partition.tenant(self.scope.tenant).backlog.after(self._position)
        if owed is None:
            if self._fetching is None:
                self._fetching = asyncio.ensure_future(self._fetch(self._position))
            return False
        for change in owed:
            if self._pipe.full:
                return True
            self._position = change.cursor
            if visible(change, self.scope):
                self._pipe.write(frames.alert_frame(change, partition.epoch))
                self._hub.metrics.alert_frames.inc()
        self._behind = False
        return True

    async def _fetch(self, position: EntryId) -> None:
        """Write one run of changes that is no longer in the backlog."""
        partition = self._hub.partition(self.scope.tenant)
        try:
            entries = await partition.history(position, FETCH_COUNT)
        except LogUnavailable:
            entries = None
        self._fetching = None
        if self._closed or self._pipe.closed:
            return
        if self._position == position and self._behind:
            if not entries:
                self._void = True  # trimmed while it was being read: only the whole list is true
            for cursor, data in entries or ():
                if self._pipe.full:
                    break  # the rest is read again when it has drained
                self._position = cursor
                try:
                    change = read_change(cursor, data)
                except (msgspec.MsgspecError, UnicodeError):
                    continue  # counted when the partition was read
                if visible(change, self.scope):
                    self._pipe.write(frames.alert_frame(change, partition.epoch))
                    self._hub.metrics.alert_frames.inc()
        self.pump()
