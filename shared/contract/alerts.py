"""An alert as every client sees it: the alerts log, `GET /v1/alerts`, the feed and `replay --json`.

Texts are rendered in English (`text`, `title`) and Chinese (`text_zh`, `title_zh`) from codes and numbers.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
from msgspec import Struct

AlertKind = Literal[
    "queue.strain", "queue.surge", "issue.surge", "agent.strain", "agent.hard_streak", "agent.break_due",
    "team.strain", "feed.silent", "campaign.over_contact", "agent.recognition",
]  # fmt: skip
ALERT_KINDS: tuple[str, ...] = get_args(AlertKind)

Severity = Literal["notice", "warning", "critical"]
SEVERITIES: tuple[str, ...] = get_args(Severity)

Phase = Literal["open", "acknowledged", "snoozed", "assigned", "escalated", "resolved", "suppressed"]
PHASES: tuple[str, ...] = get_args(Phase)
LIVE_PHASES = frozenset({"open", "acknowledged", "snoozed", "assigned", "escalated", "suppressed"})
"""Phases of an alert that is not over. Suppressed ones are live, but shown only when asked for."""


class Driver(Struct, frozen=True):
    """One named part of a strain. `share` is its part of `strain` in points; the shares add up to the strain.

    `value` is the measure behind it in `unit`.
    """

    name: str
    share: float
    value: float | None
    unit: str
    text: str
    text_zh: str


class Subject(Struct, frozen=True):
    """What the alert is about."""

    type: Literal["queue", "agent", "issue", "team", "tenant"]
    id: str


class SuggestedAction(Struct, frozen=True, omit_defaults=True):
    """Something kind and useful to do, and words (`say`) that a lead can use for it."""

    code: str
    text: str
    text_zh: str
    say: str = ""
    say_zh: str = ""


class Change(Struct, frozen=True, omit_defaults=True):
    """One step of an alert's life. `by` is a person, or null when the engine did it; `reason` says why.

    `to` is whom it was handed to; `until` (RFC 3339 UTC) is when an alert that was set aside comes back, later by what
    the log's clock jumps meanwhile.
    """

    at: str
    phase: Phase
    severity: Severity
    by: str | None = None
    reason: str | None = None
    note: str | None = None
    to: str | None = None
    until: str | None = None


class Alert(Struct, kw_only=True):
    """An alert at its latest change."""

    id: str
    kind: AlertKind
    severity: Severity
    phase: Phase
    tenant: str
    team: str | None
    subject: Subject
    strain: float
    title: str
    title_zh: str
    drivers: list[Driver]
    evidence: list[str]
    action: SuggestedAction
    opened_at: str
    updated_at: str
    owner: str | None
    history: list[Change]
    suppresses: list[str] = []
    """Ids of the alerts that this one stands for."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """JSON in the order of the fields: the bytes of the alerts log."""
    return _encoder.encode(alert)


def decode_alert(data: bytes) -> Alert:
    """An alert from the alerts log. Raises msgspec.ValidationError."""
    return _decoder.decode(data)
