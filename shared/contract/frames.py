"""Feed frames (`/v1/feed`, subprotocol `strainwatch.v1`) and REST bodies. Every frame has `kind`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from shared.contract.actions import Note
from shared.contract.alerts import Alert
from shared.contract.events import Name
from shared.contract.signals import AgentSignal, BreakDue, QueueSignal

SUBPROTOCOL = "strainwatch.v1"


class Board(Struct, kw_only=True):
    """`GET /v1/board`. `at` is RFC 3339 UTC; `data_age_s` the age of the newest event at that moment."""

    epoch: str
    cursor: str
    at: str
    queues: list[QueueSignal]
    agents: list[AgentSignal]
    data_age_s: float | None = None
    drivers_off: list[str] = []
    breaks: list[BreakDue] = []
    """Who needs a break and could go now, those who need it most first."""


class AlertPage(Struct, kw_only=True):
    """`GET /v1/alerts`. `next` goes into `after`; null on the last page."""

    alerts: list[Alert]
    next: str | None
    epoch: str
    cursor: str


# --- frames of the server


class ServerFrame(Struct, kw_only=True, tag_field="kind"):
    """A frame that the server sends."""


class Hello(ServerFrame, kw_only=True, tag="hello", omit_defaults=True):
    """First frame after authentication, and the answer to `resume` (then with `recovered`)."""

    version: str
    epoch: str
    cursor: str
    teams: list[str]
    recovered: bool | None = None
    alerts: list[Alert] | None = None


class BoardFrame(ServerFrame, kw_only=True, tag="board"):
    """The board, about once a second; a slow client gets only the newest."""

    epoch: str
    cursor: str
    at: str
    queues: list[QueueSignal]
    agents: list[AgentSignal]
    data_age_s: float | None = None
    drivers_off: list[str] = []
    breaks: list[BreakDue] = []


class AlertFrame(ServerFrame, kw_only=True, tag="alert"):
    """One change of one alert."""

    cursor: str
    alert: Alert


class Goodbye(ServerFrame, kw_only=True, tag="goodbye"):
    """Last frame before the server closes with websocket code `code`; `reconnect` says whether to come back."""

    code: int
    reason: str
    reconnect: bool


class Problem(ServerFrame, kw_only=True, tag="problem"):
    """An action that could not be taken; the connection stays."""

    detail: str
    alert: str | None = None
    status: int = 422


AnyServerFrame = Hello | BoardFrame | AlertFrame | Goodbye | Problem

# --- frames of the client


class ClientFrame(Struct, kw_only=True, tag_field="kind"):
    """A frame that a client sends."""


class Authenticate(ClientFrame, kw_only=True, tag="authenticate"):
    """First frame of a browser, within 5 s; programs may use the Authorization header instead."""

    token: Annotated[str, Meta(max_length=8192)]


class Resume(ClientFrame, kw_only=True, tag="resume"):
    """Go on after a cursor that this client has seen."""

    epoch: Annotated[str, Meta(max_length=64)]
    cursor: Annotated[str, Meta(max_length=64)]


class Acknowledge(ClientFrame, kw_only=True, tag="acknowledge"):
    """I look after it."""

    alert: Name
    note: Note = ""


class Assign(ClientFrame, kw_only=True, tag="assign"):
    """Somebody else looks after it."""

    alert: Name
    to: Name


class Snooze(ClientFrame, kw_only=True, tag="snooze"):
    """Bring it back later."""

    alert: Name
    for_s: Annotated[int, Meta(ge=60, le=28_800)]


class Close(ClientFrame, kw_only=True, tag="close"):
    """It is over."""

    alert: Name
    note: Note = ""


class AddNote(ClientFrame, kw_only=True, tag="note"):
    """A remark for the next lead."""

    alert: Name
    text: Annotated[str, Meta(min_length=1, max_length=280)]


AnyClientFrame = Authenticate | Resume | Acknowledge | Assign | Snooze | Close | AddNote
CLIENT_FRAMES: tuple[type[ClientFrame], ...] = get_args(AnyClientFrame)

# --- REST bodies


class Rejected(Struct):
    """Why one event of a request was refused."""

    index: int
    pointer: str
    detail: str


class Accepted(Struct):
    """202 of `POST /v1/events`: accepted + rejected = events sent; `accepted` counts late ones and repeats too."""

    accepted: int
    late: int
    rejected: list[Rejected]


class ProblemDetails(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details; `type` names the entry in the docs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    rejected: list[Rejected] | None = None


class GoodbyeCode:
    """Websocket close codes. 4000-4499: come back; 4500-4999: do not, until something is changed."""

    RESTARTING = 1012
    SLOW = 4008
    TOO_MANY_MESSAGES = 4013
    TOO_MANY_CONNECTIONS = 4014
    NO_TOKEN_IN_TIME = 4502
    BAD_TOKEN = 4500
    BAD_FRAME = 4501
    TOKEN_EXPIRED = 4005
    TOKEN_REVOKED = 4504
    FORBIDDEN = 4507


Role = Literal["agent", "lead", "supervisor", "admin"]


def encode(value: Any) -> bytes:
    """JSON of a frame or body."""
    return msgspec.json.encode(value)
