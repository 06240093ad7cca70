"""A lean connection to Redis or Valkey: commands out in order, replies back in the same order, nothing done twice.

redis-py costs 60-80 us a command and by default sends a timed-out command again, which appends twice. This is
`hiredis` on a bare asyncio protocol: a command is sent once; what has no answer in time raises LogUnavailable, and its
connection is dropped, so that a late answer can never be taken for another command's. Retrying belongs to the callers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import hiredis

from shared.clock import Clock
from shared.log import LogUnavailable
from shared.redis_address import RedisAddress
from shared.redis_confirm import Confirmation
from shared.redis_faults import FATAL_TO_CONNECTION, NothingDone, code_of, fault_of

REPLY_TIMEOUT_S = 5.0
"""A healthy store answers in milliseconds; an fsync on a bad disk may take a second or two."""
SECOND_LOOK_S = 0.1
"""After a pause of our own process the answer may lie in the socket while the timer is already due: look again."""
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 0.5
"""Between attempts to connect: a restarted server is found within half a second, and two attempts a second of each
process storm nobody."""

Argument = bytes | str | int
Find = Callable[[], Awaitable[RedisAddress]]
"""Says where to dial, each time anew. Raises LogUnavailable."""


def _nothing() -> None:
    pass


class RedisConnection(asyncio.Protocol):
    """One life of a connection. `fault` says why it ended, None while it lives."""

    def __init__(self, address: RedisAddress) -> None:
        self.fault: LogUnavailable | None = None
        self.on_break: Callable[[], None] = _nothing
        """Called when it ends for any other reason than that we ended it."""
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: asyncio.Future[Any] | None = None
        self._transport: asyncio.Transport | None = None

    def send(self, arguments: tuple[Argument, ...], timeout_s: float) -> asyncio.Future[Any]:
        """Write a command; the future gets its reply, or LogUnavailable, Fenced, ScriptMissing, RefusedCommand."""
        if self.fault is not None or self._transport is None:
            raise self.fault or LogUnavailable(f"The log at {self._address} is not connected yet. Try again.")
        deadline_s = self._loop.time() + timeout_s
        # One timer stands for all waiting commands and is left running when they are answered, so that a command
        # costs no timer of its own.
        if self._timer is None or self._timer.when() > deadline_s:
            self._set_timer(deadline_s)
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((reply, deadline_s))
        self._transport.write(hiredis.pack_command(arguments))  # type: ignore[arg-type] # its stub wants one argument
        return reply

    def end(self, reason: str) -> None:
        """End this connection because it is not needed any more."""
        self.on_break = _nothing
        self.drop(reason)

    def drop(self, reason: str) -> None:
        """End this connection now; every waiting command fails with the reason."""
        if self.fault is None:
            self.on_break()
            self.fault = LogUnavailable(reason)
            if self._timer is not None:
                self._timer.cancel()
            if self._transport is not None:
                self._transport.abort()
            while self._waiting:
                reply, _ = self._waiting.popleft()
                if not reply.done():
                    reply.set_exception(LogUnavailable(reason))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without inheriting from it

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        why = f" ({exc})" if exc else ""
        self.drop(f"The log at {self._address} closed the connection{why}. What was under way may have been written.")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            self._reader.feed(data)
            # In RESP2 no reply is False: it means that no whole reply is there.
            while (value := self._reader.gets()) is not False:
                self._answer(value)
        except hiredis.ProtocolError as fault:
            self.drop(f"What answers at {self._address} does not speak Redis ({fault}). Check STRAINWATCH_REDIS_URL.")

    def _answer(self, value: Any) -> None:
        refused = str(value) if isinstance(value, hiredis.ReplyError) else None
        if not self._waiting:
            self.drop(f"The log at {self._address} spoke unasked: {refused or 'a reply to no command'}. Try again.")
            return
        reply, _ = self._waiting.popleft()
        if reply.done():  # its caller was cancelled
            return
        if refused is None:
            reply.set_result(value)
            return
        fault = fault_of(refused)
        reply.set_exception(fault)
        if code_of(refused) in FATAL_TO_CONNECTION:
            self.drop(str(fault))

    def _set_timer(self, when_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        oldest, deadline_s = self._waiting[0]
        if self._loop.time() < deadline_s:
            self._set_timer(deadline_s)
        elif self._overdue is not oldest:
            self._overdue = oldest
            self._set_timer(self._loop.time() + SECOND_LOOK_S)
        else:
            self.drop(
                f"The log at {self._address} did not answer in time. What was under way may have been written; "
                "look whether the store is overloaded or its disk is slow."
            )


class Link(Protocol):
    """A way to some keys of the store."""

    async def call(self, *arguments: Argument, wait_s: float = 0.0) -> Any:
        """The reply to one command, which is sent again only where the store says that it did nothing with it.

        `wait_s` is how long the command itself may block. Raises LogUnavailable, Fenced, ScriptMissing, RefusedCommand.
        """

    def hang_up(self, reason: str) -> None:
        """End the connection; the next call dials again."""

    async def close(self) -> None:
        """End the connection for good."""


class RedisLink:
    """A connection to one server that is dialled when first needed and again after it ended.

    While the store cannot be reached, calls fail at once with the last reason, and one call in each backoff dials.
    """

    def __init__(
        self,
        find: Find,
        clock: Clock,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        *,
        primary: bool = False,
        on_break: Callable[[], None] = _nothing,
        confirmation: Confirmation | None = None,
    ) -> None:
        """`primary`: refuse a server that is a replica. `on_break` is told when a connection was lost. With a
        `confirmation` every call counts only once replicas have it."""
        self._find = find
        self._clock = clock
        self._reply_timeout_s = reply_timeout_s
        self._primary = primary
        self._on_break = on_break
        self._confirmation = confirmation
        self._connection: RedisConnection | None = None
        self._dialling: asyncio.Task[RedisConnection] | None = None
        self._backoff_s = 0.0
        self._next_dial_s = 0.0
        self._last_fault = ""
        self._closed = False

    async def call(self, *arguments: Argument, wait_s: float = 0.0, asking: bool = False) -> Any:
        """See Link; sent once. `asking` says to a node of a cluster that the one that still has the slot sends us."""
        connection = self._connection
        if connection is None or connection.fault is not None:
            connection = await self._dialled()
        timeout_s = self._reply_timeout_s + wait_s
        if asking:  # at once before it: nobody else's command may come between
            connection.send(("ASKING",), timeout_s).add_done_callback(_seen)
        reply = connection.send(arguments, timeout_s)
        if self._confirmation is None:
            return await reply
        confirmed = connection.send(self._confirmation.command, timeout_s + self._confirmation.wait_s)
        confirmed.add_done_callback(_seen)
        value = await reply
        self._confirmation.check(await confirmed)
        return value

    def hang_up(self, reason: str) -> None:
        """See Link."""
        if self._connection is not None:
            self._connection.end(reason)

    async def close(self) -> None:
        """See Link."""
        self._closed = True
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self.hang_up("The log was closed by this program.")
            await asyncio.sleep(0)  # the transport lets go of its socket in the next turn of the loop

    async def _dialled(self) -> RedisConnection:
        if self._closed:
            raise closed()
        if self._dialling is None:
            if self._clock.steady_s() < self._next_dial_s:
                raise NothingDone(self._last_fault)
            self._dialling = asyncio.create_task(self._dial())
            self._dialling.add_done_callback(self._after_dial)
        return await asyncio.shield(self._dialling)  # others wait for the same attempt

    def _after_dial(self, task: asyncio.Task[RedisConnection]) -> None:
        self._dialling = None
        if task.cancelled():
            return
        fault = task.exception()
        if fault is None:
            self._connection = task.result()
            self._connection.on_break = self._on_break
            self._backoff_s = 0.0
        else:
            self._last_fault = str(fault)
            self._backoff_s = min(BACKOFF_MAX_S, max(BACKOFF_MIN_S, self._backoff_s * 2))
            self._next_dial_s = self._clock.steady_s() + self._backoff_s

    async def _dial(self) -> RedisConnection:
        return await connect(await self._find(), self._reply_timeout_s, primary=self._primary)


def closed() -> LogUnavailable:
    """For whoever comes after the end."""
    return LogUnavailable("The log was closed by this program.")


async def connect(address: RedisAddress, timeout_s: float, *, primary: bool = False) -> RedisConnection:
    """A connection that has answered. Raises LogUnavailable; with `primary` also when a replica answers."""
    loop = asyncio.get_running_loop()
    connection = RedisConnection(address)
    try:
        async with asyncio.timeout(timeout_s):
            if address.socket_path is not None:
                await loop.create_unix_connection(lambda: connection, address.socket_path)
            else:
                await loop.create_connection(lambda: connection, address.host, address.port, ssl=address.tls)
            await _introduce(connection, address, timeout_s)
            if primary:
                role = (await connection.send(("ROLE",), timeout_s))[0]
                if role != b"master":
                    raise NothingDone(f"The log at {address} is a {role.decode()}, not the primary. Wait for failover.")
    except LogUnavailable:
        connection.drop("The log refused the connection.")
        raise
    except OSError as fault:
        connection.drop("The log was not reached.")
        why = str(fault) or "no answer in time"
        # One that refuses may be asked for again elsewhere; one that gives no answer has cost enough time.
        kind = LogUnavailable if isinstance(fault, TimeoutError) else NothingDone
        raise kind(
            f"The log at {address} cannot be reached ({why}). Start it, or correct STRAINWATCH_REDIS_URL."
        ) from fault
    except BaseException:
        connection.drop("The attempt to connect was given up.")
        raise
    return connection


async def _introduce(connection: RedisConnection, address: RedisAddress, timeout_s: float) -> None:
    if address.password is not None:
        user = () if address.username is None else (address.username,)
        await connection.send(("AUTH", *user, address.password), timeout_s)
    if address.db:
        await connection.send(("SELECT", address.db), timeout_s)
    # A proxy without its server accepts and hangs up, a full server too: that is a failed attempt, with backoff.
    await connection.send(("PING",), timeout_s)


def _seen(reply: asyncio.Future[Any]) -> None:
    """Nobody may come to wait for it; then its fault is no news."""
    if not reply.cancelled():
        reply.exception()
