"""The feed: who signs in, what they may see, what they ask for and do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from typing import Any, Protocol, cast

import msgspec
import structlog
from websockets.http11 import Request

from services.notify.actions import Actions
from services.notify.core import frames
from services.notify.core.frames import Farewell
from services.notify.core.origin import origin_allowed
from services.notify.core.scope import Scope
from services.notify.door import Actor
from services.notify.hub import Hub
from services.notify.subscriber import Subscriber
from services.notify.wire import Wire
from shared.access import BadToken, Claims, TokenVerifier, UnknownKey
from shared.clock import Clock
from shared.contract.frames import AnyClientFrame, Authenticate, GoodbyeCode, Resume
from shared.log import LogUnavailable

_logger = structlog.get_logger(__name__)

PATH = "/v1/feed"
TOKEN_WAIT_S = 5.0  # a browser sends its token with the first frame; who does not is not a lead
SWEEP_S = 0.5  # how finely deadlines are kept
CONNECTIONS_MAX = 20_000
"""Of one process: at 8 to 20 KB each some hundred megabytes; a larger centre runs another notify."""
PERSON_CONNECTIONS_MAX = 100
"""Of one person, once half of all are taken: tabs, a second screen and a wall of boards are some ten. While there is
room nobody is counted."""

_decoder = msgspec.json.Decoder(AnyClientFrame)


class Connection(Protocol):
    """A client of the feed, however it is connected."""

    full: bool
    closed: bool

    @property
    def unsent_bytes(self) -> int:
        """What waits here for the client to read."""

    def look_after(self, now_s: float, now_ms: int) -> None:
        """Keep its deadlines."""

    def judge_token(self) -> None:
        """Look whether the token was taken back meanwhile."""

    def shutdown(self) -> None:
        """Say goodbye: the process ends."""


class Feed:
    """All feed connections of this process, and what they need."""

    def __init__(
        self,
        hub: Hub,
        actions: Actions,
        verifier: TokenVerifier,
        clock: Clock,
        allowed_origins: Sequence[str] = (),
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self.hub = hub
        self.actions = actions
        self.verifier = verifier
        self.clock = clock
        self.allowed_origins = tuple(allowed_origins)
        self.connections: dict[Connection, None] = {}
        self.connections_max = connections_max
        self.waiting = 0
        """Connections that did not sign in yet."""
        self._people: Counter[tuple[str, str]] = Counter()
        self._judged = verifier.version
        self.draining = False

    def start(self) -> None:
        """Begin to look after deadlines."""
        self.hub.run(self._sweep(), "deadlines")

    def drain(self) -> None:
        """Tell everybody that this process goes away, and close."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.shutdown()

    def takes(self, more: int) -> bool:
        """Whether so many connections more are taken; at most half of all may be of who did not sign in yet."""
        return len(self.connections) + more <= self.connections_max and self.waiting <= self.connections_max // 2

    def has_room_for(self, claims: Claims) -> bool:
        """Whether a person may have one more."""
        if len(self.connections) <= self.connections_max // 2:
            return True
        return self._people[claims.tenant, claims.sub] < PERSON_CONNECTIONS_MAX

    def joined(self, claims: Claims) -> None:
        """A person is there once more."""
        self._people[claims.tenant, claims.sub] += 1

    def left(self, claims: Claims) -> None:
        """And once less."""
        who = (claims.tenant, claims.sub)
        self._people[who] -= 1
        if self._people[who] <= 0:
            del self._people[who]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s, now_ms, version = self.clock.steady_s(), self.clock.now_ms(), self.verifier.version
            for connection in tuple(self.connections):
                connection.look_after(now_s, now_ms)
                if version != self._judged:
                    connection.judge_token()
            self._judged = version


def feed_protocol(feed: Feed) -> type[FeedConnection]:
    """The class that uvicorn wants as `ws=`, bound to a feed."""
    bound = {"feed": feed, "clock": feed.clock, "metrics": feed.hub.metrics, "__slots__": ()}
    return cast(type[FeedConnection], type("BoundFeedConnection", (FeedConnection,), bound))


class FeedConnection(Wire):
    """One connection to the feed."""

    feed: Feed
    __slots__ = ("_asked_in", "_claims", "_subscriber", "_tasks", "_token_due_s", "_waits")

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        """As uvicorn calls it."""
        super().__init__(config, server_state, app_state, _loop)
        self._claims: Claims | None = None
        self._subscriber: Subscriber | None = None
        self._tasks: set[asyncio.Task[None]] | None = None
        self._token_due_s = self.clock.steady_s() + TOKEN_WAIT_S
        self.feed.connections[self] = None
        self._asked_in = False
        self._waits = True
        self.feed.waiting += 1

    def _drained(self) -> None:
        """See Wire."""
        if self._subscriber is not None:
            self._subscriber.pump()

    def _left(self) -> None:
        """See Wire."""
        self._wait_no_more()
        if self._subscriber is not None:
            self._subscriber.close()
            self._subscriber = None
            assert self._claims is not None
            self.feed.left(self._claims)

    def _wait_no_more(self) -> None:
        self.feed.waiting -= self._waits
        self._waits = False

    def connection_lost(self, exc: Exception | None) -> None:
        """From the transport."""
        super().connection_lost(exc)
        self.feed.connections.pop(self, None)

    def judge_token(self) -> None:
        """See Connection."""
        if self._claims is not None and self.feed.verifier.ended(self._claims) is not None:
            self._goodbye(frames.TOKEN_REVOKED)

    def look_after(self, now_s: float, now_ms: int) -> None:
        """Keep the deadlines of this connection."""
        if self._claims is None:
            if now_s >= self._token_due_s:
                reason = "Send {kind: authenticate, token} within 5 s, or an Authorization header."
                self._goodbye(Farewell(GoodbyeCode.NO_TOKEN_IN_TIME, reason, reconnect=False))
        elif now_ms >= self._claims.exp * 1000:
            self._goodbye(frames.TOKEN_EXPIRED)
        self.check(now_s)

    # --- signing in

    def _opening(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """See Wire."""
        origin, host = request.headers.get_all("Origin"), request.headers.get("Host", "")
        if request.path.partition("?")[0] != PATH:
            return HTTPStatus.NOT_FOUND, f"The feed is at {PATH}."
        if origin and not (len(origin) == 1 and origin_allowed(origin[0], host, self.feed.allowed_origins)):
            detail = "Pages of this origin may not open the feed; STRAINWATCH_ALLOWED_ORIGINS names those that may."
            return HTTPStatus.FORBIDDEN, detail
        if not self.feed.takes(0):  # this one is among them
            return HTTPStatus.SERVICE_UNAVAILABLE, "This server has as many connections as it takes; come back soon."
        return None

    def _opened(self, request: Request) -> None:
        """See Wire."""
        if self.feed.draining:
            self.shutdown()
            return
        header = request.headers.get_all("Authorization")
        if header:
            scheme, _, token = header[0].partition(" ")
            self._asked_in = True
            self._authenticate(token.strip() if scheme.lower() == "bearer" else "")

    def _authenticate(self, token: str, *, again: bool = False) -> None:
        if not self.feed.verifier.ready:
            self._goodbye(frames.LOG_AWAY)
            return
        try:
            claims = self.feed.verifier.verify(token, self.feed.clock.now_ms() // 1000)
        except UnknownKey as exc:
            if again:
                self._refuse_token(exc)
            else:
                self._begin(self._authenticate_later(token, exc))
            return
        except BadToken as exc:
            self._refuse_token(exc)
            return
        if self._claims is None:
            self._sign_in(claims)
        else:
            self._sign_in_anew(claims, self._claims)

    async def _authenticate_later(self, token: str, fault: UnknownKey) -> None:
        """Look whether the issuer has other keys now, and try once more."""
        await fault.renew()
        if not self.closed:
            self._authenticate(token, again=True)

    def _refuse_token(self, fault: BadToken) -> None:
        detail = str(fault) or "The token is not valid."
        self.metrics.refused_sign_ins.labels("feed").inc()
        if self._claims is None:
            self._goodbye(Farewell(GoodbyeCode.BAD_TOKEN, detail, reconnect=False))
        else:
            self.write(frames.problem_frame(f"The token before stays in force: {detail}", status=401))

    def _sign_in(self, claims: Claims) -> None:
        hub = self.feed.hub
        scope = Scope.of(claims.tenant, claims.teams, claims.role)
        if not scope.may_lead:
            self._goodbye(frames.FORBIDDEN)
            return
        if not hub.partition(scope.tenant).loaded.is_set():
            self._goodbye(frames.LOG_AWAY)
            return
        if not self.feed.has_room_for(claims):
            self._goodbye(frames.TOO_MANY_CONNECTIONS)
            return
        self._claims = claims
        self._wait_no_more()
        self.feed.joined(claims)
        self._subscriber = Subscriber(hub, scope, self)
        self._subscriber.open()

    def _sign_in_anew(self, claims: Claims, before: Claims) -> None:
        """A fresh token on a living connection: the same person goes on, with the teams that the new one names."""
        assert self._subscriber is not None
        if (claims.sub, claims.tenant) != (before.sub, before.tenant):
            self.write(frames.problem_frame("Another person needs another connection.", status=409))
            return
        scope = Scope.of(claims.tenant, claims.teams, claims.role)
        if not scope.may_lead:
            self._goodbye(frames.FORBIDDEN)
            return
        self._claims = claims
        if scope.teams == self._subscriber.scope.teams:
            self._subscriber.confirm(scope)
            return
        self._subscriber.close()
        self._subscriber = Subscriber(self.feed.hub, scope, self)
        self._subscriber.open_replacing()

    # --- messages

    def _message(self, data: bytes) -> None:
        try:
            frame = _decoder.decode(data)
        except msgspec.ValidationError as exc:
            if self._claims is None:
                self._goodbye(
                    Farewell(GoodbyeCode.BAD_FRAME, "The first frame is authenticate {token}.", reconnect=False)
                )
            else:
                self.write(frames.problem_frame(str(exc)))
            return
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self._goodbye(Farewell(GoodbyeCode.BAD_FRAME, "Frames are JSON objects with a `kind`.", reconnect=False))
            return
        if self._claims is None:
            if isinstance(frame, Authenticate) and not self._asked_in:
                self._asked_in = True
                self._authenticate(frame.token)
            else:
                self._goodbye(
                    Farewell(GoodbyeCode.BAD_FRAME, "The first frame is one authenticate {token}.", reconnect=False)
                )
        elif isinstance(frame, Authenticate):
            self._authenticate(frame.token)
        elif isinstance(frame, Resume):
            assert self._subscriber is not None
            self._subscriber.resume(frame.epoch, frame.cursor)
        else:
            self._act(frame)

    # --- acting

    def _act(self, frame: Any) -> None:
        assert self._claims is not None
        actor = Actor.of(self._claims, self.peer)
        self._begin(self._take(str(frame.__struct_config__.tag), frame, actor))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None:
            self._tasks = set()
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, verb: str, frame: Any, actor: Actor) -> None:
        try:
            outcome = await self.feed.actions.take(verb, frame, actor)
        except LogUnavailable:
            detail = "The log does not answer; try again."
            self.write(frames.problem_frame(detail, status=503, alert=frame.alert))
            return
        except Exception:  # ours; who asked must not wait for an answer that never comes
            _logger.exception("action.failed", verb=verb)
            self.write(frames.problem_frame("The server failed on this.", status=500, alert=frame.alert))
            return
        if outcome.status == HTTPStatus.OK and outcome.written:
            return  # the change itself is the answer
        status = HTTPStatus.CONFLICT if outcome.status == HTTPStatus.OK else outcome.status
        self.write(frames.problem_frame(outcome.detail, status=status, alert=frame.alert))
