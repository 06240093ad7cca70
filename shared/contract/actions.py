"""What leads do with alerts. Written by notify, refused from ACDs; applied by the engine like any event."""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec
from msgspec import Meta, Struct

from shared.contract.events import Name

Note = Annotated[str, Meta(max_length=280)]
"""A lead's note. 280 characters say what was done; longer texts about people do not belong here."""


class Action(Struct, kw_only=True, tag_field="type", omit_defaults=True):
    """One action of a lead on one alert. `id` makes a second copy harmless."""

    id: str
    tenant: str
    alert: str
    by: str
    seen_owner: str | None = None
    """Who looked after the alert when the lead decided, empty for nobody. When that is another by now, somebody was
    first, and the action has no effect. None: it holds whoever looks after it."""


class Acknowledged(Action, kw_only=True, tag="alert.acknowledged"):
    """Somebody looks after it."""

    note: Note = ""


class Assigned(Action, kw_only=True, tag="alert.assigned"):
    """Handed to a person by name."""

    to: Name


class Snoozed(Action, kw_only=True, tag="alert.snoozed"):
    """Set aside for a time; it comes back."""

    for_s: Annotated[int, Meta(ge=60, le=28_800)]


class Closed(Action, kw_only=True, tag="alert.closed"):
    """Ended by a lead."""

    note: Note = ""


class Noted(Action, kw_only=True, tag="alert.noted"):
    """A remark; no change of phase."""

    text: Note


AnyAction = Acknowledged | Assigned | Snoozed | Closed | Noted
ACTION_TYPES: tuple[type[Action], ...] = get_args(AnyAction)
ACTIONS: tuple[str, ...] = tuple(str(t.__struct_config__.tag) for t in ACTION_TYPES)

_decoder: msgspec.json.Decoder[AnyAction] = msgspec.json.Decoder(AnyAction)


def encode_action(action: Action) -> bytes:
    """JSON, as it stands in the log."""
    return msgspec.json.encode(action)


def decode_action(data: bytes) -> AnyAction:
    """The action of an entry. Raises msgspec.ValidationError."""
    return _decoder.decode(data)
