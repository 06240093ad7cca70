"""Who asks: the token of a request, what it lets its bearer see, and where it came from."""

from __future__ import annotations

import math
from typing import NamedTuple

from fastapi import Request

from services.notify.core.pace import Paces
from services.notify.core.scope import Scope
from services.notify.hub import Hub
from services.notify.problems import RETRY_AFTER_S, Refusal
from shared.access import BadToken, Claims, TokenVerifier, UnknownKey
from shared.clock import Clock

ASKS_PER_MIN, ASKS_AT_ONCE = 600.0, 300.0
"""Of one person over REST. The page asks for some tens of things when it opens and about one a second at its busiest,
and a person may have it open several times; a program that asks more is better served by the feed."""
FAILURES_PER_MIN = 300.0
"""Of one address; also the burst. An office whose tokens all ran out in one minute comes back within it, and whoever
tries tokens gets five a second: each costs the check of a signature."""


class Actor(NamedTuple):
    """A signed-in person. `address` is the peer of the connection; a proxy's, when one stands between."""

    claims: Claims
    scope: Scope
    address: str | None

    @classmethod
    def of(cls, claims: Claims, address: str | None) -> Actor:
        """From the claims of a good token."""
        return cls(claims, Scope.of(claims.tenant, claims.teams, claims.role), address)


class AskPaces:
    """How fast a person may ask over REST, and how often an address may come with what is no good token.

    Kept in this process: it protects the process. A good token is let in whatever else comes from its address, since
    many people may stand behind one (a proxy's, an office's).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = Paces(ASKS_PER_MIN, ASKS_AT_ONCE)
        self._failed = Paces(FAILURES_PER_MIN, FAILURES_PER_MIN)

    def asked(self, claims: Claims) -> int:
        """Count one more request of a person: 0, or in how many seconds the next is answered."""
        return math.ceil(self._asked.take((claims.tenant, claims.sub), self._clock.steady_s()))

    def failed(self, address: str | None) -> int:
        """Count one more bad token from an address: 0, or in how many seconds the next is told why."""
        return math.ceil(self._failed.take(("", address or ""), self._clock.steady_s()))


class Door:
    """Lets requests in by their tokens. Every route asks here, so that the rules stand in one place."""

    def __init__(self, hub: Hub, verifier: TokenVerifier, clock: Clock) -> None:
        self._hub = hub
        self._verifier = verifier
        self._clock = clock
        self.paces = AskPaces(clock)

    def signed_in(self, request: Request) -> Claims:
        """Anybody with a good token. Raises Refusal."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "Send the token as `Authorization: Bearer <token>`.", WWW_Authenticate="Bearer")
        if not self._verifier.ready:
            raise log_away()
        try:
            claims = self._verifier.verify(token.strip(), self._clock.now_ms() // 1000)
        except BadToken as exc:
            if not isinstance(exc, UnknownKey):  # that one is asked again
                self._hub.metrics.refused_sign_ins.labels("rest").inc()
            if wait_s := self.paces.failed(_address(request)):
                detail = f"Too many tokens that are not good came from your address; come back in {wait_s} s."
                raise Refusal(429, detail, Retry_After=str(wait_s)) from exc
            detail = str(exc) or "The token is not valid."
            raise Refusal(401, detail, WWW_Authenticate='Bearer error="invalid_token"') from exc
        if wait_s := self.paces.asked(claims):
            raise Refusal(429, f"That was too much in a minute; go on in {wait_s} s.", Retry_After=str(wait_s))
        return claims

    def actor(self, request: Request) -> Actor:
        """Anybody with a good token, and the log can be read. Raises Refusal."""
        actor = Actor.of(self.signed_in(request), _address(request))
        if not self._hub.partition(actor.claims.tenant).loaded.is_set():
            raise log_away()
        return actor

    def leading(self, request: Request) -> Actor:
        """A lead, supervisor or admin. Raises Refusal."""
        actor = self.actor(request)
        if not actor.scope.may_lead:
            raise Refusal(403, "The board and the alerts are for leads, supervisors and admins.")
        return actor

    def lead(self, request: Request) -> tuple[Claims, Scope]:
        """See `leading`."""
        actor = self.leading(request)
        return actor.claims, actor.scope

    def supervising(self, request: Request) -> Actor:
        """A supervisor or admin. Raises Refusal."""
        actor = self.actor(request)
        if actor.claims.role not in ("supervisor", "admin"):
            raise Refusal(403, "The audit log is for supervisors and admins.")
        return actor

    def own_agent(self, request: Request) -> tuple[Actor, str]:
        """An agent, and the own name in the ACD. Raises Refusal."""
        actor = self.actor(request)
        if actor.claims.role != "agent" or not actor.claims.agent:
            raise Refusal(
                403, "This is an agent's own page: it takes a token of the role agent with the claim `agent`."
            )
        return actor, actor.claims.agent


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def log_away() -> Refusal:
    """The answer while the log cannot be read or written."""
    return Refusal(503, "The log does not answer; try again.", Retry_After=str(RETRY_AFTER_S))
