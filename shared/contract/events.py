"""Events that an ACD sends in. Decoding is validating: a decoded event is a good event.

Times are `ts` (ms since 1970 UTC, or RFC 3339 with an offset); durations are seconds with the suffix `_s`.
Unknown keys are dropped. Keys that would carry audio, transcripts, sentiment, biometrics or free text about a
person are refused by name: Strainwatch measures workload, and what it must not know it must not be sent.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=128)]
"""An event's id. 128 characters hold every vendor's id; a longer one is a payload in the wrong field."""
Name = Annotated[str, Meta(min_length=1, max_length=512)]
"""A name or key the ACD chose: queue, agent, contact. 512 holds an ARN with room to spare."""
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
"""People or contacts at one moment; a million is beyond any centre, so more is a unit mistake."""
Seconds = Annotated[float, Meta(ge=0, le=604_800)]
"""A duration; a week is longer than any contact, so more is milliseconds in the wrong field."""

State = Literal["available", "reserved", "on_contact", "acw", "break", "meeting", "offline"]
Outcome = Literal["resolved", "unresolved", "transferred", "escalated", "callback"]
Direction = Literal["inbound", "outbound"]
CHANNELS = ("voice", "chat", "email", "callback", "video", "task", "other")
"""Channels we tell apart; any other word is read as `other`."""
REASONS = (
    "lunch", "short_break", "personal", "training", "coaching", "team_meeting", "back_office", "system", "other"
)  # fmt: skip
"""Reasons of an agent state that are kept; any other is stored as `other`, so no free text gets in."""

STATES: tuple[str, ...] = get_args(State)
OUTCOMES: tuple[str, ...] = get_args(Outcome)


REFUSED_NAMES = (
    "audio", "audio_url", "recording", "recordings", "recording_url", "recording_sid", "voice", "voiceprint", "video",
    "video_url", "image", "photo", "screenshot", "screen_recording", "webcam", "transcript", "transcripts",
    "transcript_url", "transcription", "transcription_text", "utterances", "sentiment", "sentiments", "sentiment_score",
    "sentiment_analysis", "customer_sentiment", "agent_sentiment", "emotion", "emotions", "emotion_score", "mood",
    "tone", "stress_level", "keystroke", "keystrokes", "key_presses", "mouse_movements", "biometric", "biometrics",
    "heart_rate", "face", "facial_expression", "gaze", "location", "gps", "text", "message", "messages", "message_body",
    "body", "comment", "comments", "note", "notes", "description", "summary",
)  # fmt: skip
"""What is not taken: sound, pictures, words of a conversation, what was read out of them, bodies, whereabouts, and free
text about a person; with the names that ACDs use for it."""


def _spellings(name: str) -> tuple[str, str, str]:
    """As it is, camelCase and PascalCase."""
    first, *others = name.split("_")
    camel = first + "".join(map(str.capitalize, others))
    return name, camel, camel[0].upper() + camel[1:]


REFUSED_KEYS = frozenset(key for name in REFUSED_NAMES for key in _spellings(name))
"""Keys of an event that are refused whatever they hold (`null` carries nothing and passes). Inside of an object that we
do not know they are dropped with it, unread."""
Refused = msgspec.defstruct(
    "Refused", [(key, None, None) for key in sorted(REFUSED_KEYS)], kw_only=True, omit_defaults=True, gc=False
)
"""Not part of `Event`, where they would cost every event a third of its decoding; who decodes events looks for them."""


class Event(Struct, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every event has."""

    id: Id
    ts: int | float | str


class QueueObserved(Event, kw_only=True, tag="queue.observed"):
    """Queue length now."""

    queue: Name
    waiting: Count
    longest_wait_s: Seconds | None = None
    agents_staffed: Count | None = None
    agents_available: Count | None = None
    agents_busy: Count | None = None


class ContactOffered(Event, kw_only=True, tag="contact.offered"):
    """A contact joined the queue."""

    contact: Name
    queue: Name
    caller: Name | None = None
    issue: Name | None = None
    channel: Name | None = None
    direction: Direction | None = None


class ContactAnswered(Event, kw_only=True, tag="contact.answered"):
    """A contact reached an agent."""

    contact: Name
    queue: Name
    agent: Name
    wait_s: Seconds
    announced_wait_s: Seconds | None = None


class ContactAbandoned(Event, kw_only=True, tag="contact.abandoned"):
    """A contact left the queue unanswered."""

    contact: Name
    queue: Name
    wait_s: Seconds


class ContactHandled(Event, kw_only=True, tag="contact.handled"):
    """A contact is finished. Handle time is `handle_time_s`, or `talk_s` + `hold_s` + `acw_s`."""

    contact: Name
    queue: Name
    agent: Name
    handle_time_s: Seconds | None = None
    talk_s: Seconds | None = None
    hold_s: Seconds | None = None
    acw_s: Seconds | None = None
    caller: Name | None = None
    issue: Name | None = None
    outcome: Outcome | None = None
    complaint: bool | None = None
    abusive: bool | None = None
    compliment: bool | None = None
    satisfaction: Annotated[int, Meta(ge=1, le=5)] | None = None
    department: Name | None = None
    opportunity: bool | None = None
    visit_avoided: bool | None = None
    wait_s: Seconds | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        if self.handle_time_s is None:
            if self.talk_s is None:
                raise ValueError("send `handle_time_s`, or `talk_s` with `hold_s` and `acw_s`")
            self.handle_time_s = self.talk_s + (self.hold_s or 0.0) + (self.acw_s or 0.0)


class ContactRepeated(Event, kw_only=True, tag="contact.repeated"):
    """The ACD's own repeat-call event; it overrides the repeat that Strainwatch finds by itself."""

    contact: Name
    queue: Name
    agent: Name | None = None
    caller: Name | None = None
    issue: Name | None = None
    previous_contact: Name | None = None
    since_previous_s: Annotated[float, Meta(ge=0, le=31_536_000)] | None = None


class AgentState(Event, kw_only=True, tag="agent.state"):
    """An agent changed state; also says the team."""

    agent: Name
    state: State
    reason: Name | None = None
    team: Name | None = None


class AgentQualityCheck(Event, kw_only=True, tag="agent.quality_check"):
    """A QA spot-check took place or is due."""

    agent: Name


class AgentCheckIn(Event, kw_only=True, tag="agent.check_in"):
    """The agent's own, voluntary report of the load: 1 light to 5 heavy."""

    agent: Name
    load: Annotated[int, Meta(ge=1, le=5)]


class AgentSupported(Event, kw_only=True, tag="agent.supported"):
    """A lead joined, listened or thanked."""

    agent: Name
    by: Name


AnyEvent = (
    QueueObserved
    | ContactOffered
    | ContactAnswered
    | ContactAbandoned
    | ContactHandled
    | ContactRepeated
    | AgentState
    | AgentQualityCheck
    | AgentCheckIn
    | AgentSupported
)
EVENT_TYPES: tuple[type[Event], ...] = get_args(AnyEvent)
KINDS: tuple[str, ...] = tuple(str(t.__struct_config__.tag) for t in EVENT_TYPES)
"""Event types in the order of their codes in a block. Append only: the codes are stored."""

TS_MS_MAX = 4_102_444_800_000
"""2100-01-01. A later time is a unit mistake (microseconds) or a broken clock."""
SECONDS_SINCE_1970 = range(1_000_000_000, 10_000_000_000)
"""2001 to 2286 in seconds; in milliseconds it is early 1970, when no contact centre had this software."""


def ts_to_ms(ts: float | str) -> int:
    """Milliseconds since 1970 UTC of an event's `ts`.

    Raises ValueError that says what to send instead.
    """
    in_words = isinstance(ts, str)
    if isinstance(ts, str):
        try:
            at = datetime.fromisoformat(ts)
        except ValueError:
            raise ValueError("`ts` is neither milliseconds nor RFC 3339, such as 2026-03-02T09:14:07Z") from None
        if at.tzinfo is None:
            raise ValueError("`ts` has no UTC offset: write 2026-03-02T09:14:07Z or ...+01:00")
        ts = at.timestamp() * 1000.0
    if isinstance(ts, float):
        if not math.isfinite(ts):
            raise ValueError("`ts` is not a finite number of milliseconds")
        ts = round(ts)
    if not 0 <= ts <= TS_MS_MAX:
        raise ValueError("`ts` lies outside 1970 to 2100; send milliseconds since 1970 UTC")
    if ts in SECONDS_SINCE_1970 and not in_words:
        raise ValueError(f"`ts` looks like seconds since 1970; send milliseconds: {1000 * ts}")
    return ts


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as `2026-01-31T08:00:00.000Z`: how all that goes out writes a time."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{_to_the_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=64)  # alerts come many at a time
def _to_the_second(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"


class EventDecoder:
    """Decodes one event; what is not a good event, or carries a refused key, raises msgspec.DecodeError."""

    def __init__(self) -> None:
        self._event = msgspec.json.Decoder(AnyEvent)
        self._refused = msgspec.json.Decoder(Refused)

    def decode(self, data: bytes | str) -> AnyEvent:
        """The event of a JSON object."""
        event: AnyEvent = self._event.decode(data)
        self._refused.decode(data)
        return event


def event_decoder() -> EventDecoder:
    """A decoder of one event."""
    return EventDecoder()


def to_builtins(event: Event) -> dict[str, Any]:
    """The event as it would be sent: set fields only, `type` first."""
    plain = msgspec.to_builtins(event)
    return {k: v for k, v in plain.items() if v is not None}
