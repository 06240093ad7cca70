"""Events that people send by this page: a lead supported an agent, an agent checked in. The engine reads them from the
events log like those of an ACD."""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from services.notify.actions import Actions
from services.notify.door import Actor
from services.notify.hub import Hub
from services.notify.trail import Trail, Whose
from shared.contract.audit import AuditAction, AuditSubject
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import block_fields
from shared.contract.events import AgentCheckIn, AgentSupported, Event
from shared.contract.frames import encode
from shared.contract.rows import RowHashes
from shared.log import LogUnavailable
from shared.log_rules import DIGEST_BYTES

SAME_SUPPORT_S = 60.0
"""A second word of the same lead for the same agent within a minute is a double click or a second tab: it takes off no
more load, and is answered as the first."""
CHECK_IN_EVERY_S = 300.0
"""Between two check-ins of an agent. One feels a load over minutes; more often says nothing new, and would let a script
write the own strain up or down at will."""
HASHES_SECRET = b""
"""These events name no caller and no contact, so nothing is hashed."""


MakeEvent = Callable[[str, int], Event]
"""From an id and a time in ms."""


class Told(NamedTuple):
    """200 judged, 202 written, 404 no such agent in scope, 429 too soon, with when to come back."""

    status: int
    detail: str
    wait_s: int = 0


class AgentEvents:
    """Writes them; every one is in the audit log."""

    def __init__(self, hub: Hub, actions: Actions, trail: Trail) -> None:
        self._hub = hub
        self._actions = actions
        self._trail = trail

    async def supported(self, actor: Actor, agent: str) -> Told:
        """A lead joined, listened or thanked. Raises LogUnavailable."""
        if wait_s := self._actions.pause_s(actor):
            return _too_much(wait_s)
        row = self._hub.agent(actor.claims.tenant, agent)
        if row is None or not actor.scope.sees(row.team, "agent"):
            told = Told(404, "There is no such agent in your teams.")
            await self._keep(actor, "supported", agent, told.status)
            return told
        event = lambda id, ts: AgentSupported(id=id, ts=ts, agent=agent, by=actor.claims.sub)  # noqa: E731
        if await self._left_s(actor, "supported", agent, SAME_SUPPORT_S):
            return Told(200, "Noted already.")
        return await self._send(actor, "supported", agent, SAME_SUPPORT_S, event)

    async def check_in(self, actor: Actor, agent: str, load: int) -> Told:
        """The agent's own word on the load. Raises LogUnavailable."""
        if wait_s := self._actions.pause_s(actor):
            return _too_much(wait_s)
        left_s = await self._left_s(actor, "check_in", agent, CHECK_IN_EVERY_S)
        if left_s:
            minutes = math.ceil(left_s / 60)
            detail = f"You checked in a moment ago. The next one is taken in {minutes} min."
            await self._keep(actor, "check_in", agent, 429)
            return Told(429, detail, wait_s=math.ceil(left_s))
        event = lambda id, ts: AgentCheckIn(id=id, ts=ts, agent=agent, load=load)  # noqa: E731
        return await self._send(actor, "check_in", agent, CHECK_IN_EVERY_S, event)

    async def checked_in_ms(self, actor: Actor, agent: str) -> int | None:
        """When the agent last checked in; None when not within a day."""
        return await self._trail.last_ms(actor.claims.tenant, "check_in", agent, actor.claims.sub)

    async def _left_s(self, actor: Actor, action: AuditAction, agent: str, every_s: float) -> float:
        """In how many seconds it may be done again."""
        last_ms = await self._trail.last_ms(actor.claims.tenant, action, agent, actor.claims.sub)
        if last_ms is None:
            return 0.0
        return max(0.0, every_s - (self._hub.clock.now_ms() - last_ms) / 1000)

    async def _send(self, actor: Actor, action: AuditAction, agent: str, every_s: float, event: MakeEvent) -> Told:
        """Write an event that somebody sends at most every so often.

        A write in doubt may have come through. Sent again by a person, it has the same id, and counts once.
        """
        tenant, sub, now_ms = actor.claims.tenant, actor.claims.sub, self._hub.clock.now_ms()
        deed = encode((tenant, action, agent, sub, int(now_ms // (1000 * every_s))))
        id_ = blake2b(deed, digest_size=DIGEST_BYTES).hexdigest()
        self._trail.did(tenant, action, agent, sub, now_ms)  # before it is written: two at once are one
        try:
            _, scored = await self._actions.write(tenant, block_fields(_block(tenant, event(id_, now_ms))))
        except LogUnavailable:
            self._trail.undo(tenant, action, agent, sub)
            await self._keep(actor, action, agent, 503)
            raise
        told = Told(200, "Noted.") if scored else Told(202, "Written; it counts once it is judged.")
        await self._keep(actor, action, agent, told.status)
        return told

    async def _keep(self, actor: Actor, action: AuditAction, agent: str, status: int) -> None:
        row = self._hub.agent(actor.claims.tenant, agent)
        whose = Whose(None if row is None else row.team, "agent")
        await self._trail.keep(actor, action, AuditSubject("agent", agent), status, whose)


def _too_much(wait_s: int) -> Told:
    """Not in the audit log: a script could otherwise push what others did out of it."""
    return Told(429, f"That was too much in a minute; go on in {wait_s} s.", wait_s)


def _block(tenant: str, event: Event) -> bytes:
    assert isinstance(event.ts, int)
    encoder = EventsEncoder()
    encoder.add(tenant, RowHashes(tenant, HASHES_SECRET), [event], [event.ts])
    block, _ = encoder.finish()
    return block
