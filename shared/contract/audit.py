"""The audit log: who did what with which alert or agent, when, from where, and what came of it.

A record names the actor by the `sub` of the token and the subject by its id. It holds no token, no note and no load:
what was done is kept, not what was said.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

AuditAction = Literal[
    "acknowledge", "assign", "snooze", "close", "note", "supported", "check_in",
    "create_key", "rotate_key", "revoke_key", "revoke_token",
]  # fmt: skip
"""What people do on the page, and what operators do at the command line."""


class AuditSubject(Struct, frozen=True):
    """What was acted on."""

    type: Literal["alert", "agent", "key", "person"]
    id: str


class AuditRecord(Struct, kw_only=True, frozen=True):
    """One action, taken or refused."""

    at: str
    """RFC 3339 UTC, when the answer was given."""
    tenant: str
    sub: str
    role: str
    action: AuditAction
    subject: AuditSubject
    outcome: int
    """The HTTP status of the answer, over REST and feed alike: 200 done, 202 written, 4xx and 503 not done."""
    address: str | None
    """Where the request came from: the peer of the connection, a proxy's when one stands between."""
    team: str | None = None
    """Whose it was: the team of the alert or the agent at that moment; null for what concerns the whole floor."""
    about: str | None = None
    """What kind of subject the alert was about; null where there was no such alert."""


class AuditPage(Struct, kw_only=True):
    """`GET /v1/audit`, the latest first. `next` goes into `after`; null on the last page."""

    records: list[AuditRecord]
    next: str | None


_decoder = msgspec.json.Decoder(AuditRecord)


def encode_audit(record: AuditRecord) -> bytes:
    """JSON, as it stands in the log."""
    return msgspec.json.encode(record)


def decode_audit(data: bytes) -> AuditRecord:
    """A record from the log. Raises msgspec.MsgspecError."""
    return _decoder.decode(data)
