"""The feed: who signs in, what they may see, what they ask for and do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from websockets.http11 import Request

from services.notify.actions import Actions
from services.notify.core import frames
from services.notify.core.origin import origin_allowed
from services.notify.core.scope import Scope
from services.notify.core.verbs import VERBS
from services.notify.hub import Hub
from services.notify.subscriber import Subscriber
from services.notify.wire import Wire
from shared.access import BadToken, Claims, TokenVerifier
from shared.clock import Clock
from shared.contract.frames import AnyClientFrame, Authenticate, GoodbyeCode, Resume
from shared.log import LogUnavailable

PATH = "/v1/feed"
TOKEN_WAIT_S = 5.0  # a browser sends its token with the first frame; who does not is not a lead
SWEEP_S = 0.5  # how finely deadlines are kept

_decoder = msgspec.json.Decoder(AnyClientFrame)


class Feed:
    """All feed connections of this process, and what they need."""

    def __init__(
        self, hub: Hub, actions: Actions, verifier: TokenVerifier, clock: Clock, allowed_origins: Sequence[str] = ()
    ) -> None:
        self.hub = hub
        self.actions = actions
        self.verifier = verifier
        self.clock = clock
        self.allowed_origins = tuple(allowed_origins)
        self.connections: set[FeedConnection] = set()
        self.draining = False

    def start(self) -> None:
        """Begin to look after deadlines."""
        self.hub.run(self._sweep(), "deadlines")

    def drain(self) -> None:
        """Tell everybody that this process goes away, and close."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.shutdown()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s, now_ms = self.clock.steady_s(), self.clock.now_ms()
            for connection in tuple(self.connections):
                connection.look_after(now_s, now_ms)


def feed_protocol(feed: Feed) -> type[FeedConnection]:
    """The class that uvicorn wants as `ws=`, bound to a feed."""
    bound = {"feed": feed, "clock": feed.clock, "metrics": feed.hub.metrics, "__slots__": ()}
    return cast(type[FeedConnection], type("BoundFeedConnection", (FeedConnection,), bound))


class FeedConnection(Wire):
    """One connection to the feed."""

    feed: Feed
    __slots__ = ("_claims", "_subscriber", "_tasks", "_token_due_s")

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        """As uvicorn calls it."""
        super().__init__(config, server_state, app_state, _loop)
        self._claims: Claims | None = None
        self._subscriber: Subscriber | None = None
        self._tasks: set[asyncio.Task[None]] | None = None
        self._token_due_s = self.clock.steady_s() + TOKEN_WAIT_S
        self.feed.connections.add(self)

    def _drained(self) -> None:
        """See Wire."""
        if self._subscriber is not None:
            self._subscriber.pump()

    def _left(self) -> None:
        """See Wire."""
        if self._subscriber is not None:
            self._subscriber.close()
            self._subscriber = None

    def connection_lost(self, exc: Exception | None) -> None:
        """From the transport."""
        super().connection_lost(exc)
        self.feed.connections.discard(self)

    def look_after(self, now_s: float, now_ms: int) -> None:
        """Keep the deadlines of this connection."""
        if self._claims is None:
            if now_s >= self._token_due_s:
                reason = "Send {kind: authenticate, token} within 5 s, or an Authorization header."
                self._goodbye(GoodbyeCode.NO_TOKEN_IN_TIME, reason, reconnect=False)
        elif now_ms >= self._claims.exp * 1000:
            self._goodbye(GoodbyeCode.TOKEN_EXPIRED, "The token expired; come back with a new one.", reconnect=True)
        self.check(now_s)

    # --- signing in

    def _opening(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """See Wire."""
        origin, host = request.headers.get_all("Origin"), request.headers.get("Host", "")
        if request.path.partition("?")[0] != PATH:
            return HTTPStatus.NOT_FOUND, f"The feed is at {PATH}."
        if origin and not (len(origin) == 1 and origin_allowed(origin[0], host, self.feed.allowed_origins)):
            return HTTPStatus.FORBIDDEN, "Pages of this origin may not open the feed; allow it in the settings."
        return None

    def _opened(self, request: Request) -> None:
        """See Wire."""
        if self.feed.draining:
            self.shutdown()
            return
        header = request.headers.get_all("Authorization")
        if header:
            scheme, _, token = header[0].partition(" ")
            self._authenticate(token.strip() if scheme.lower() == "bearer" else "")

    def _authenticate(self, token: str) -> None:
        hub, now_ms = self.feed.hub, self.feed.clock.now_ms()
        try:
            claims = self.feed.verifier.verify(token, now_ms // 1000)
        except BadToken as exc:
            self._goodbye(GoodbyeCode.BAD_TOKEN, str(exc) or "The token is not valid.", reconnect=False)
            return
        scope = Scope.of(claims.tenant, claims.teams, claims.role)
        if not scope.may_lead:
            self._goodbye(GoodbyeCode.FORBIDDEN, "The feed is for leads, supervisors and admins.", reconnect=False)
            return
        if not hub.partition(scope.tenant).loaded.is_set():
            self._goodbye(GoodbyeCode.RESTARTING, "The log does not answer yet.", reconnect=True)
            return
        self._claims = claims
        self._subscriber = Subscriber(hub, scope, self)
        self._subscriber.open()

    # --- messages

    def _message(self, data: bytes) -> None:
        try:
            frame = _decoder.decode(data)
        except msgspec.ValidationError as exc:
            if self._claims is None:
                self._goodbye(GoodbyeCode.BAD_FRAME, "The first frame is authenticate {token}.", reconnect=False)
            else:
                self.write(frames.problem_frame(str(exc)))
            return
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self._goodbye(GoodbyeCode.BAD_FRAME, "Frames are JSON objects with a `kind`.", reconnect=False)
            return
        if self._claims is None:
            if isinstance(frame, Authenticate):
                self._authenticate(frame.token)
            else:
                self._goodbye(GoodbyeCode.BAD_FRAME, "The first frame is authenticate {token}.", reconnect=False)
        elif isinstance(frame, Authenticate):
            self.write(frames.problem_frame("Signed in already; a new token needs a new connection.", status=409))
        elif isinstance(frame, Resume):
            assert self._subscriber is not None
            self._subscriber.resume(frame.epoch, frame.cursor)
        else:
            self._act(frame)

    # --- acting

    def _act(self, frame: Any) -> None:
        verb = str(frame.__struct_config__.tag)
        if verb not in VERBS:
            self.write(frames.problem_frame(f"This server does not take {verb} yet.", alert=frame.alert))
            return
        if self._tasks is None:
            self._tasks = set()
        task = asyncio.ensure_future(self._take(verb, frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, verb: str, frame: Any) -> None:
        assert self._claims is not None
        assert self._subscriber is not None
        try:
            outcome = await self.feed.actions.take(VERBS[verb], frame, self._subscriber.scope, self._claims.sub)
        except LogUnavailable:
            detail = "The log does not answer; try again."
            self.write(frames.problem_frame(detail, status=503, alert=frame.alert))
            return
        if outcome.status == HTTPStatus.OK and outcome.written:
            return  # the change itself is the answer
        status = HTTPStatus.CONFLICT if outcome.status == HTTPStatus.OK else outcome.status
        self.write(frames.problem_frame(outcome.detail, status=status, alert=frame.alert))
