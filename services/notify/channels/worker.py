"""One channel on one partition: takes changes out of its outbox, one at a time, and sends what its routes want.

One process at a time does so (it *holds* the outbox). Whatever ends it, the next holder finds what is pending, and what
was told already. A crash between a send and its note sends that one message again, under the same id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Protocol

import msgspec
import structlog

from services.notify.channels.ledger import Ledger
from services.notify.channels.measures import Measures
from services.notify.core.channel_settings import Channel
from services.notify.core.lanes import Lanes, Parcel
from services.notify.core.message import Message, message_of
from services.notify.core.retries import PAUSE_S, REFUSED_TRIES, RETRY_S, Outcome, Verdict, pause_s
from services.notify.core.routing import Route, is_news, message_id, phase_told, route_for, step_of, told_once
from services.notify.core.told import read_told
from shared.clock import Clock
from shared.contract.entries import START, EntryId
from shared.log import LogUnavailable
from shared.outbox import Change, Outbox, OutboxMissing

HOLD_MS, RENEW_S, STANDBY_S = 20_000, 5.0, 2.0
"""A process that died is replaced within 20 s; three renewals may fail before."""
TAKE_MAX = 100
"""Changes taken at once."""
UNSENT_MAX, WAITING_MAX = 1_000, 20_000
"""Changes of a channel that are kept in memory: to be sent, and with those that wait for the end of quiet hours, so
that what is critical is not stuck behind a night's warnings. The others wait in the log, which keeps them for a week.
"""
LOOK_S = 0.25
"""How soon a change in the log is seen; asking costs nothing, as the hub has read it already."""
TAKE_EVERY_S = 5.0
"""The store is asked at least so often, should the hub know less than it."""
QUIET_LOOK_S = 60.0
"""How often the end of quiet hours is looked for again, since clocks are set and zones change."""
BACKOFF_S = (0.2, 5.0)
FORGET_EVERY_S = 3600.0

_logger = structlog.get_logger(__name__)


class Sender(Protocol):
    """What carries a message."""

    async def send(self, message: Message) -> Outcome:
        """One try; never raises for what the receiver does."""

    async def close(self) -> None:
        """Let go of everything."""


class Worker:
    """See the module."""

    def __init__(
        self,
        channel: Channel,
        partition: int,
        *,
        outbox: Outbox,
        sender: Sender,
        newest: Callable[[], EntryId],
        clock: Clock,
        measures: Measures,
        token: str,
        public_url: str | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.channel = channel
        self.lanes = Lanes()
        self.ledger = Ledger(outbox, blake2b(channel.url.encode(), digest_size=8).hexdigest())
        self._outbox, self._sender, self._newest, self._clock = outbox, sender, newest, clock
        self._measures, self._token, self._public_url, self._chance = measures, token, public_url, chance
        self._log = _logger.bind(channel=channel.name, partition=partition)
        self._position: EntryId | None = None
        self._asked_s = self._forgot_s = float("-inf")
        self._failures = 0
        self._pause_until_s = 0.0
        self._more_pending_after: EntryId | None = None
        """Where reading what was pending at the start goes on, once there is room for it."""
        self.stopping = False
        self.opened = False
        """Whether its outbox is open: from then on nothing is missed."""

    async def run(self) -> None:
        """Until cancelled, or told to stop."""
        pause_s, trouble = BACKOFF_S[0], False
        while not self.stopping:
            try:
                held = await self._outbox.hold(self._token, ttl_ms=HOLD_MS)
                trouble, pause_s = False, BACKOFF_S[0]
                if held:
                    await self._while_held()
                elif not self.stopping:
                    await asyncio.sleep(STANDBY_S)
            except LogUnavailable as fault:
                if not trouble:
                    self._log.warning("channel.log_away", error=str(fault))
                trouble = True
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_S[1])
        with suppress(LogUnavailable):
            await self._outbox.release(self._token)

    async def _while_held(self) -> None:
        work = asyncio.create_task(self._work(), name=f"channel {self.channel.name}")
        try:
            while True:
                await asyncio.wait({work}, timeout=RENEW_S)
                if work.done():
                    return work.result()
                with suppress(LogUnavailable):  # nobody else can take it meanwhile
                    if not await self._outbox.hold(self._token, ttl_ms=HOLD_MS):
                        self._log.warning("channel.hold_lost")
                        return None
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    # --- taking

    async def _work(self) -> None:
        await self._begin()
        while not self.stopping:
            try:
                await self._take()
            except OutboxMissing:
                self._log.error("channel.outbox_lost", from_=str(self._position or "the end of the log"))
                await self._outbox.open(self._position)
                continue
            if not await self._send_next():
                await asyncio.sleep(LOOK_S)

    async def _begin(self) -> None:
        await self._outbox.open(self._position)
        self.opened = True
        await self.ledger.load(self._clock.now_ms())
        self.lanes, after = Lanes(), START
        self._asked_s, self._forgot_s = float("-inf"), self._clock.steady_s()
        while self._room() and (found := await self._outbox.pending(after, TAKE_MAX)):
            after = found[-1][0]
            await self._sort(found)
        self._more_pending_after = after if not self._room() else None
        if len(self.lanes):
            self._log.info("channel.pending", changes=len(self.lanes))

    async def _take(self) -> None:
        now_s = self._clock.steady_s()
        if now_s - self._forgot_s >= FORGET_EVERY_S:
            self._forgot_s = now_s
            await self._outbox.note({}, [f"told:{alert}" for alert in self.ledger.forget_old(self._clock.now_ms())])
        while self._room() and self._more_pending_after is not None:
            found = await self._outbox.pending(self._more_pending_after, TAKE_MAX)
            self._more_pending_after = found[-1][0] if found else None
            await self._sort(found)
        if self.ledger.off is not None and now_s - self._asked_s >= TAKE_EVERY_S:
            await self.ledger.load(self._clock.now_ms())  # somebody may have switched it on
        behind = self._position is None or self._newest() > self._position
        if not behind and now_s - self._asked_s < TAKE_EVERY_S:
            return
        while self._room() and self._more_pending_after is None:
            newest = self._newest()  # before asking: what comes meanwhile is not taken
            found = await self._outbox.take(TAKE_MAX)
            self._asked_s = now_s
            if not found:
                self._position = max(self._position or START, newest)
                return
            self._position = found[-1][0]
            await self._sort(found)

    def _room(self) -> bool:
        return len(self.lanes) < WAITING_MAX and self.lanes.active() < UNSENT_MAX

    async def _sort(self, changes: list[Change]) -> None:
        """What may have to be sent goes into its lane, the rest is settled at once."""
        others: list[EntryId] = []
        for cursor, data in changes:
            parcel = self._parcel(cursor, data)
            if parcel is None:
                others.append(cursor)
            else:
                self.lanes.add(parcel)
        await self.ledger.skipped(others)

    def _parcel(self, cursor: EntryId, data: bytes | None) -> Parcel | None:
        if data is None:
            self._skip("trimmed")
            return None
        try:
            alert = read_told(data)
        except (msgspec.MsgspecError, UnicodeError):
            self._log.error("channel.unreadable", cursor=str(cursor))
            self._skip("unreadable")
            return None
        if not is_news(alert):
            return None
        # Behind a change that waits, any step may say that it need not be told.
        if alert.id not in self.lanes and route_for(alert, self.channel.routes) is None:
            return None
        return Parcel(cursor, alert, data, *self.ledger.tries.get(cursor, ()))

    # --- sending

    async def _send_next(self) -> bool:
        """Deal with one change; False when nothing is due."""
        now_s, now_ms = self._clock.steady_s(), self._clock.now_ms()
        parcel = self.lanes.next(now_s) if self.ledger.off is not None or now_s >= self._pause_until_s else None
        if parcel is None:
            return False
        route = route_for(parcel.alert, self.channel.routes)
        why = "off" if self.ledger.off is not None else self._needless(parcel, route)
        if why is not None or route is None:
            return await self._drop(parcel, why or "no route")
        if now_ms - parcel.cursor.ms > self.channel.give_up_after_s * 1000:
            return await self._set_aside(parcel, "too old")
        wait_s = route.quiet_hours.wait_s(parcel.alert.severity, now_ms) if route.quiet_hours is not None else 0.0
        if wait_s > 0:
            if self.lanes.overtaken(parcel):
                return await self._drop(parcel, "quiet")
            self.lanes.wait(parcel, now_s + min(wait_s, QUIET_LOOK_S))
            return True
        outcome = await self._tried(parcel, route)
        await self._after(parcel, outcome)
        return True

    def _needless(self, parcel: Parcel, route: Route | None) -> str | None:
        """Why a change is not to be sent, None when it is."""
        alert, told = parcel.alert, self.ledger.told.get(parcel.alert.id)
        if route is None:
            return "no route"
        if told is not None and (told.cursor >= parcel.cursor or told.step == step_of(alert)):
            return "told before"
        if phase_told(alert) == "resolved" and not told_once(alert) and (told is None or told.over):
            return "opening not told"
        return None

    async def _tried(self, parcel: Parcel, route: Route) -> Outcome:
        try:
            return await self._sender.send(self._message(parcel, route))
        except Exception as fault:  # ours; one change must not end the channel
            self._log.exception("channel.fault", alert=parcel.alert.id, cursor=str(parcel.cursor))
            return Outcome(Verdict.REFUSED, f"a fault of Strainwatch itself ({type(fault).__name__})")

    def _message(self, parcel: Parcel, route: Route) -> Message:
        id = message_id(self.channel.name, parcel.alert.id, str(parcel.cursor))
        language, url = route.language, self._public_url
        return message_of(parcel.alert, parcel.data, id, language, zone=route.zone, public_url=url)

    async def _after(self, parcel: Parcel, outcome: Outcome) -> None:
        name = self.channel.name
        if outcome.verdict is Verdict.SENT:
            # It went out: whatever the store does now, this process must not send it again.
            await self._surely(lambda: self.ledger.sent(parcel))
            self.lanes.remove(parcel)
            self.lanes.succeeded()
            if self._failures:
                self._log.info("channel.back", after_tries=self._failures)
            self._failures, self._pause_until_s = 0, 0.0
            self._measures.sent.labels(name).inc()
            return
        self._measures.failed.labels(name).inc()
        parcel.tries += 1
        parcel.refusals += outcome.verdict is Verdict.REFUSED
        await self._surely(lambda: self.ledger.failed(parcel))
        if outcome.verdict is Verdict.GONE:
            self._log.error("channel.off", why=outcome.reason, what_to_do="correct or remove the channel; then restart")
            await self._surely(lambda: self.ledger.switch_off(outcome.reason))
            return
        now_s = self._clock.steady_s()
        if outcome.verdict is Verdict.REFUSED:
            self._log.warning("channel.refused", alert=parcel.alert.id, refusals=parcel.refusals, why=outcome.reason)
            if parcel.refusals >= REFUSED_TRIES:
                await self._set_aside(parcel, outcome.reason)
                return
            self.lanes.failed(parcel, now_s + pause_s(parcel.tries, RETRY_S, self._chance()))
            return
        self._failures += 1
        if self._failures == 1:
            self._log.warning("channel.away", alert=parcel.alert.id, why=outcome.reason)
        pause = max(pause_s(self._failures, PAUSE_S, self._chance()), outcome.retry_after_s)
        self._pause_until_s = now_s + pause
        self.lanes.failed(parcel, now_s + max(pause, pause_s(parcel.tries, RETRY_S, self._chance())))

    async def _drop(self, parcel: Parcel, why: str) -> bool:
        await self._surely(lambda: self.ledger.skipped([parcel.cursor]))
        self.lanes.remove(parcel)
        self._skip(why)
        return True

    async def _set_aside(self, parcel: Parcel, why: str) -> bool:
        record = msgspec.json.encode(
            {
                "channel": self.channel.name,
                "alert": parcel.alert.id,
                "cursor": str(parcel.cursor),
                "phase": parcel.alert.phase,
                "tries": parcel.tries,
                "why": why,
                "at_ms": self._clock.now_ms(),
            }
        )
        await self._surely(lambda: self.ledger.set_aside(parcel, record))
        self.lanes.remove(parcel)
        self._measures.set_aside.labels(self.channel.name).inc()
        self._log.error("channel.set_aside", alert=parcel.alert.id, cursor=str(parcel.cursor), why=why)
        return True

    async def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, however long the store is away."""
        pause_s = BACKOFF_S[0]
        while True:
            try:
                await write()
                return
            except LogUnavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_S[1])

    def _skip(self, why: str) -> None:
        self._measures.skipped.labels(self.channel.name, why).inc()
